"""The maker of random checkpoints: the shapes are those of the real models, the files those of Transformers."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import safe_open
from tokenizers import Tokenizer

from edge_lam.formats import detect
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam_converters import convert
from edge_lam_converters.random_checkpoint import SHAPES, main, tensor_shapes, write_random_checkpoint
from edge_lam_converters.random_tokenizer import CORPUS, FAMILIES

# As the models' makers count them.
N_PARAMETERS = {
    "xlam-1b-fc": 1_346_471_936,  # DeepSeek-Coder 1.3B
    "xlam-7b-fc": 6_910_365_696,  # DeepSeek LLM 7B
    "xlam-7b": 7_241_732_096,  # Mistral 7B
    "xlam-8x7b": 46_702_792_704,  # Mixtral 8x7B
    "xlam-2-1b": 1_543_714_304,  # Qwen2.5 1.5B
    "xlam-2-3b": 3_085_938_688,  # Qwen2.5 3B
    "xlam-2-32b": 32_763_876_352,  # Qwen2.5 32B
    "xlam-2-8b": 8_030_261_248,  # Llama 3.1 8B
    "xlam-2-70b": 70_553_706_496,  # Llama 3.1 70B
}


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge_lam_converters.random_checkpoint", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", [name for name in SHAPES if not name.startswith("tiny-")])
def test_real_shapes_have_the_size_of_the_real_models(name: str) -> None:
    assert sum(map(math.prod, tensor_shapes(SHAPES[name].config).values())) == N_PARAMETERS[name]


def test_by_hand(tmp_path: Path) -> None:
    done = run("tiny-mixtral", tmp_path / "made", "--dtype", "F16", "--shards", 2)
    assert done.returncode == 0, done.stderr
    assert "MixtralForCausalLM" in done.stdout
    index = json.loads((tmp_path / "made" / "model.safetensors.index.json").read_text())["weight_map"]
    assert set(index.values()) == {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}
    for file in set(index.values()):
        with safe_open(tmp_path / "made" / file, framework="numpy") as shard:
            assert set(shard.keys()) == {name for name, place in index.items() if place == file}
            assert {shard.get_slice(name).get_dtype() for name in shard.keys()} == {"F16"}  # noqa: SIM118  # no dict


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Call the command in this process; return what it says against a wrong usage."""
    monkeypatch.setattr(sys, "argv", ["random_checkpoint", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_an_unknown_shape_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "xlam-2-1b" in refused(monkeypatch, capsys, "xlam-9", tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_a_folder_that_holds_something_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text("mine")
    assert "not empty: name a new folder" in refused(monkeypatch, capsys, "tiny-qwen2", tmp_path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["mine"]


def test_the_shapes_of_xlam_2_call_tools(tmp_path: Path) -> None:
    write_random_checkpoint(tmp_path, SHAPES["tiny-qwen2"])
    convert(tmp_path, tmp_path / "out.gguf", quant="F16")
    assert detect(GGUFHeader.read(tmp_path / "out.gguf").metadata).name == "xlam-2-qwen"


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_random_checkpoint(tmp_path / name / "made", SHAPES["tiny-llama3"], seed=seed)
    files = sorted(file.name for file in (tmp_path / "a" / "made").iterdir())
    a, b, c = (
        {file: (tmp_path / name / "made" / file).read_bytes() for file in files if file != "README.md"}
        for name in ("a", "b", "c")
    )
    assert a == b
    assert {file for file in a if a[file] != c[file]} == {"model.safetensors"}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_s_tokenizer_gives_texts_back(family: str, tmp_path: Path) -> None:
    shape = next(shape for shape in SHAPES.values() if shape.tokenizer == family and shape.config["vocab_size"] == 640)
    write_random_checkpoint(tmp_path, shape)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    config = json.loads((tmp_path / "config.json").read_text())
    roles = FAMILIES[family].roles
    assert tokenizer.token_to_id(roles["eos"]) == config["eos_token_id"]
    for text in (*CORPUS, "Ω is new: 12345 words\n\n  and spaces"):
        ids = tokenizer.encode(text).ids
        assert (ids[0] == config["bos_token_id"]) == FAMILIES[family].adds_bos
        assert tokenizer.decode(ids).removeprefix(" ") == text
        assert len(ids) < len(text.encode())
    for text in FAMILIES[family].specials:
        assert len(tokenizer.encode(text, add_special_tokens=False).ids) == 1
