"""A calendar of one day's appointments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge_lam_benchmarks.quality.worlds.episode import Episode


class Calendar:
    """Appointments by their titles, each with the time at which it begins."""

    def __init__(self) -> None:
        self._times = {"dentist": "09:30", "lunch with Ana": "12:00", "gym": "18:00"}

    def tools(self) -> list[Callable[..., Any]]:
        """Return the functions that a model may call."""
        return [self.list_appointments, self.add_appointment, self.move_appointment, self.cancel_appointment]

    def state(self) -> dict[str, Any]:
        """Return the times of the appointments by their titles in lower case: the model may capitalise them."""
        return {title.lower(): time for title, time in self._times.items()}

    def list_appointments(self) -> dict[str, Any]:
        """List today's appointments with their times."""
        return {"appointments": [f"{time} {title}" for title, time in sorted(self._times.items(), key=lambda x: x[1])]}

    def add_appointment(self, title: str, time: str) -> dict[str, Any]:
        """Add an appointment to today's calendar.

        Args:
            title: What it is
            time: When it begins, such as 14:30
        """
        self._times[title] = _time(time)
        return {"added": title, "time": self._times[title]}

    def move_appointment(self, title: str, time: str) -> dict[str, Any]:
        """Move an appointment to another time.

        Args:
            title: Title of the appointment
            time: When it begins now, such as 14:30
        """
        known = self._find(title)
        self._times[known] = _time(time)
        return {"moved": known, "time": self._times[known]}

    def cancel_appointment(self, title: str) -> dict[str, Any]:
        """Cancel an appointment.

        Args:
            title: Title of the appointment
        """
        known = self._find(title)
        del self._times[known]
        return {"cancelled": known}

    def _find(self, title: str) -> str:
        for known in self._times:
            if known.lower() == title.lower():
                return known
        raise ValueError(f"there is no appointment {title!r}")


def _time(text: str) -> str:
    """Return a time as HH:MM."""
    hours, _, minutes = text.strip().partition(":")
    if not (hours.isdigit() and (minutes or "0").isdigit() and int(hours) < 24 and int(minutes or 0) < 60):
        raise ValueError(f"{text!r} is no time such as 14:30")
    return f"{int(hours):02}:{int(minutes or 0):02}"


EPISODES = (
    Episode("calendar-what", Calendar, ("What appointments do I have today?",), (), ("09:30", "12:00", "18:00")),
    Episode(
        "calendar-add",
        Calendar,
        ("Add an appointment: haircut at 15:00",),
        (("add_appointment", {"title": "haircut", "time": "15:00"}),),
    ),
    Episode(
        "calendar-move",
        Calendar,
        ("Move the gym appointment to 19:30.",),
        (("move_appointment", {"title": "gym", "time": "19:30"}),),
    ),
    Episode(
        "calendar-sick",
        Calendar,
        ("I am ill. Cancel the dentist and the gym.",),
        (("cancel_appointment", {"title": "dentist"}), ("cancel_appointment", {"title": "gym"})),
    ),
    Episode(
        "calendar-instead",
        Calendar,
        ("Cancel the gym appointment.", "Add swimming at 17:15 instead."),
        (("cancel_appointment", {"title": "gym"}), ("add_appointment", {"title": "swimming", "time": "17:15"})),
    ),
    Episode(
        "calendar-unknown",
        Calendar,
        ("Cancel my appointment with the bank.",),
        (),
    ),
)
