"""Compares a GGUF of ours with the one that llama.cpp's own converter makes of the same checkpoint.

Run by hand, with llama.cpp's source (it is in llama-cpp-python's source archive, under vendor/llama.cpp) and its
converter's requirements (torch, transformers) in an environment of their own:

    python tests/oracle/run_reference.py LLAMA_CPP CHECKPOINT reference.gguf --outtype bf16
    edge-lam convert CHECKPOINT -o ours.gguf -q BF16
    python tests/oracle/compare_reference.py ours.gguf reference.gguf

Prints each difference; the exit status is 1 if one is not among those explained below. Both files are read by the
`gguf` package, not by our reader.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from gguf import GGUFReader

EXPLAINED = {
    r"edge_lam\..*": "our own record: version, source, SHA-256 of the sources, recipe, every end-of-reply token",
    r"tokenizer\.ggml\.eo[tm]_token_id": "further eos ids of generation_config.json, which the reference drops",
}


def compare_tensors(ours: GGUFReader, theirs: GGUFReader) -> list[str]:
    """Return one line per difference in names, shapes, types or bytes; in which order they lie does not count."""
    mine, others = ({tensor.name: tensor for tensor in reader.tensors} for reader in (ours, theirs))
    lines = [f"tensor {name} is in one file only" for name in sorted(mine.keys() ^ others.keys())]
    for name in sorted(mine.keys() & others.keys()):
        tensor, other = mine[name], others[name]
        if (tensor.tensor_type, tensor.shape.tolist()) != (other.tensor_type, other.shape.tolist()):
            lines.append(
                f"tensor {name}: {tensor.tensor_type.name} {tensor.shape.tolist()}, "
                f"reference {other.tensor_type.name} {other.shape.tolist()}"
            )
        elif tensor.data.tobytes() != other.data.tobytes():
            n_bytes = int((tensor.data.view("u1") != other.data.view("u1")).sum())
            lines.append(f"tensor {name}: {n_bytes} of {tensor.n_bytes} bytes differ")
    return lines


def compare_metadata(ours: GGUFReader, theirs: GGUFReader) -> tuple[dict[str, str], list[str]]:
    """Return the reason of each difference that is explained, by its key, and one line per other difference."""
    explained: dict[str, str] = {}
    others: list[str] = []
    for key in sorted(ours.fields.keys() | theirs.fields.keys()):
        if key.startswith("GGUF."):
            continue  # counts that follow from the rest
        mine, reference = (
            (reader.fields[key].types, reader.fields[key].contents()) if key in reader.fields else None
            for reader in (ours, theirs)
        )
        if mine == reference:
            continue
        reason = next((reason for pattern, reason in EXPLAINED.items() if re.fullmatch(pattern, key)), None)
        if reason:
            explained[key] = reason
        else:
            others.append(f"{key}: {_shown(mine)}, reference {_shown(reference)}")
    return explained, others


def _shown(value: object) -> str:
    return "absent" if value is None else str(value)[:120]


def _data_digest(reader: GGUFReader) -> str:
    """Return the SHA-256 of everything after the header: all tensors and the padding between them."""
    digest = hashlib.sha256()
    digest.update(memoryview(reader.data)[reader.data_offset :])
    return digest.hexdigest()


@dataclass(frozen=True)
class Comparison:
    """What two files have in common.

    Attributes:
        summary: one line of numbers.
        passed: whether every difference is explained.
        explained: the reason of each difference that has one, by its metadata key.
        different: one line per other difference.
    """

    summary: str
    passed: bool
    explained: dict[str, str]
    different: list[str]


def compare(ours_path: Path, reference_path: Path) -> Comparison:
    """Compare two GGUFs."""
    ours, theirs = GGUFReader(ours_path), GGUFReader(reference_path)
    tensors = compare_tensors(ours, theirs)
    explained, others = compare_metadata(ours, theirs)
    n_equal = sum(not key.startswith("GGUF.") for key in ours.fields) - len(explained) - len(others)
    same_order = [tensor.name for tensor in ours.tensors] == [tensor.name for tensor in theirs.tensors]
    if not same_order:
        explained["the tensors' order"] = "names say which is which"
    same_data = _data_digest(ours) == _data_digest(theirs)
    n_bytes = sum(int(tensor.n_bytes) for tensor in ours.tensors)
    summary = (
        f"{len(ours.tensors)} tensors, {n_bytes:,} bytes, {len(tensors)} differences, "
        f"data sections {'identical' if same_data else 'not identical'}; "
        f"metadata: {n_equal} keys equal, {len(explained)} explained, {len(others)} different"
    )
    return Comparison(summary, not (tensors or others or (same_order and not same_data)), explained, tensors + others)


def main() -> int:
    """Compare two files and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ours", type=Path)
    parser.add_argument("reference", type=Path)
    options = parser.parse_args()
    comparison = compare(options.ours, options.reference)
    for key, reason in comparison.explained.items():
        print(f"explained    {key}: {reason}")
    for line in comparison.different:
        print(f"DIFFERENT    {line}")
    print(comparison.summary)
    return 0 if comparison.passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
