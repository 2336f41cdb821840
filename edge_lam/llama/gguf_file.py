"""Reads and checks the header of a GGUF file, before llama.cpp sees it and perhaps aborts the process.

In goes a path, out come metadata and tensor descriptions; weights are never read.
"""

from __future__ import annotations

import math
import mmap
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_lam._util.printable import one_line
from edge_lam._util.read_file import open_regular
from edge_lam.errors import InvalidModelFile, ModelNotFound
from edge_lam.llama.gguf_reader import DOWNLOAD_HINT, Reader, refuse_duplicates
from edge_lam.llama.gguf_types import FILE_TYPES, GGUFArray, Tensor

LONGEST_LABEL = 200  # characters of a name or licence, as they are shown

__all__ = ["GGUFArray", "GGUFHeader", "Tensor"]

# What edge-lam or llama.cpp reads by name, with the type that it has to have; arrays by the type of their elements.
_TEXT_KEYS = (
    "general.architecture general.name general.basename general.license tokenizer.chat_template tokenizer.ggml.model "
    "tokenizer.ggml.pre tokenizer.chat_template.tool_use"
).split()
_INTEGER_KEYS = "general.file_type general.alignment split.no split.count".split() + [
    f"tokenizer.ggml.{name}_token_id" for name in ("bos", "eos", "eot", "eom", "unknown", "padding", "seperator")
]
_FLAG_KEYS = [f"tokenizer.ggml.{name}" for name in ("add_bos_token", "add_eos_token", "add_space_prefix")]
_TYPES = dict.fromkeys(_TEXT_KEYS, str) | dict.fromkeys(_INTEGER_KEYS, int) | dict.fromkeys(_FLAG_KEYS, bool)
_NAME_KEYS = frozenset(
    "general.name general.basename general.repo_url general.source.url general.source.repo_url".split()
)
_SAMPLING = {"temp": "temperature", "top_k": "top_k", "top_p": "top_p", "min_p": "min_p"}  # in general.sampling
_ARRAYS = {"tokens": ("string",), "merges": ("string",), "token_type": ("<i4", "<u4"), "scores": ("<f4",)}


@dataclass(frozen=True, slots=True)
class GGUFHeader:
    """The header of a GGUF file, or of all parts of a split one.

    Attributes:
        path: the file, for a split model the first part.
        version: of the GGUF format.
        metadata: key to value; arrays as `GGUFArray`.
        tensors: in the order of the file.
        size: bytes of the file, all parts together.
    """

    path: Path
    version: int
    metadata: dict[str, Any]
    tensors: tuple[Tensor, ...]
    size: int

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> GGUFHeader:
        """Read and check the header; of a split model, the headers of all parts.

        Args:
            path: the file, for a split model its first part.

        Raises:
            ModelNotFound: there is no such file.
            InvalidModelFile: it is no GGUF, is cut off, or contradicts itself.
        """
        first = _read_part(Path(path))
        count = first.metadata.get("split.count", 0)
        if not isinstance(count, int) or count < 2:
            return first
        others = [_read_part(part) for part in _other_parts(first, count)]
        tensors = first.tensors + tuple(tensor for part in others for tensor in part.tensors)
        refuse_duplicates(first.path, [tensor.name for tensor in tensors])
        return cls(first.path, first.version, first.metadata, tensors, first.size + sum(part.size for part in others))

    @property
    def architecture(self) -> str:
        """Such as "qwen2" or "llama"; "" where the file doesn't say."""
        return self._text("general.architecture")

    @property
    def name(self) -> str:
        """The model's own name, else the name of the file."""
        return one_line(self._text("general.name"), LONGEST_LABEL) or self.path.stem

    @property
    def license(self) -> str:
        """The licence as the file states it, or ""."""
        return one_line(self._text("general.license"), LONGEST_LABEL)

    @property
    def names(self) -> str:
        """All that names the model: its own names, those of its sources, and the last parts of its path."""
        values = [value for key, value in self.metadata.items() if key in _NAME_KEYS and isinstance(value, str)]
        return " ".join([*values, *self.path.parts[-5:]])

    @property
    def sampling(self) -> dict[str, float]:
        """How replies are to be sampled, as far as the file states it, by the names of our options."""
        stated = {name: self.metadata.get(f"general.sampling.{key}", "") for key, name in _SAMPLING.items()}
        numbers = {name: value for name, value in stated.items() if type(value) is float or type(value) is int}
        return {name: value for name, value in numbers.items() if math.isfinite(value)}

    @property
    def chat_template(self) -> str | None:
        """The Jinja template in the file, or None."""
        return self._text("tokenizer.chat_template") or None

    @property
    def file_type(self) -> str:
        """The label of the quantization, such as "Q4_K_M"; the tensors may differ, see `bits_per_weight`."""
        label = self.metadata.get("general.file_type")
        return FILE_TYPES.get(label, "unknown") if isinstance(label, int) else "unknown"

    @property
    def n_parameters(self) -> int:
        """Weights in all tensors."""
        return sum(tensor.n_elements for tensor in self.tensors)

    @property
    def bits_per_weight(self) -> float:
        """Bits that one weight takes on average, tensors of all types counted."""
        n_parameters = self.n_parameters
        return 8 * sum(tensor.n_bytes for tensor in self.tensors) / n_parameters if n_parameters else 0.0

    def _text(self, key: str) -> str:
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""


def _read_part(path: Path) -> GGUFHeader:
    if path.is_dir():
        raise InvalidModelFile(f"{path} is a folder, not a GGUF file", hint="give the .gguf file inside, or convert it")
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size < 24:
                raise InvalidModelFile(f"{path} is {f'only {size} bytes' if size else 'empty'}", hint=DOWNLOAD_HINT)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                header = GGUFHeader(path, *Reader(path, data, size).header(), size)
    except FileNotFoundError as error:
        raise ModelNotFound(f"there is no file {path}") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL, or nothing to map
        raise ModelNotFound(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from error
    _check_types(header)
    return header


def _check_types(header: GGUFHeader) -> None:
    """Refuse values of another type than their key has, whoever reads the header."""
    for key, value in header.metadata.items():
        wanted = _TYPES.get(key)
        if wanted and (not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))):
            raise InvalidModelFile(f"{header.path} has {_shown(value)} as {key}", hint="convert it again")
    for name, kinds in _ARRAYS.items():
        value = header.metadata.get(f"tokenizer.ggml.{name}")
        if value is None or (isinstance(value, GGUFArray) and (value.kind in kinds or not value.count)):
            continue
        raise InvalidModelFile(f"{header.path} has {_shown(value)} as tokenizer.ggml.{name}", hint="convert it again")


def _shown(value: object) -> str:
    return f"an array of {value.kind}" if isinstance(value, GGUFArray) else one_line(repr(value), 60)


def _other_parts(first: GGUFHeader, count: int) -> list[Path]:
    """Find the parts 2..count of a split model beside its first part."""
    pattern = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
    match = pattern.search(first.path.name)
    number = first.metadata.get("split.no", 0)
    if number != 0:
        raise InvalidModelFile(f"{first.path} is part {number + 1} of {count}", hint="give the file of part 1")
    if not match or int(match[2]) != count or count > 9999:
        raise InvalidModelFile(
            f"{first.path} is part 1 of {count}, but its name doesn't end in -00001-of-{count:05d}.gguf",
            hint="restore the names of all parts",
        )
    parts = [
        first.path.with_name(f"{first.path.name[: match.start()]}-{n + 1:05d}-of-{count:05d}.gguf")
        for n in range(count)
    ]
    missing = [part.name for part in parts if not part.is_file()]
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise InvalidModelFile(
            f"{first.path} is part 1 of {count}; missing: {shown}", hint=f"put all parts into {first.path.parent}"
        )
    return parts[1:]
