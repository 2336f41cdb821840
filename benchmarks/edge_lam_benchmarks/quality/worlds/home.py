"""A home with lights, heating and a door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from edge_lam_benchmarks.quality.worlds.episode import Episode

Room = Literal["kitchen", "bedroom", "living room", "bathroom"]


class Home:
    """Rooms with a light and a temperature each, and a front door."""

    def __init__(self) -> None:
        self._lights: dict[str, bool] = {"kitchen": False, "bedroom": True, "living room": True, "bathroom": False}
        self._degrees: dict[str, float] = {"kitchen": 19, "bedroom": 18, "living room": 21, "bathroom": 22}
        self._locked = False

    def tools(self) -> list[Callable[..., Any]]:
        """Return the functions that a model may call."""
        return [self.switch_light, self.set_temperature, self.get_temperature, self.lock_door]

    def state(self) -> dict[str, Any]:
        """Return lights, temperatures and the door."""
        return {"lights": dict(self._lights), "degrees": dict(self._degrees), "locked": self._locked}

    def switch_light(self, room: Room, on: bool) -> dict[str, Any]:
        """Switch the light of a room on or off.

        Args:
            room: Which room
            on: True to switch it on, false to switch it off
        """
        self._lights[room] = on
        return {"room": room, "light": "on" if on else "off"}

    def set_temperature(self, room: Room, degrees: float) -> dict[str, Any]:
        """Set the heating of a room.

        Args:
            room: Which room
            degrees: Temperature in degrees Celsius, from 5 to 30
        """
        if not 5 <= degrees <= 30:
            raise ValueError("the heating goes from 5 to 30 degrees")
        self._degrees[room] = degrees
        return {"room": room, "degrees": degrees}

    def get_temperature(self, room: Room) -> dict[str, Any]:
        """Get the temperature of a room in degrees Celsius.

        Args:
            room: Which room
        """
        return {"room": room, "degrees": self._degrees[room]}

    def lock_door(self, locked: bool) -> dict[str, Any]:
        """Lock or unlock the front door.

        Args:
            locked: True to lock it, false to unlock it
        """
        self._locked = locked
        return {"door": "locked" if locked else "unlocked"}


EPISODES = (
    Episode(
        "home-light",
        Home,
        ("Turn on the light in the kitchen.",),
        (("switch_light", {"room": "kitchen", "on": True}),),
    ),
    Episode(
        "home-warmer",
        Home,
        ("How warm is it in the bedroom?", "Set it to 20 degrees."),
        (("set_temperature", {"room": "bedroom", "degrees": 20}),),
        ("18",),
    ),
    Episode(
        "home-leaving",
        Home,
        ("I'm leaving. Turn off the lights in the bedroom and in the living room, then lock the front door.",),
        (
            ("switch_light", {"room": "bedroom", "on": False}),
            ("switch_light", {"room": "living room", "on": False}),
            ("lock_door", {"locked": True}),
        ),
    ),
    Episode(
        "home-two-rooms",
        Home,
        ("Set the bathroom to 24 degrees and the kitchen to 17.5.",),
        (
            ("set_temperature", {"room": "bathroom", "degrees": 24}),
            ("set_temperature", {"room": "kitchen", "degrees": 17.5}),
        ),
    ),
    Episode(
        "home-too-hot",
        Home,
        ("Heat the bathroom to 45 degrees.", "Then as hot as it goes, 30 degrees."),
        (("set_temperature", {"room": "bathroom", "degrees": 30}),),
    ),
    Episode("home-thanks", Home, ("Thank you, that is all for today!",), ()),
)
