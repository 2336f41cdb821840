"""Which calls two models make on the same requests, and whether one is right more often than chance explains.

In go models' replies and the expected calls, out comes a table of two by two with its McNemar test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edge_lam.errors import InvalidRequest
from edge_lam.formats.examples import Example, same_calls
from edge_lam.lam import LAM
from edge_lam.tools import ToolCall


@dataclass(frozen=True)
class CallAgreement:
    """What two models did with the same requests.

    Attributes:
        n_requests: how many.
        same: share of requests to which both made exactly the same calls, right or wrong.
        both, only_model, only_reference, neither: how many requests were answered with exactly the expected calls by
            both models, only one of them, or none.
        p_value: of the exact McNemar test, two-sided: how likely it is that the requests which only one of them got
            right would divide at least so unevenly, if both were equally good.
    """

    n_requests: int
    same: float
    both: int
    only_model: int
    only_reference: int
    neither: int
    p_value: float


def call_agreement(
    examples: Sequence[Example], calls: Sequence[Sequence[ToolCall]], reference: Sequence[Sequence[ToolCall]]
) -> CallAgreement:
    """Compare the calls of two models, in the order of the examples."""
    counts = {(ours, theirs): 0 for ours in (True, False) for theirs in (True, False)}
    n_same = 0
    for example, ours, theirs in zip(examples, calls, reference, strict=True):
        counts[example.is_met(ours), example.is_met(theirs)] += 1
        n_same += same_calls(ours, theirs)
    only_model, only_reference = counts[True, False], counts[False, True]
    return CallAgreement(
        n_requests=len(examples),
        same=n_same / len(examples),
        both=counts[True, True],
        only_model=only_model,
        only_reference=only_reference,
        neither=counts[False, False],
        p_value=mcnemar(only_model, only_reference),
    )


def mcnemar(only_one: int, only_other: int) -> float:
    """Return the two-sided p-value of McNemar's test, exactly, by the binomial distribution.

    scipy's `binomtest` has it too: a hundred megabytes, which who converts a model does without.

    Args:
        only_one: how often only the one was right.
        only_other: how often only the other was.
    """
    n, fewer = only_one + only_other, min(only_one, only_other)
    tail = sum(math.comb(n, k) for k in range(fewer + 1))
    return min(1.0, 2 * tail / (1 << n))


def make_calls(
    lam: LAM, examples: Iterable[Example], *, max_tokens: int, on_reply: Callable[[], object] = lambda: None
) -> list[tuple[ToolCall, ...]]:
    """Let a model answer each request, held to the tools' schemas, and return the calls it makes.

    Raises:
        InvalidRequest: a request that the model can't be given; names the example.
    """
    found = []
    for example in examples:
        found.append(_reply(lam, example, max_tokens))
        on_reply()
    return found


def _reply(lam: LAM, example: Example, max_tokens: int) -> tuple[ToolCall, ...]:
    try:
        reply = lam.chat(list(example.messages), tools=example.tools, max_tokens=max_tokens)
    except InvalidRequest as error:
        raise InvalidRequest(f"{example.id}: {error.message}", hint=error.hint, param="calls") from error
    return tuple(reply.tool_calls)
