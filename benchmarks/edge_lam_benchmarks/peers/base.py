"""`Peer`: another way to get a tool call from the same model, behind one small adapter that the suite starts and stops.

In goes a `PeerTask`, out comes an `Outcome`. Knows nothing of how tasks are chosen and results shown.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from edge_lam.errors import EdgeLamError

Calls = tuple[tuple[str, dict[str, Any]], ...]


class PeerUnavailable(EdgeLamError):
    """The peer is not installed here, or can't run this model; the message says why. It is skipped."""

    code = "peer_unavailable"


class PeerFailed(EdgeLamError):
    """The peer did not start, died, or gave no answer."""

    code = "peer_failed"


class PeerRefused(PeerFailed):
    """The peer runs, but answered a task with an error; it goes on with the next."""

    code = "peer_refused"


@dataclass(frozen=True)
class Setup:
    """What every peer of one run gets alike.

    Attributes:
        model: a GGUF.
        n_ctx: tokens of context.
        n_threads: threads that compute.
        replayed: whether the weights are random: peers then write `PeerTask.n_tokens` tokens, whatever they say.
        paths: where what is no Python package is: "llama-server", "checkpoint", "python" (with torch).
    """

    model: str
    n_ctx: int
    n_threads: int
    replayed: bool
    paths: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PeerTask:
    """One request, as every peer gets it.

    Attributes:
        id: of the answer that it is made of.
        messages: in OpenAI's form.
        tools: in OpenAI's nested form, with plain JSON Schema.
        prompt_tokens: what the model's own format makes of them, for peers that take a prompt as it is.
        n_tokens: tokens of the answer.
        max_tokens: longest reply where the weights are real.
        end_tokens: what ends a reply.
        chosen: those tokens of the answer that the grammar doesn't force, for the replay.
        calls: names and arguments of the answer.
        schema: JSON Schema of an array of calls.
    """

    id: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    prompt_tokens: list[int]
    n_tokens: int
    max_tokens: int
    end_tokens: list[int]
    chosen: list[int]
    calls: Calls = ()
    schema: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a peer did with a task.

    Attributes:
        seconds: from asking to the whole reply, seen by whoever asks.
        n_prompt: tokens of the prompt, None where the peer doesn't tell.
        n_cached: those of them that it did not have to read.
        n_generated: tokens of the reply.
        calls: names and arguments that it returned as calls; none where it returned text.
        text: of the reply, where it is text.
        in_passes: seconds in the model's passes, where the peer tells; the rest is all that is around them.
        n_passes: how many passes, where the peer tells.
    """

    seconds: float
    n_prompt: int | None = None
    n_cached: int | None = None
    n_generated: int | None = None
    calls: Calls = ()
    text: str = ""
    in_passes: float | None = None
    n_passes: int | None = None


class Peer(ABC):
    """One way to get a call.

    Class attributes:
        name: in tables and on the command line.
        about: what is compared, in a few words.
    """

    name: ClassVar[str]
    about: ClassVar[str]

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    @abstractmethod
    def start(self) -> None:
        """Load the model.

        Raises:
            PeerUnavailable: it can't run here.
            PeerFailed: it did not start.
        """

    @abstractmethod
    def call(self, task: PeerTask) -> Outcome:
        """Answer a task, with what earlier calls left in its cache.

        Raises:
            PeerRefused: it answered with an error.
            PeerFailed: it died, or gave no answer.
        """

    @abstractmethod
    def stop(self) -> None:
        """End it and free its memory; a second call does nothing."""

    def describe(self) -> dict[str, Any]:
        """Return version and build of what is compared, as far as it tells."""
        return {}


def openai_calls(message: Mapping[str, Any]) -> Calls:
    """Return the calls of a message in OpenAI's form; those that can't be read are left out."""
    found = []
    for call in message.get("tool_calls") or ():
        function = call.get("function", {})
        try:
            arguments = json.loads(function.get("arguments") or "{}")
        except ValueError:  # the task counts as failed without it
            continue
        if isinstance(arguments, dict) and function.get("name"):
            found.append((str(function["name"]), arguments))
    return tuple(found)


def compiled_features(system_info: str) -> str:
    """Return what llama.cpp says that it was compiled with, such as "AVX2, FMA, OPENMP"."""
    return ", ".join(re.findall(r"(\w+) = 1\b", system_info.partition("CPU :")[2] or system_info))


def text_calls(text: str) -> Calls:
    """Return the calls that a text consists of, a JSON array in the form of xLAM-2; none if it is anything else."""
    try:
        values = json.loads(text)
    except ValueError:  # prose
        return ()
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        return ()
    calls = [(value.get("name"), value.get("arguments")) for value in values]
    return tuple((name, given) for name, given in calls if isinstance(name, str) and isinstance(given, dict))


def calls_schema(tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the JSON Schema of an array of calls to tools in OpenAI's nested form."""
    calls = []
    for tool in tools:
        function = tool["function"]
        properties = {"name": {"const": function["name"]}, "arguments": function["parameters"]}
        calls.append({"type": "object", "properties": properties, "required": ["name", "arguments"]})
    return {"type": "array", "items": {"anyOf": calls}, "minItems": 1}
