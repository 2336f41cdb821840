"""Every error that edge-lam raises on purpose.

    EdgeLamError
    ├── InvalidRequest          an argument, option or message that can't be served (also a ValueError)
    │   ├── InvalidTool         a tool definition that can't be read
    │   │   └── InvalidSchema   a schema that can't be enforced; names tool and path
    │   └── PromptTooLong       the prompt does not fit the context; says by how much and what takes the room
    ├── ModelError              something is wrong with a model
    │   ├── ModelNotFound       no such file, repository or quantization
    │   ├── InvalidModelFile    not a GGUF, truncated, or contradicting itself
    │   ├── UnsupportedModel    a sound file that edge-lam can't run
    │   └── InsufficientMemory  a model that would take more memory than it may; says what would fit
    ├── CheckpointError         a checkpoint that can't be converted
    ├── HubError                the hub can't be reached or refuses
    ├── MissingPackage          a package of Python that only some uses need is not installed
    ├── BackendError            llama.cpp is missing, failed to load or failed in a call
    │   └── UnusableLogits      the model computed logits that are no numbers
    ├── InvalidCall             the model's output is no valid call; keeps the raw text
    ├── InvalidReply            the model's output does not fit the response format; keeps the raw text
    ├── Busy                    too many requests are waiting already
    ├── Cancelled               the request was ended before its reply was whole
    └── Closed                  used after close()

Each carries a one-line message, an optional hint (what to do), a stable `code` and, where one argument is at fault,
its name in `param`.
"""

from __future__ import annotations

from edge_lam._util.printable import one_line

LONGEST_MESSAGE, LONGEST_HINT = 320, 170  # characters: what is wrong with a file may quote it


class EdgeLamError(Exception):
    """Base of all errors of edge-lam.

    Attributes:
        message: what is wrong, in one line; control characters are escaped, and a long one loses its middle.
        hint: what to do about it, or "".
        code: a stable identifier, such as "prompt_too_long".
        param: the argument at fault, or None.
    """

    code = "error"

    def __init__(self, message: str, *, hint: str = "", param: str | None = None) -> None:
        self.message = one_line(message, LONGEST_MESSAGE)
        super().__init__(self.message)
        self.hint = one_line(hint, LONGEST_HINT)
        self.param = param

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class InvalidRequest(EdgeLamError, ValueError):
    """An argument, option or message that can't be served."""

    code = "invalid_request"


class InvalidTool(InvalidRequest):
    """A tool definition that can't be read; `tool` is its name where known."""

    code = "invalid_tool"

    def __init__(self, message: str, *, tool: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint, param="tools")
        self.tool = tool


class InvalidSchema(InvalidTool):
    """A schema that can't be enforced; `path` is a JSON pointer into the tool's parameters."""

    code = "invalid_schema"

    def __init__(self, message: str, *, tool: str, path: str = "", hint: str = "") -> None:
        super().__init__(message, tool=tool, hint=hint)
        self.path = path


class PromptTooLong(InvalidRequest):
    """The prompt and the tokens kept free for the reply don't fit the context.

    Attributes:
        n_prompt: tokens of the prompt.
        n_ctx: tokens of the context.
        excess: how many tokens too many.
        parts: tokens by part of the prompt ("tools", "system", "messages").
    """

    code = "prompt_too_long"

    def __init__(self, message: str, *, n_prompt: int, n_ctx: int, excess: int, parts: dict[str, int]) -> None:
        super().__init__(message, hint="use fewer tools, a shorter history or a larger n_ctx", param="messages")
        self.n_prompt = n_prompt
        self.n_ctx = n_ctx
        self.excess = excess
        self.parts = parts


class ModelError(EdgeLamError):
    """Something is wrong with a model."""

    code = "model_error"


class ModelNotFound(ModelError):
    """No such file, repository or quantization."""

    code = "model_not_found"


class InvalidModelFile(ModelError):
    """Not a GGUF, truncated, or contradicting itself."""

    code = "invalid_model_file"


class UnsupportedModel(ModelError):
    """A sound file that edge-lam can't run."""

    code = "unsupported_model"


class InsufficientMemory(ModelError):
    """A model would take more memory than there is, or than it may; nothing was loaded.

    Attributes:
        needed: bytes that it would take of what the limit counts.
        available: bytes that the limit allows.
        n_ctx: the longest context that fits, or None if none does.
    """

    code = "insufficient_memory"

    def __init__(self, message: str, *, hint: str, needed: int, available: int, n_ctx: int | None) -> None:
        super().__init__(message, hint=hint, param="n_ctx")
        self.needed = needed
        self.available = available
        self.n_ctx = n_ctx


class CheckpointError(EdgeLamError):
    """A checkpoint that can't be converted."""

    code = "checkpoint_error"


class HubError(EdgeLamError):
    """The hub can't be reached, or refuses."""

    code = "hub_error"


class MissingPackage(EdgeLamError):
    """What is requested needs a package that is not installed; `package` is its name."""

    code = "missing_package"

    def __init__(self, message: str, *, package: str, hint: str = "", param: str | None = None) -> None:
        super().__init__(message, hint=hint, param=param)
        self.package = package


class BackendError(EdgeLamError):
    """llama.cpp is missing, failed to load, or failed in a call."""

    code = "backend_error"


class UnusableLogits(BackendError):
    """The model computed logits that are no numbers: it is damaged, or an adapter is."""

    code = "unusable_logits"


class InvalidCall(EdgeLamError):
    """The model's output is no valid call; `raw` keeps the text."""

    code = "invalid_call"

    def __init__(self, message: str, *, raw: str, tool: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.raw = raw
        self.tool = tool


class InvalidReply(EdgeLamError):
    """The model's output does not fit the response format; `raw` keeps the text."""

    code = "invalid_reply"

    def __init__(self, message: str, *, raw: str) -> None:
        super().__init__(message)
        self.raw = raw


class Busy(EdgeLamError):
    """Too many requests are waiting already."""

    code = "busy"


class Cancelled(EdgeLamError):
    """The request was ended before its reply was whole."""

    code = "cancelled"


class Closed(EdgeLamError):
    """Used after `close()`."""

    code = "closed"
