"""`LAM`: the one object a user holds. In go messages and tools, out come replies and reports. It never prints."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any

from edge_lam.engine import ChatOptions, Engine, Event, Reply, ReplyFinished, Request
from edge_lam.errors import InvalidRequest
from edge_lam.formats import detect
from edge_lam.llama import Context, Model
from edge_lam.metrics.log import CallLog

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from edge_lam.formats.messages import Messages

__all__ = ["LAM", "ChatOptions", "ModelInfo", "Reply", "find_model", "load"]

EMBEDDED_MODEL = Path(__file__).parent / "assets" / "tiny-lam-Q8_0.gguf"


def load(
    model: str | os.PathLike[str] | None = None,
    *,
    n_ctx: int | None = None,
    n_threads: int | None = None,
    device: str = "auto",
    log: str | os.PathLike[str] | bool | None = None,
    log_prompts: bool | None = None,
) -> LAM:
    """Load a model.

    Args:
        model: a GGUF file; "owner/repo:QUANT" or "owner/repo/file.gguf" on the hub; None for the embedded model.
        n_ctx: tokens of prompt and reply together; by default what the model was trained for, at most 4096.
        n_threads: threads that compute; by default one per physical core that this process may use.
        device: "auto", "cpu" or "gpu".
        log: a file that gets a line for each call, "off" for none; None takes EDGE_LAM_LOG, else the state folder.
        log_prompts: whether prompts and replies are logged too; None takes EDGE_LAM_LOG_PROMPTS=1.

    Raises:
        ModelNotFound: no such file, repository or quantization.
        InvalidModelFile: not a GGUF, truncated or contradicting itself.
        UnsupportedModel: a sound file that edge-lam can't run.
        HubError: the hub can't be reached.
        BackendError: llama.cpp or the device failed.
        InvalidRequest: a number or the device is out of range.
    """
    path = find_model(model)
    start = perf_counter()
    loaded = Model(path, device=device)
    try:
        chat_format = detect(loaded.metadata)
        context = Context(loaded, n_ctx=n_ctx, n_threads=n_threads)
    except BaseException:
        loaded.close()
        raise
    call_log = CallLog(log, log_prompts=log_prompts)
    return LAM(Engine(context, chat_format, call_log, load_seconds=perf_counter() - start))


def find_model(model: str | os.PathLike[str] | None = None) -> Path:
    """Return the file of a model, downloaded if it is on the hub; None is the embedded one.

    Raises:
        ModelNotFound: no such file, repository or quantization.
        HubError: the hub can't be reached.
    """
    if model is None:
        return EMBEDDED_MODEL
    if not isinstance(model, str | os.PathLike):
        raise InvalidRequest(f"model must be a path or a name, not {type(model).__name__}", param="model")
    path = Path(model).expanduser()
    if isinstance(model, os.PathLike) or path.exists():
        return path
    from edge_lam.hub import resolve

    return resolve(model)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is loaded, and how; sizes in bytes.

    `bits_per_weight` is measured, whatever the name of the quantization says.
    """

    name: str
    path: str
    architecture: str
    quantization: str
    bits_per_weight: float
    n_parameters: int
    size: int
    license: str
    format: str
    template_sha256: str
    device: str
    n_ctx: int
    n_ctx_train: int
    n_threads: int
    kv_bytes: int
    compute_bytes: int
    load_seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


class LAM:
    """A large action model, loaded. Made by `load`; a context manager.

    Calls from several threads wait for each other.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def chat(self, messages: Messages, **options: Unpack[ChatOptions]) -> Reply:
        """Ask the model and wait for its reply.

        Args:
            messages: a string, or messages in OpenAI's form.
            **options: tools, tool_choice, parallel_tool_calls, temperature, top_p, seed, max_tokens, stop, constrain;
                see `ChatOptions` and `ReplyOptions`.

        Raises:
            InvalidRequest: something in the request can't be served; `param` names it.
            InvalidTool: a tool can't be read, or its schema not be enforced.
            PromptTooLong: the prompt leaves no room for a reply; says what takes the room.
            BackendError: llama.cpp failed.
            Closed: after `close()`.
        """
        for event in self.stream(messages, **options):
            if isinstance(event, ReplyFinished):
                reply = event.reply
        return reply

    def stream(self, messages: Messages, **options: Unpack[ChatOptions]) -> Generator[Event, None, None]:
        """Ask the model and get its reply as it comes: text in pieces, calls when they are complete.

        Arguments and errors are those of `chat`. Leaving the stream early (`break`, `close()`) ends the reply; so does
        another call in the same thread.

        Returns:
            A generator of events: `TextDelta`, then `CallFinished`, and `ReplyFinished` as the last.
        """
        return self._engine.run(Request.of(messages, options))

    @property
    def info(self) -> ModelInfo:
        """What is loaded, and how."""
        engine = self._engine
        model, context, header = engine.model, engine.context, engine.model.header
        return ModelInfo(
            name=model.name,
            path=str(model.path),
            architecture=model.architecture,
            quantization=header.file_type,
            bits_per_weight=header.bits_per_weight,
            n_parameters=model.n_parameters,
            size=model.size,
            license=header.license,
            format=engine.format.name,
            template_sha256=engine.format.template_sha256,
            device=model.device,
            n_ctx=context.n_ctx,
            n_ctx_train=model.n_ctx_train,
            n_threads=context.n_threads,
            kv_bytes=context.kv_bytes,
            compute_bytes=context.compute_bytes,
            load_seconds=engine.load_seconds,
        )

    def close(self) -> None:
        """Free the memory; a second call does nothing."""
        self._engine.close()

    def __enter__(self) -> LAM:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"LAM({self._engine.model.name!r}, n_ctx={self._engine.context.n_ctx})"
