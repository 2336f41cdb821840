"""The converter beside llama.cpp's own, whose files `make oracle` recorded: tensors byte for byte, metadata key by key.

llama.cpp's converter needs torch and transformers, which the tests don't have; `make oracle` runs it on many more.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_lam_converters import convert
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint
from tests.converters.gguf_facts import folder_digest, gguf_facts

RECORDED: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("reference.json").read_text())


@pytest.mark.parametrize("subject", RECORDED)
def test_tensors_and_metadata_are_those_of_llama_cpps_converter(subject: str, tmp_path: Path) -> None:
    reference = RECORDED[subject]
    folder = tmp_path / reference["name"]  # it is in the metadata
    write_random_checkpoint(folder, SHAPES[reference["shape"]], dtype=reference["dtype"])
    if folder_digest(folder) != reference["checkpoint"]:
        pytest.skip("numpy or tokenizers make another random checkpoint here than where `make oracle` ran")
    convert(folder, tmp_path / "ours.gguf", quant=reference["quant"])
    ours = gguf_facts(tmp_path / "ours.gguf")
    assert ours["tensors"] == reference["tensors"]
    keys = (ours["metadata"].keys() | reference["metadata"].keys()) - set(reference["explained"])
    of_both = ({key: facts["metadata"].get(key) for key in keys} for facts in (ours, reference))
    assert next(of_both) == next(of_both)
