"""`TuneReport`: what tuning took, and what the adapter is better or worse at: data, and a page of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from edge_lam_converters.quality.agreement import CallAgreement


@dataclass(frozen=True)
class TuneReport:
    """What was learnt, and what came of it.

    Attributes:
        base: as it was named.
        is_dequantized: whether the base was a GGUF, whose weights were dequantized for training.
        format: the chat format that was learnt.
        folder, gguf: the adapter as peft writes it, and for the runtime.
        n_replies, n_conversations: what was learnt.
        n_left_out: rows that could not be used.
        n_too_long: replies that the base's context has no room for, left out too.
        held_out: exact calls of the adapter (the "model") and the base (the "reference") on requests not learnt.
        general: the same on requests for edge-lam's own demo tools.
        chose_on_held_out: whether the epoch was chosen by the requests that `held_out` counts.
        epochs: of each epoch, how many of the requests kept back were answered exactly; None if it was not counted.
        chosen: the epoch that was kept.
        steps: steps of the optimizer.
        first_loss, last_loss: means over the first and the last tenth of the steps.
        tokens: read in training, and seconds that it took; those of earlier runs not included.
        seconds: of training, in this run.
        room: tokens of a row, as the memory had them.
        memory: most bytes that this process held; on a GPU what was allocated there.
        device: where it was trained.
    """

    base: str
    is_dequantized: bool
    format: str
    folder: str
    gguf: str
    n_replies: int
    n_conversations: int
    n_left_out: int
    n_too_long: int
    held_out: CallAgreement
    general: CallAgreement
    chose_on_held_out: bool
    epochs: list[int | None]
    chosen: int
    steps: int
    first_loss: float
    last_loss: float
    tokens: int
    seconds: float
    room: int
    memory: int
    device: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)

    def markdown(self) -> str:
        """Return a page for people."""
        rows = [_counts("held out", self.held_out), _counts("general (the demo's tools)", self.general)]
        learnt = f"{self.n_replies} replies in {self.n_conversations} conversations, in the format {self.format}"
        left_out = f"{self.n_left_out} rows could not be used, {self.n_too_long} replies were too long"
        dequantized = ["", "The base is a GGUF: its weights were dequantized for training."]
        rate = self.tokens / max(self.seconds, 1e-9)
        lines = [
            f"# An adapter for {self.base}",
            "",
            f"LoRA of {learnt}. Left out: {left_out}.",
            *(dequantized if self.is_dequantized else []),
            "",
            "| exact calls | requests | base | with adapter | only adapter | only base | p (McNemar, exact) |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            "Both answer greedily, held to the tools' schemas, on the same requests; a request counts if exactly the",
            "expected calls are made, in any order, or none where none is expected.",
            *self._choice(),
            "",
            "| training | |",
            "|---|---|",
            f"| loss, first and last tenth of {self.steps} steps | {self.first_loss:.2f} -> {self.last_loss:.2f} |",
            f"| tokens read, in this run | {self.tokens:,} |",
            f"| time, in this run | {self.seconds:.0f} s ({rate:.0f} tokens/s, {self.device}) |",
            f"| memory at its peak | {self.memory / 1e9:.2f} GB, rows of {self.room} tokens |",
        ]
        return "\n".join(lines) + "\n"

    def _choice(self) -> list[str]:
        counted = [f"{epoch}: {n}" for epoch, n in enumerate(self.epochs, 1) if n is not None]
        if not counted:
            return []
        sentence = f"Exact calls after epoch {', '.join(counted)}; epoch {self.chosen} is kept."
        if self.chose_on_held_out:
            sentence += " The requests above chose it, so that their score is a little kind (--eval avoids that)."
        return ["", sentence]


def _counts(name: str, counts: CallAgreement) -> str:
    before, after = counts.both + counts.only_reference, counts.both + counts.only_model
    cells = (name, counts.n_requests, before, after, counts.only_model, counts.only_reference, f"{counts.p_value:.3g}")
    return f"| {' | '.join(map(str, cells))} |"
