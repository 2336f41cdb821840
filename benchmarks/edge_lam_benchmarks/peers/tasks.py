"""Answers -> tasks: the same request in every form that a peer takes, and what warms its cache for it.

Knows the model's format and vocabulary; nothing is decoded here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edge_lam.decoding import Vocabulary
from edge_lam.formats import detect
from edge_lam.llama import Model
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.llama.shape import ModelShape
from edge_lam.tools import as_tools
from edge_lam_benchmarks.answers import Answer
from edge_lam_benchmarks.peers.base import PeerTask, calls_schema
from edge_lam_benchmarks.random_weights import is_shape
from edge_lam_benchmarks.replay import Replay, Replays

MAX_TOKENS = 256  # of a reply that the model itself decides
OTHER_REQUEST = "Hello"
N_CTX = 4096
ROOM = 512  # tokens of context beyond the longest prompt


@dataclass(frozen=True)
class WarmTask:
    """A task, and the one that comes before it.

    Attributes:
        task: what is timed.
        opening: the same tools and system message with another request and one token of reply: what a cache holds of
            it is what two calls of one application share.
    """

    task: PeerTask
    opening: PeerTask

    @property
    def same_opening(self) -> tuple[int, ...]:
        """The same for tasks whose cache is warm once one of them was run."""
        return tuple(self.opening.prompt_tokens)


def warm_tasks(answers: Iterable[Answer], replays: Replays) -> Iterator[WarmTask]:
    """Yield a task for each answer that fits its tools; `replays.refused` notes the others."""
    for replay in replays.of(answers):
        task = _task(replay, replays)
        other = [message for message in task.messages[:1] if message["role"] == "system"]
        other.append({"role": "user", "content": OTHER_REQUEST})
        segments = replays.format.render_segments(other, replay.request.tools)
        prompt = replays.vocabulary.model.tokenize_parts(segments)
        yield WarmTask(task, replace(task, messages=other, prompt_tokens=prompt, n_tokens=1, max_tokens=1))


def tasks_of(model: str | Path, answers: Iterable[Answer], *, n_ctx: int | None = None) -> tuple[list[WarmTask], bool]:
    """Return answers as tasks for peers, and whether the model's weights are random.

    Args:
        model: a GGUF.
        answers: those that don't fit their tools are left out.
        n_ctx: leave those out, too, whose prompt leaves no room for a reply.
    """
    with Model(model) as loaded:
        chat_format = detect(loaded.metadata)
        replays = Replays(Vocabulary(loaded, chat_format.end_of_turn), chat_format)
        limit = min(n_ctx or loaded.n_ctx_train, loaded.n_ctx_train) - ROOM
        tasks = [pair for pair in warm_tasks(answers, replays) if len(pair.task.prompt_tokens) <= limit]
        return tasks, is_shape(loaded.metadata)


def context_of(model: str | Path) -> int:
    """Return a context for a model's requests: what it was trained for, at most `N_CTX`."""
    return min(ModelShape.of(GGUFHeader.read(model)).n_ctx_train, N_CTX)


def _task(replay: Replay, replays: Replays) -> PeerTask:
    answer = replay.answer
    definitions = [tool.definition() for tool in as_tools(answer.tools)]
    tools = [{"type": "function", "function": definition} for definition in definitions]
    return PeerTask(
        id=answer.id,
        messages=answer.messages,
        tools=tools,
        prompt_tokens=replay.prompt,
        n_tokens=len(replay.tokens),
        max_tokens=MAX_TOKENS,
        end_tokens=sorted(replays.vocabulary.end_tokens),
        chosen=replay.chosen,
        calls=answer.calls,
        schema=calls_schema(tools),
    )
