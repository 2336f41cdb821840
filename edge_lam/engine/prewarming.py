"""`Prewarming`: has what the prompts of many requests begin with in a sequence. Nothing is decoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from edge_lam.decoding import read_prompt, reuse_prompt
from edge_lam.engine.job import Job

if TYPE_CHECKING:
    from edge_lam.cache import LiveSequence
    from edge_lam.decoding import Reads
    from edge_lam.engine.prompt import PromptMaker
    from edge_lam.engine.request import Request
    from edge_lam.metrics.report import CallReport

T = TypeVar("T")


class Prewarming(Job, Generic[T]):
    """Reads the static tokens of a request, or restores them.

    Args:
        request: with the tools and the system message.
        prompts: makes its prompt.
        n_ctx: tokens of the context.
        report: gets times, tokens and passes.
        result: what is wanted of the sequence that holds them and nothing else; called in the owner's thread.
    """

    def __init__(
        self,
        request: Request,
        prompts: PromptMaker,
        *,
        n_ctx: int,
        report: CallReport,
        result: Callable[[LiveSequence], T],
    ) -> None:
        super().__init__()
        self._request, self._prompts, self._n_ctx, self._report = request, prompts, n_ctx, report
        self._make_result = result
        self._results: list[T] = []
        self._error: BaseException | None = None

    def prepare(self) -> list[int]:
        """Return the tokens of the prompt."""
        return self._prompts.make(self._request, self._report, self._n_ctx)[1]

    def start(self, sequence: LiveSequence) -> Reads:
        """Read what is missing."""
        n_static = self._prompts.n_static(self._request, self.prompt)
        yield from reuse_prompt(sequence, self.prompt, lambda: n_static, self._report)
        if missing := self.prompt[len(sequence.tokens) : n_static]:  # too few to be stored
            yield from read_prompt(missing, self._report)
        sequence.keep(n_static)
        self._results.append(self._make_result(sequence))

    def expire(self) -> None:
        """There is nothing to do: it has no time limit."""

    def finish(self, error: BaseException | None) -> None:
        """Keep the error for whoever waits."""
        self._error = error

    def result(self) -> T:
        """Wait for the end, and return the result or raise the error."""
        self.ended.wait()
        if self._error is not None:
            raise self._error
        return self._results[0]
