"""Admission: whether a model may be loaded with what it will take of the memory, before any of it is.

In go the header of its file and how it is wanted, out comes the plan to load it by, or a refusal that says what would
fit. Weights are mapped from their file: the system may drop them and read them again, so that only the whole of a
machine or container, not what is free at the moment, is held against them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from edge_lam._util.addresses import address_space, stacks
from edge_lam._util.debug import reason
from edge_lam._util.sizes import read_size, size
from edge_lam.errors import InsufficientMemory, InvalidRequest
from edge_lam.llama import DEFAULT_KV_TYPE, Model, ModelFile
from edge_lam.llama.library import devices, memory_in_use
from edge_lam.llama.plan import MemoryPlan, largest_context, plan_memory
from edge_lam.llama.threads import default_threads
from edge_lam.metrics.memory import machine_memory, memory_limit, process_memory

SMALLER_KV_TYPE = "q8_0"
_LIBRARIES = 64 << 20  # bytes of addresses: llguidance, grammars, what llama.cpp has of its own
_TOKEN = 1 << 10  # bytes too: of Qwen's 151,936 tokens, llama.cpp takes 46 MiB twice, llguidance 57
_OWN_THREADS = 4  # that load, build, compute and serve

logger = logging.getLogger("edge_lam.loading")


@dataclass(frozen=True, slots=True)
class Limit:
    """The most memory that a model may take.

    Attributes:
        n_bytes: the most.
        source: what sets it, in words that follow "more than".
        counts_weights: whether weights are held against it, or only what is there beside them.
    """

    n_bytes: int
    source: str
    counts_weights: bool = True

    def taken(self, plan: MemoryPlan) -> int:
        """Return what of a plan is held against it."""
        return plan.total if self.counts_weights else plan.held

    def room(self, plan: MemoryPlan) -> int:
        """Return how many bytes a plan with these weights may have in total."""
        return self.n_bytes if self.counts_weights else self.n_bytes + plan.weights


def read_budget(budget: int | str | bool | None) -> int | None:
    """Read a budget in bytes, or as a size such as "2GiB"; None and False are none.

    Raises:
        InvalidRequest: it is neither.
    """
    if budget is None or budget is False:
        return None
    if isinstance(budget, str):
        budget = read_size(budget, param="memory_budget")
    if budget is True or not isinstance(budget, int) or budget < 1:
        raise InvalidRequest(
            f"memory_budget must be bytes, or a size such as 2GiB, not {budget!r}", param="memory_budget"
        )
    return budget


class Admission(NamedTuple):
    """How a model is to be loaded.

    Attributes:
        plan: what is taken.
        is_short: so little memory is free that the system must be able to drop weights: they should stay mapped.
    """

    plan: MemoryPlan
    is_short: bool = False


def admit(
    file: ModelFile,
    wanted: MemoryPlan,
    *,
    device: str,
    budget: int | str | bool | None = None,
    fit_context: bool = False,
) -> Admission:
    """Decide how to load a model: as it is wanted, or with a shorter context if that may be.

    Args:
        file: of the model.
        wanted: how it is to be loaded.
        device: where to: "cpu", or a GPU's label.
        budget: what the user allows, in bytes or as `read_budget` takes it; False checks nothing.
        fit_context: whether the context may be shortened to what fits.

    Raises:
        InsufficientMemory: it does not fit.
        InvalidRequest: the budget is none.
    """
    allowed = read_budget(budget)
    if budget is False:
        return Admission(wanted)
    with _layout(file, device, allowed) as layout:
        wanted = _replan(file, wanted, wanted.n_ctx, device, layout) if layout else wanted
        limits = limits_of(device, allowed, n_vocab=file.shape.n_vocab)
        plan = fit(file, wanted, limits, fit_context=fit_context, device=device, layout=layout)
    if plan.n_ctx != wanted.n_ctx:
        logger.warning("the context is shortened from %d tokens to the %d that fit", wanted.n_ctx, plan.n_ctx)
    free = _free_memory(swap=False)
    if device != "cpu" or free is None or plan.total <= free:
        return Admission(plan)
    logger.warning(
        "the model takes %s, but only %s are free: it will be slow, as weights may have to be read again",
        size(plan.total),
        size(free),
    )
    return Admission(plan, is_short=True)


@contextmanager
def _layout(file: ModelFile, device: str, budget: int | None) -> Iterator[Model | None]:
    """Lay a model out that may take no more than a budget: llama.cpp itself then tells what it takes."""
    if budget is None:
        yield None
        return
    with Model(file, device="cpu" if device == "cpu" else "gpu", no_alloc=True) as layout:
        yield layout


def _replan(file: ModelFile, plan: MemoryPlan, n_ctx: int, device: str, layout: Model | None) -> MemoryPlan:
    """Return a plan with another context, or another way to know it."""
    return plan_memory(
        file,
        n_ctx=n_ctx,
        n_parallel=plan.n_parallel,
        kv_type=plan.kv_type,
        adapters=plan.adapters,
        device=device,
        layout=layout,
    )


def fit(
    file: ModelFile,
    wanted: MemoryPlan,
    limits: Iterable[Limit],
    *,
    fit_context: bool = False,
    device: str = "cpu",
    layout: Model | None = None,
) -> MemoryPlan:
    """Return what is wanted if it is within all limits, else with the longest context that is, if that may be.

    Device and layout are those of `plan_memory`.

    Raises:
        InsufficientMemory: as `admit`.
    """
    over = [limit for limit in limits if limit.taken(wanted) > limit.n_bytes]
    if not over:
        return wanted
    limit = min(over, key=lambda limit: limit.room(wanted))
    largest = partial(
        largest_context,
        file,
        limit.room(wanted),
        n_parallel=wanted.n_parallel,
        adapters=wanted.adapters,
        device=device,
        layout=layout,
    )
    most = largest(kv_type=wanted.kv_type)
    if most is None or not fit_context:
        raise _refusal(file, wanted, limit, most, largest)
    return _replan(file, wanted, most, device, layout)


def limits_of(device: str, budget: int | None, *, n_vocab: int = 0) -> Iterator[Limit]:
    """Yield what a plan is held against: the user's budget, if there is one, and what the machine has.

    Args:
        device: where the model goes.
        budget: of the user, in bytes.
        n_vocab: tokens of the model, which no plan counts; where addresses are limited they do.
    """
    if budget is not None:
        yield Limit(budget, f"the memory budget of {size(budget)}")
    if device == "cpu":
        yield from _host_limits(n_vocab)
        return
    total, used = sum(gpu.memory_total for gpu in devices() if gpu.kind == "gpu"), memory_in_use("gpu")
    if total and used is not None:  # some drivers don't tell
        yield Limit(total - used, f"the {size(total - used)} that are free on {device}")


def _host_limits(n_vocab: int) -> Iterator[Limit]:
    total, container, free = machine_memory().total, memory_limit(), _free_memory()
    if total is None or free is None:
        logger.debug("models are not held against the memory of this machine, which is told only where psutil is")
    if total is not None:
        yield Limit(total, f"the {size(total)} of this machine")
    if container is not None:
        yield Limit(container, f"the {size(container)} that the container allows")
    addresses = address_space()
    if addresses is not None:
        beside = _LIBRARIES + _TOKEN * n_vocab + stacks(default_threads().n + _OWN_THREADS)
        rest = max(0, addresses - beside)
        yield Limit(rest, f"the {size(rest)} of addresses (ulimit -v) that libraries and threads leave")
    if free is not None:
        yield Limit(free, f"the {size(free)} that are free", counts_weights=False)


def _free_memory(*, swap: bool = True) -> int | None:
    """Return the bytes that this process could take, with or without what others hold idle and can be swapped out.

    None where the system does not tell.
    """
    container, machine = memory_limit(), machine_memory()
    if machine.available is None:
        return None
    free = machine.available + (machine.swap if swap else 0)
    return free if container is None else min(free, max(0, container - process_memory().resident))


def _refusal(
    file: ModelFile, plan: MemoryPlan, limit: Limit, most: int | None, largest: Callable[..., int | None]
) -> InsufficientMemory:
    needed = limit.taken(plan)
    context = f"{plan.n_ctx} tokens of context" + (f" for each of {plan.n_parallel}" if plan.n_parallel > 1 else "")
    beside = "" if limit.counts_weights else " beside its weights"
    message = f"{file.header.name} with {context} takes {size(needed)}{beside}, more than {limit.source}"
    choices = [f"a context of {most} tokens fits"] if most else []
    if plan.kv_type == DEFAULT_KV_TYPE:
        more = _with_smaller_type(largest)
        choices += [f"one of {more} with kv_type {SMALLER_KV_TYPE}"] if more and more > (most or 0) else []
    hint = ", ".join(choices) or "use a smaller model or quantization"
    return InsufficientMemory(message, hint=hint, needed=needed, available=limit.n_bytes, n_ctx=most)


def _with_smaller_type(largest: Callable[..., int | None]) -> int | None:
    """Return the longest context that fits with half the keys and values, if the model can have that."""
    try:
        return largest(kv_type=SMALLER_KV_TYPE)
    except InvalidRequest as error:  # the shapes of its keys and values can't be of that type
        logger.debug("%s is not proposed: %s", SMALLER_KV_TYPE, reason(error))
        return None
