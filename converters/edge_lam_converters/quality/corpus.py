"""What models are to read, and how: files of conversations and of text, the chat format, the device.

In come the options of `calibrate` and `compare`, out come checked examples and text. Loads no model.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from edge_lam._util.read_file import as_text, read_bounded
from edge_lam.errors import InvalidRequest
from edge_lam.formats import ChatFormat, detect, read_template
from edge_lam.formats.examples import Example, read_examples

if TYPE_CHECKING:
    from edge_lam.llama import Model
    from edge_lam.tools import Tool

_MAX_BYTES = 1 << 30  # of a text

Progress: TypeAlias = Callable[[str, int, int], object]


def no_progress(stage: str, done: int, total: int) -> None:
    """Tell nobody how far the work is."""


class ReadOptions(TypedDict, total=False):
    """What to read, and how.

    Attributes:
        calls: a file of conversations with expected replies, see `read_examples`.
        text: a text file to read besides, or instead.
        tools: for the conversations that bring none.
        format: the chat format, as for `edge_lam.load`.
        template: a file with the template to render.
        verbatim: render the template in the model file.
        device: "auto", "cpu" or "gpu".
        n_threads: threads that compute; by default one per physical core.
        on_wrong: hears of each row of a data set that can't be used and is left out; by default it is an error.
        on_progress: hears the name of a stage, how much of it is done, and of how much.
    """

    calls: str | os.PathLike[str] | None
    text: str | os.PathLike[str] | None
    tools: Sequence[Tool]
    format: str | None
    template: str | os.PathLike[str] | None
    verbatim: bool
    device: str
    n_threads: int | None
    on_wrong: Callable[[InvalidRequest], object] | None
    on_progress: Progress


@dataclass(frozen=True)
class Corpus:
    """What was in the files; empty where there is none."""

    examples: Sequence[Example] = ()
    text_name: str = ""
    text: str = ""

    @classmethod
    def read(cls, options: ReadOptions) -> Corpus:
        """Read the files.

        Raises:
            InvalidRequest: one can't be read, or a line is wrong.
        """
        calls, text = options.get("calls"), options.get("text")
        tools, on_wrong = options.get("tools", ()), options.get("on_wrong")
        examples = [] if calls is None else read_examples(calls, tools, on_wrong=on_wrong)
        return cls(examples) if text is None else cls(examples, Path(text).name, _read_text(text))


def chat_format_of(model: Model, options: ReadOptions) -> ChatFormat:
    """Return the format that a model is to be read in.

    Raises:
        UnsupportedModel: none is known.
        InvalidRequest: the template can't be read.
    """
    template = options.get("template")
    return detect(
        model.metadata,
        path=model.path,
        name=options.get("format"),
        template=None if template is None else read_template(template),
        verbatim=options.get("verbatim", False),
    )


def _read_text(path: str | os.PathLike[str]) -> str:
    try:
        return as_text(read_bounded(Path(path), _MAX_BYTES).removeprefix(codecs.BOM_UTF8))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidRequest(f"{path} can't be read: {reason}", param="text") from error
