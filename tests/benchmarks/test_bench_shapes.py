"""Shapes: random weights of the right sizes, a real vocabulary, and a file that says what it is."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from edge_lam import load
from edge_lam.cli.main import run
from edge_lam.errors import InvalidRequest, ModelNotFound
from edge_lam.formats import detect
from edge_lam.llama import Model
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam_benchmarks.random_weights import is_shape
from edge_lam_benchmarks.shapes import find_shape, make_shape, read_vocabulary
from edge_lam_benchmarks.vocabularies import extract, find_vocabulary
from edge_lam_converters.architectures import architecture_of
from edge_lam_converters.random_checkpoint import SHAPES


@pytest.fixture(autouse=True)
def nano(monkeypatch):
    """A shape of two small layers, with more rows than the embedded model has tokens."""
    shape = SHAPES["tiny-qwen2"]
    config = shape.config | {"vocab_size": 4200, "num_hidden_layers": 2}
    monkeypatch.setitem(SHAPES, "xlam-2-nano", replace(shape, config=config))


@pytest.fixture(scope="module")
def files(tmp_path_factory, tiny_lam_path) -> dict[str, Path]:
    with pytest.MonkeyPatch.context() as patch:
        shape = SHAPES["tiny-qwen2"]
        patch.setitem(SHAPES, "xlam-2-nano", replace(shape, config=shape.config | {"vocab_size": 4200}))
        made = make_shape("xlam-2-nano", tiny_lam_path, tmp_path_factory.mktemp("shapes"), quants=["q8_0", "F16"])
    return {GGUFHeader.read(path).file_type: path for path in made}


@pytest.mark.parametrize(
    ("name", "official"),
    [
        ("xlam-2-1b", "xLAM-2-1b-fc-r"),
        ("Salesforce/xLAM-2-3b-fc-r", "xLAM-2-3b-fc-r"),
        ("Llama-xLAM-2-8b-fc-r", "Llama-xLAM-2-8b-fc-r"),
        ("xLAM-7b-r", "xLAM-7b-r"),
        ("xlam-1b-fc", "xLAM-1b-fc-r"),
        ("xlam-2-70b", "Llama-xLAM-2-70b-fc-r"),
        ("xlam-7b", "xLAM-7b-r"),
    ],
)
def test_shapes_go_by_alias_and_by_name(name, official):
    assert find_shape(name).name == official


def test_every_real_shape_speaks_a_known_format():
    for alias, shape in SHAPES.items():
        if not alias.startswith("tiny-"):
            metadata = {"general.architecture": architecture_of(shape.config).gguf_name}
            assert detect(metadata | {"general.name": find_shape(alias).name}).name.startswith("xlam-")


def test_a_file_says_that_its_weights_are_random(files):
    for quant, path in files.items():
        header = GGUFHeader.read(path)
        assert is_shape(header.metadata)
        assert (header.file_type, header.name) == (quant, "xlam-2-nano shape")
        assert detect(header.metadata).name == "xlam-2-qwen"
    assert sorted(files) == ["F16", "Q8_0"]
    assert not list(files["F16"].parent.glob("*.partial"))


def test_tensors_are_those_of_the_checkpoint(files):
    config = SHAPES["tiny-qwen2"].config | {"vocab_size": 4200}
    expected = {plan.name: plan.shape[::-1] for plan in architecture_of(config).tensors()}
    assert {tensor.name: tensor.shape for tensor in GGUFHeader.read(files["F16"]).tensors} == expected


def test_text_becomes_the_tokens_of_the_vocabularys_own_model(files, tiny_lam_path):
    text = "<|im_start|>user\nWhat time is it in Zürich?<|im_end|>"
    with Model(tiny_lam_path) as real, Model(files["Q8_0"]) as shape:
        assert shape.tokenize(text) == real.tokenize(text)
        assert shape.detokenize([shape.eos_token]) == b"<|im_end|>"
        assert shape.n_vocab == 4200


def test_a_shape_can_be_called(files):
    with load(files["Q8_0"], log="off", prefix_cache=False, n_threads=1) as lam:
        assert lam.chat("Hello", max_tokens=3).report.tokens.generated == 3


def test_the_same_seed_gives_the_same_file(files, tiny_lam_path, tmp_path):
    [again] = make_shape("xlam-2-nano", tiny_lam_path, tmp_path / "a.gguf", quants=["F16"])
    [other] = make_shape("xlam-2-nano", tiny_lam_path, tmp_path / "b.gguf", quants=["F16"], seed=1)
    values = [path.read_bytes()[-100_000:] for path in (files["F16"], again, other)]
    assert values[1] != values[2]
    assert len(values[0]) == len(values[1])


def test_a_vocabulary_larger_than_the_embedding_is_refused(tiny_lam_path, tmp_path):
    with pytest.raises(InvalidRequest, match="4096 tokens, but the shape only 640"):
        make_shape("tiny-qwen2", tiny_lam_path, tmp_path / "a.gguf")
    assert list(tmp_path.iterdir()) == []


def test_rows_without_a_token_are_unused(tiny_lam_path):
    vocabulary = read_vocabulary(GGUFHeader.read(tiny_lam_path), 4200)
    assert len(vocabulary.tokens) == len(vocabulary.types) == 4200
    assert vocabulary.tokens[-1] == "[PAD4199]"


def test_an_existing_file_stays(tiny_lam_path, tmp_path):
    (tmp_path / "a.gguf").write_text("mine")
    with pytest.raises(InvalidRequest, match="exists"):
        make_shape("xlam-2-nano", tiny_lam_path, tmp_path / "a.gguf")
    assert (tmp_path / "a.gguf").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no-such-shape"], "there is no shape"),
        (["xlam-2-nano", "--vocab", "no-such-vocabulary"], "no vocabulary of that name"),
        (["xlam-2-nano", "--vocab", "/nowhere.gguf"], "there is no file"),
        (["xlam-2-nano", "-q", "Q99"], "no quantization Q99"),
    ],
)
def test_the_command_names_what_is_wrong(words, said, capsys, tmp_path):
    assert run(["bench", "make-shape", *words, "-o", str(tmp_path / "a.gguf")]) == 1
    assert said in capsys.readouterr().err


def archive(path: Path, **files: bytes) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"llama_cpp_python-1/vendor/llama.cpp/models/ggml-vocab-{name}.gguf")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def test_one_vocabulary_is_taken_from_an_archive(tmp_path):
    source = archive(tmp_path / "a.tar.gz", gpt=b"other", qwen2=b"GGUF vocabulary")
    target = tmp_path / "ggml-vocab-qwen2.gguf"
    extract(source, target)
    assert target.read_bytes() == b"GGUF vocabulary"
    assert find_vocabulary("qwen2", tmp_path) == target  # from now on without an archive


def test_an_archive_without_it_or_cut_off_leaves_nothing(tmp_path):
    source = archive(tmp_path / "a.tar.gz", gpt=bytes(range(256)) * 400)
    with pytest.raises(InvalidRequest, match=r"holds no ggml-vocab-qwen2\.gguf"):
        extract(source, tmp_path / "ggml-vocab-qwen2.gguf")
    source.write_bytes(source.read_bytes()[:300])
    with pytest.raises(InvalidRequest, match="can't be unpacked"):
        extract(source, tmp_path / "ggml-vocab-gpt.gguf")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


def test_a_missing_file_is_named():
    with pytest.raises(ModelNotFound, match=r"nowhere\.gguf"):
        find_vocabulary(Path("nowhere.gguf"))
