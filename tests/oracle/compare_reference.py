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


def compare_metadata(ours: GGUFReader, theirs: GGUFReader) -> tuple[list[str], list[str]]:
    """Return one line per difference that is explained, and one per other difference."""
    explained, others = [], []
    for key in sorted(ours.fields.keys() | theirs.fields.keys()):
        if key.startswith("GGUF."):
            continue  # counts that follow from the rest
        mine, reference = (
            (reader.fields[key].types, reader.fields[key].contents()) if key in reader.fields else None
            for reader in (ours, theirs)
        )
        if mine == reference:
            continue
        line = f"{key}: {_shown(mine)}, reference {_shown(reference)}"
        reason = next((reason for pattern, reason in EXPLAINED.items() if re.fullmatch(pattern, key)), None)
        if reason:
            explained.append(f"{line}  [{reason}]")
        else:
            others.append(line)
    return explained, others


def _shown(value: object) -> str:
    return "absent" if value is None else str(value)[:120]


def _data_digest(reader: GGUFReader) -> str:
    """Return the SHA-256 of everything after the header: all tensors and the padding between them."""
    digest = hashlib.sha256()
    digest.update(memoryview(reader.data)[reader.data_offset :])
    return digest.hexdigest()


def main() -> int:
    """Compare two files and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ours", type=Path)
    parser.add_argument("reference", type=Path)
    options = parser.parse_args()
    ours, theirs = GGUFReader(options.ours), GGUFReader(options.reference)
    tensors = compare_tensors(ours, theirs)
    explained, others = compare_metadata(ours, theirs)
    print(*(f"explained    {line}" for line in explained), sep="\n")
    print(*(f"DIFFERENT    {line}" for line in tensors + others), sep="\n", end="\n" if tensors + others else "")
    same_order = [tensor.name for tensor in ours.tensors] == [tensor.name for tensor in theirs.tensors]
    if not same_order:
        print("explained    the tensors lie in another order  [llama.cpp's quantizer sorts them]")
    same_data = _data_digest(ours) == _data_digest(theirs)
    n_equal = len(ours.fields) - len(explained) - len(others)
    print(
        f"{len(ours.tensors)} tensors, {sum(int(tensor.n_bytes) for tensor in ours.tensors):,} bytes: "
        f"{len(tensors)} differences, data sections {'identical' if same_data else 'not identical'}; "
        f"metadata: {n_equal} keys equal, {len(explained)} explained, {len(others)} different"
    )
    return 1 if tensors or others or (same_order and not same_data) else 0


if __name__ == "__main__":
    raise SystemExit(main())
