"""Which GGUF of a repository is meant. In come a reference and file names, out goes one name; knows no network."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from edge_lam.errors import ModelNotFound, UnsupportedModel
from edge_lam.hub.reference import Reference

# What to take where nothing is said: small and still good first, then larger, then whatever there is.
PREFERRED = ("Q4_K_M", "Q8_0", "Q5_K_M", "Q6_K", "Q4_K_S", "Q5_K_S", "Q5_0", "Q4_0", "F16", "BF16", "F32")

_QUANT = re.compile(r"(?:^|[-._])((?:I?Q|TQ)\d\w*|MXFP4|BF16|FP?(?:16|32))(?=$|[-.])", re.IGNORECASE)
_PART = re.compile(r"-\d{5}-of-(\d{5})$", re.IGNORECASE)
_NO_MODEL = re.compile(r"mmproj|imatrix", re.IGNORECASE)  # image projectors and calibration data are GGUF too


def choose_file(reference: Reference, names: list[str]) -> str:
    """Return the GGUF that `reference` means, whatever its case.

    Args:
        reference: what was asked for.
        names: paths of all files of the repository.

    Raises:
        ModelNotFound: no such file or quantization, or several.
        UnsupportedModel: the model is split into several files.
    """
    if reference.file:
        return _named_file(reference, names)
    quants = _by_quant(names)
    if not quants:
        raise ModelNotFound(
            f"{reference.repo} holds no GGUF model",
            hint="convert a checkpoint with `edge-lam convert`",
            param="model",
        )
    quant = _spelled(reference.quant) or _preferred(quants)
    if quant not in quants:
        raise ModelNotFound(f"{reference.repo} has no {reference.quant}", hint=_available(quants), param="model")
    files = quants[quant]
    _refuse_parts(reference, files[0])
    if len(files) > 1:
        raise ModelNotFound(
            f"{reference.repo} has {len(files)} files that are {quant}: {', '.join(files[:4])}",
            hint=f"name one, such as {reference.repo}/{files[0]}",
            param="model",
        )
    return files[0]


def quant_of(name: str) -> str:
    """Read the quantization from a file name: "Q4_K_M" of "xLAM-2-1B-fc-r-Q4_K_M.gguf", or ""."""
    found = _QUANT.findall(_PART.sub("", PurePosixPath(name).stem))
    return _spelled(found[-1]) if found else ""


def _spelled(quant: str) -> str:
    """Spell a quantization as llama.cpp does: "Q4_K_M", "F16"."""
    return re.sub("^FP", "F", quant.upper())


def _named_file(reference: Reference, names: list[str]) -> str:
    for name in names:
        if name.lower() == reference.file.lower():
            _refuse_parts(reference, name)
            return name
    raise ModelNotFound(
        f"{reference.repo} has no file {reference.file}", hint=_available(_by_quant(names)), param="model"
    )


def _by_quant(names: list[str]) -> dict[str, list[str]]:
    """Group the models of a repository by quantization, each list sorted."""
    quants: dict[str, list[str]] = {}
    for name in sorted(names):
        if name.lower().endswith(".gguf") and not _NO_MODEL.search(PurePosixPath(name).name):
            quants.setdefault(quant_of(name), []).append(name)
    return quants


def _preferred(quants: dict[str, list[str]]) -> str:
    whole = [quant for quant, files in quants.items() if not _PART.search(PurePosixPath(files[0]).stem)]
    return next((quant for quant in PREFERRED if quant in whole), (whole or list(quants))[0])


def _refuse_parts(reference: Reference, name: str) -> None:
    part = _PART.search(PurePosixPath(name).stem)
    if part:
        raise UnsupportedModel(
            f"{name} of {reference.repo} is one of {int(part[1])} parts, which can't be downloaded together yet",
            hint="choose a quantization in one file, or download all parts and give the path of the first",
            param="model",
        )


def _available(quants: dict[str, list[str]]) -> str:
    found = [quant or files[0] for quant, files in quants.items()]
    return f"available: {', '.join(found)}" if found else "it holds no GGUF model"
