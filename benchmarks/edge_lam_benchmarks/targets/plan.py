"""What `edge-lam bench targets` measures, and in which order: in rounds, so that a run that ends early has every row.

In go models and a number of answers, out come items. Knows nothing of how anything is measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_lam.errors import InvalidRequest
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam_benchmarks.items import WorkItem

SUITE = "targets"
COSTS, LOOPS, WARM, RESTART, MASKS, CALLERS = "costs", "loops", "warm", "restart", "masks", "callers"
SCENARIOS = (COSTS, LOOPS, WARM, MASKS, RESTART, CALLERS)
# Answers of one round; what is not here is measured once, with the first model: it takes as long, and varies less.
PER_ROUND = {LOOPS: 20, WARM: 8}
EVERY_ROUND = (COSTS,)
PEERS = ("edge-lam", "llama-server")
SLOW_PEERS = ("llama-cpp-python",)  # they are compared on the answers of the first round


@dataclass(frozen=True)
class TargetPlan:
    """What is measured, and with what.

    Attributes:
        models: GGUFs.
        scenarios: from `SCENARIOS`.
        count: answers that are replayed.
        n_threads: threads that compute.
        seed: of the draw of answers, and of the order of turns.
        leaderboard: the folder "data" of bfcl-eval; None for that of the installed one.
        paths: of programs, as `peers.Setup` has them.
    """

    models: Sequence[Path]
    scenarios: Sequence[str]
    count: int
    n_threads: int
    seed: int = 0
    leaderboard: Path | None = None
    paths: Mapping[str, str] = field(default_factory=dict)

    def to_settings(self) -> dict[str, Any]:
        """Return plain JSON types, for the settings of a result file."""
        return {
            "models": [str(model) for model in self.models],
            "scenarios": list(self.scenarios),
            "answers": self.count,
            "n_threads": self.n_threads,
            "seed": self.seed,
            "leaderboard": str(self.leaderboard) if self.leaderboard else None,
            "paths": dict(self.paths),
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> TargetPlan:
        """Read what `to_settings` returned.

        Raises:
            InvalidRequest: they are those of another command.
        """
        try:
            folder = settings["leaderboard"]
            return cls(
                models=[Path(model) for model in settings["models"]],
                scenarios=settings["scenarios"],
                count=settings["answers"],
                n_threads=settings["n_threads"],
                seed=settings["seed"],
                leaderboard=Path(folder) if folder else None,
                paths=settings["paths"],
            )
        except (KeyError, TypeError) as error:
            raise InvalidRequest("this is no result file of `edge-lam bench targets`", param="resume") from error

    def items(self) -> list[WorkItem]:
        """Return the items in the order of measuring: first some of all, the models in turns, then more answers."""
        quants = {model: GGUFHeader.read(model).file_type for model in self.models}
        found: list[WorkItem] = []
        for number in range(max(self._rounds(scenario) for scenario in self.scenarios)):
            for scenario in (name for name in self.scenarios if number < self._rounds(name)):
                in_turns = scenario in PER_ROUND or scenario in EVERY_ROUND
                models = self.models if in_turns else self.models[:1]
                found += [item(scenario, str(model), quants[model], number, **self._options()) for model in models]
        return found

    def part(self, number: int, scenario: str) -> slice:
        """Return which of the answers belong to a round."""
        size = PER_ROUND[scenario]
        return slice(number * size, min((number + 1) * size, self.count))

    def _rounds(self, scenario: str) -> int:
        if scenario in EVERY_ROUND:
            return max((self._rounds(name) for name in self.scenarios if name in PER_ROUND), default=1)
        return -(-self.count // PER_ROUND[scenario]) if scenario in PER_ROUND else 1

    def _options(self) -> dict[str, Any]:
        return {"answers": self.count, "n_threads": self.n_threads, "seed": self.seed}


def item(scenario: str, model: str, quant: str, repeat: int = 0, **options: Any) -> WorkItem:
    """Return the item of one measure, and of one round of it."""
    return WorkItem(SUITE, model, scenario, quant, options, repeat)
