"""What this installation is made of, and one line of advice per problem.

In comes nothing; out comes a `Diagnosis` of plain facts. It changes nothing on the machine, except that the self-test
of an accelerator runs where it has not run before, and prints nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from edge_lam.doctor.advice import Advice, advise
from edge_lam.doctor.facts import Facts, examine

__all__ = ["Advice", "Diagnosis", "Facts", "advise", "diagnose", "examine"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The facts, and what to do about those that are problems."""

    facts: Facts
    advice: tuple[Advice, ...]

    @property
    def works(self) -> bool:
        """Whether models can run at all."""
        return not any(advice.fatal for advice in self.advice)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {"works": self.works, **asdict(self.facts), "advice": [asdict(advice) for advice in self.advice]}


def diagnose() -> Diagnosis:
    """Examine this installation; what is missing or broken becomes advice, not an exception."""
    facts = examine()
    return Diagnosis(facts, tuple(advise(facts)))
