"""Which files of a repository are meant: one GGUF with all its parts, or a checkpoint.

In come a reference and file names, out go names; knows no network.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from edge_lam._util.cut_files import JOIN_HINT, is_cut
from edge_lam.errors import ModelNotFound
from edge_lam.hub.reference import Reference

# What to take where nothing is given: small and still good first, then larger, then whatever there is.
PREFERRED = ("Q4_K_M", "Q8_0", "Q5_K_M", "Q6_K", "Q4_K_S", "Q5_K_S", "Q5_0", "Q4_0", "F16", "BF16", "F32")

# Some files keep a few tensors as they were, and say so: "bf16_q8_0" is no Q8_0.
_QUANT = re.compile(
    r"(?:^|[-._])((?:(?:BF16|FP?(?:16|32))_)?(?:(?:I?Q|TQ)\d\w*|MXFP4|BF16|FP?(?:16|32)))(?=$|[-.])", re.IGNORECASE
)
_PART = re.compile(r"-(\d{5})-of-(\d{5})$", re.IGNORECASE)
_NO_MODEL = re.compile(r"mmproj|imatrix", re.IGNORECASE)  # image projectors and calibration data are GGUF too

# What a checkpoint or an adapter is made of, beside its weights; weights in other formats are left on the hub.
_CHECKPOINT_TEXTS = (".json", ".jinja", ".model", ".md")
_WEIGHTS = (re.compile(r".+\.safetensors"), re.compile(r"(pytorch|adapter)_model.*\.bin"))  # the first kind it has


def choose_gguf(reference: Reference, names: list[str]) -> list[str]:
    """Return the GGUF that `reference` means, whatever its case: one file, or all parts in order.

    Args:
        reference: what was requested.
        names: paths of all files of the repository.

    Raises:
        ModelNotFound: no such file or quantization, several, or one that lacks parts.
    """
    quants = group_ggufs(names)
    if reference.file:
        return _complete(reference, _named_model(reference, quants))
    quant = _spelled(reference.quant)
    if not (quant in quants if quant else quants):
        _refuse_cut(reference, names, quant)
    if not quants:
        raise ModelNotFound(
            f"{reference.repo} holds no GGUF model",
            hint=f"convert a checkpoint: edge-lam convert {reference.repo}",
            param="model",
        )
    quant = quant or _preferred(quants)
    if quant not in quants:
        raise ModelNotFound(f"{reference.repo} has no {reference.quant}", hint=_available(quants), param="model")
    models = quants[quant]
    if len(models) > 1:
        raise ModelNotFound(
            f"{reference.repo} has {len(models)} files that are {quant}: {', '.join(m[0] for m in models[:4])}",
            hint=f"name one, such as {reference.repo}/{models[0][0]}",
            param="model",
        )
    return _complete(reference, models[0])


def _refuse_cut(reference: Reference, names: list[str], quant: str) -> None:
    """Raise ModelNotFound if what is meant is there, but cut in pieces."""
    for name in sorted(filter(is_cut, names)):
        whole = name[: name.lower().rindex(".gguf") + len(".gguf")]
        if quant in ("", quant_of(whole)):
            raise ModelNotFound(
                f"{reference.repo} holds its GGUF cut in pieces, such as {name}", hint=JOIN_HINT, param="model"
            )


def choose_checkpoint(reference: Reference, names: list[str]) -> list[str]:
    """Return the files of a checkpoint or adapter: those that lie in no folder of the repository.

    Raises:
        ModelNotFound: it has no weights in safetensors or PyTorch's format, or not all files of them.
    """
    if files := checkpoint_files(names):
        _check_shards(reference, files)
        return files
    has_gguf = bool(group_ggufs(names))
    raise ModelNotFound(
        f"{reference.repo} holds no checkpoint" + (", only GGUF models" if has_gguf else ""),
        hint=f"name a GGUF to quantize: {reference.repo}:F16" if has_gguf else "a checkpoint has safetensors weights",
        param="model",
    )


def checkpoint_files(names: list[str]) -> list[str]:
    """Return what there is of a checkpoint or adapter: texts and weights, in no folder; [] without weights."""
    top = [name for name in names if "/" not in name]
    for kind in _WEIGHTS:
        weights = [name for name in top if kind.fullmatch(name)]
        if weights:
            return [name for name in top if name.endswith(_CHECKPOINT_TEXTS)] + weights
    return []


def _check_shards(reference: Reference, files: list[str]) -> None:
    """Refuse weights of which some files are missing: what a download that was cut off leaves in the cache."""
    shards = [match for name in files if (match := _PART.search(PurePosixPath(name).stem))]
    for prefix, n_shards in {(match.string[: match.start()], int(match[2])) for match in shards}:
        n_here = sum(match.string.startswith(prefix) and int(match[2]) == n_shards for match in shards)
        if n_here < n_shards:
            raise ModelNotFound(
                f"{reference.repo} has only {n_here} of the {n_shards} files of its weights",
                hint="download it again: edge-lam pull goes on where it stopped",
                param="model",
            )


def group_ggufs(names: list[str]) -> dict[str, list[list[str]]]:
    """Group the GGUF models among file names: by quantization, each model the list of its parts in order."""
    models: dict[str, list[str]] = {}
    for name in sorted(names):
        if name.lower().endswith(".gguf") and not _NO_MODEL.search(PurePosixPath(name).name):
            models.setdefault(_PART.sub(r"-of-\2", name[: -len(".gguf")]), []).append(name)
    quants: dict[str, list[list[str]]] = {}
    for parts in models.values():
        quants.setdefault(quant_of(parts[0]), []).append(parts)
    return quants


def quant_of(name: str) -> str:
    """Read the quantization from a file name: "Q4_K_M" of "xLAM-2-1B-fc-r-Q4_K_M.gguf", or ""."""
    found = _QUANT.findall(_PART.sub("", PurePosixPath(name).stem))
    return _spelled(found[-1]) if found else ""


def _spelled(quant: str) -> str:
    """Spell a quantization as llama.cpp does: "Q4_K_M", "F16"."""
    return re.sub("^FP", "F", quant.upper())


def _named_model(reference: Reference, quants: dict[str, list[list[str]]]) -> list[str]:
    for models in quants.values():
        for parts in models:
            if reference.file.lower() in (name.lower() for name in parts):
                return parts
    raise ModelNotFound(f"{reference.repo} has no file {reference.file}", hint=_available(quants), param="model")


def _preferred(quants: dict[str, list[list[str]]]) -> str:
    whole = [quant for quant, models in quants.items() if len(models[0]) == 1]
    return next((quant for quant in PREFERRED if quant in whole), (whole or list(quants))[0])


def _complete(reference: Reference, parts: list[str]) -> list[str]:
    """Return the parts if all are there; llama.cpp finds the others by the name of the first."""
    part = _PART.search(PurePosixPath(parts[0]).stem)
    if part and (len(parts) != int(part[2]) or int(part[1]) != 1):
        raise ModelNotFound(
            f"{reference.repo} has only {len(parts)} of the {int(part[2])} parts of {parts[0]}",
            hint="choose another quantization",
            param="model",
        )
    return parts


def _available(quants: dict[str, list[list[str]]]) -> str:
    found = [quant or models[0][0] for quant, models in quants.items()]
    return f"available: {', '.join(found)}" if found else "it holds no GGUF model"
