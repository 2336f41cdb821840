"""`calibrate`: an importance matrix from function calls: rendered prompts, and the calls that they should produce.

In go a model and conversations or a text, out comes an `Imatrix` that says what it was made from.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_lam.errors import InvalidRequest
from edge_lam.llama.model import Model
from edge_lam_converters.activations import ActivationSums
from edge_lam_converters.imatrix import Imatrix
from edge_lam_converters.quality.corpus import Corpus, Progress, ReadOptions, chat_format_of, no_progress
from edge_lam_converters.quality.passages import Passage, call_passages, longest, text_passages

if TYPE_CHECKING:
    from typing_extensions import Unpack

PREFIX = "edge_lam.calibration"


def calibrate(model: str | os.PathLike[str], **options: Unpack[ReadOptions]) -> Imatrix:
    """Let a model read prompts with the replies that they should get, and sum what goes into its weight matrices.

    What a prompt begins with in common with the one before it (the same tools) is read and counted once.

    Args:
        model: a GGUF; the less it is quantized, the better.
        **options: see `ReadOptions`; `on_progress` hears "calibrate" and tokens.

    Returns:
        The sums. Their notes name the files that were read, with SHA-256 and how many calls and tokens they held.

    Raises:
        InvalidRequest: neither calls nor text, or something in them can't be used.
        ModelError: the model can't be had, read or run, or has values that are not finite.
        BackendError: llama.cpp failed.
    """
    given = {"calls": options.get("calls"), "text": options.get("text")}
    files = {key: Path(path) for key, path in given.items() if path is not None}
    if not files:
        raise InvalidRequest("there is nothing to calibrate with", hint="give calls or text", param="calls")
    corpus = Corpus.read(options)
    with Model(model, device=options.get("device", "auto")) as loaded:
        notes: dict[str, str | int] = {f"{PREFIX}.model": loaded.name}
        passages: list[Passage] = []
        if corpus.examples:
            chat_format = chat_format_of(loaded, options)
            passages += call_passages(loaded, chat_format, corpus.examples)
            notes[f"{PREFIX}.format"] = chat_format.name
            notes[f"{PREFIX}.conversations"] = len(corpus.examples)
            notes[f"{PREFIX}.expected_calls"] = sum(len(example.calls) for example in corpus.examples)
        if "text" in files:
            passages += text_passages(loaded, corpus.text, corpus.text_name)
        sums = ActivationSums(loaded, n_ctx=longest(passages, loaded), n_threads=options.get("n_threads"))
        _read(sums, passages, options.get("on_progress", no_progress))
    for key, path in files.items():
        notes[f"{PREFIX}.{key}"] = path.name
        notes[f"{PREFIX}.{key}.sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    notes[f"{PREFIX}.tokens"] = sums.n_tokens
    return Imatrix(sums.sums, tuple(path.name for path in files.values()), notes=notes)


def _read(sums: ActivationSums, passages: Sequence[Passage], on_progress: Progress) -> None:
    total, done = sum(len(passage.tokens) for passage in passages), 0
    for passage in passages:
        on_progress("calibrate", done, total)
        sums.read(passage.tokens)
        done += len(passage.tokens)
    on_progress("calibrate", total, total)
