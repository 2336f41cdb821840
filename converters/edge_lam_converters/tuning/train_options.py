"""How an adapter is learnt, and how far that is: plain data, without torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainOptions:
    """How an adapter is learnt.

    Attributes:
        rank: of the factors; their product counts twice (alpha is twice the rank).
        epochs: how often each conversation is read, at most.
        learning_rate: the highest; it rises at first and falls to a tenth.
        batch: replies that a step learns from, at least.
        room: tokens of a row, at most; made smaller where the memory is too small.
        seed: of the order of rows, and of the factors.
    """

    rank: int = 16
    epochs: int = 2
    learning_rate: float = 4e-4
    batch: int = 16
    room: int = 2048
    seed: int = 0


@dataclass(frozen=True)
class StepProgress:
    """How far training is.

    Attributes:
        step, n_steps: steps done, and of how many.
        loss: the mean over the tokens that the last step learnt.
        tokens_per_second: read, since training began or went on.
        seconds_left: at this pace.
    """

    step: int
    n_steps: int
    loss: float
    tokens_per_second: float
    seconds_left: float
