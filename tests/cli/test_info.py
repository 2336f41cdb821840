from __future__ import annotations

import hashlib
import json
import struct

import pytest
from gguf import GGUFWriter

from edge_lam import load
from edge_lam.formats import FORMATS

USE = "{{ tools | tojson }}{{ messages }}"


@pytest.fixture
def foreign_model(tmp_path):
    """A sound GGUF of an architecture that edge-lam can't run."""
    import numpy as np

    path = tmp_path / "foreign.gguf"
    writer = GGUFWriter(path, "rwkv9")
    writer.add_name("Foreign \x1b[31m model")
    writer.add_chat_template("{{ messages }}")
    writer.add_tensor("a", np.zeros((4, 32), np.float32))
    writer.add_tensor("b", np.zeros((4, 32), np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_what_is_in_the_model(edge_lam, tiny_lam_path):
    shown = edge_lam("info", tiny_lam_path, "--json")
    assert shown.code == 0
    model = json.loads(shown.out)
    assert model["size"] == tiny_lam_path.stat().st_size
    assert model["architecture"] == "qwen2"
    assert model["format"] == "xlam-2-qwen"
    assert model["vocabulary"] == 4096
    assert model["kv_bytes_per_1000_tokens"] == 1000 * model["layers"] * 2 * model["kv_heads"] * 64 * 2
    tensor_bytes = sum(tensors["bytes"] for tensors in model["tensors"].values())
    assert model["bits_per_weight"] == round(8 * tensor_bytes / model["parameters"], 2)
    assert tensor_bytes < model["size"] < tensor_bytes + 2**20


def test_the_same_for_people(edge_lam, tiny_lam_path):
    shown = edge_lam("info", tiny_lam_path)
    assert shown.code == 0
    for expected in (
        "qwen2",
        "bits per weight",
        "4,096 tokens",
        "per 1,000 tokens",
        "xlam-2-qwen",
        "Tensors",
        "licence",
    ):
        assert expected in shown.out
    assert "\x1b" not in shown.out
    assert all(line == line.rstrip() for line in shown.out.splitlines())


def test_a_model_that_can_not_be_run_is_described(edge_lam, foreign_model):
    model = json.loads(edge_lam("info", foreign_model, "--json").out)
    assert "rwkv9" in model["problem"]
    assert model["format"] == "generic"
    assert model["renders_tools"] is False
    assert model["parameters"] == 256
    assert model["bits_per_weight"] == 24.0
    assert model["tensors"] == {"F32": {"count": 1, "bytes": 512}, "F16": {"count": 1, "bytes": 256}}
    assert model["template_sha256"] == hashlib.sha256(b"{{ messages }}").hexdigest()
    shown = edge_lam("info", foreign_model)
    assert shown.code == 0
    assert "requests with tools are refused" in shown.out
    assert "\x1b" not in shown.out


def test_a_template_for_tools_is_shown(edge_lam, tmp_path):
    import numpy as np

    path = tmp_path / "two.gguf"
    writer = GGUFWriter(path, "rwkv9")
    writer.add_chat_template([{"name": "default", "template": "{{ messages }}"}, {"name": "tool_use", "template": USE}])
    writer.add_tensor("a", np.zeros((4, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    model = json.loads(edge_lam("info", path, "--json").out)
    assert (model["format"], model["renders_tools"]) == ("generic", True)
    assert model["template_sha256"] == model["carried_template_sha256"]
    assert model["tool_template_sha256"] == hashlib.sha256(USE.encode()).hexdigest()
    assert f"with tools sha256 {model['tool_template_sha256'][:16]}…" in edge_lam("info", path).out


def test_another_format_and_template(edge_lam, tiny_lam_path, tmp_path):
    template = tmp_path / "template.jinja"
    template.write_text("{{ messages[0].content }}", encoding="utf-8")
    model = json.loads(edge_lam("info", tiny_lam_path, "--format", "xlam-2-llama", "--json").out)
    assert model["format"] == "xlam-2-llama"
    assert model["template_sha256"] != model["carried_template_sha256"]
    given = json.loads(edge_lam("info", tiny_lam_path, "--template", template, "--json").out)
    assert given["template_sha256"] == hashlib.sha256(template.read_bytes()).hexdigest()
    assert given["renders_tools"] is False
    assert given["format_sha256"] != model["format_sha256"]
    unknown = edge_lam("info", "--format", "none")
    assert unknown.code == 2
    assert all(name in unknown.err for name in FORMATS)
    assert f"[{'|'.join(sorted(FORMATS))}]" in "".join(edge_lam("info", "--help").out.split())
    missing = edge_lam("info", tiny_lam_path, "--template", tmp_path / "none")
    assert missing.code == 1
    assert "can't be read: No such file" in missing.err
    broken = tmp_path / "broken.jinja"
    broken.write_text("{% if %}", encoding="utf-8")
    assert "none: the chat template can't be read" in edge_lam("info", tiny_lam_path, "--template", broken).out


@pytest.mark.parametrize("content", [b"", b"not a model" * 100, b"GGUF" + bytes(16)])
def test_what_is_no_model(edge_lam, tmp_path, content):
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    shown = edge_lam("info", path)
    assert shown.code == 1
    assert shown.out == ""
    assert shown.err.startswith(f"edge-lam: error: {path} ")


@pytest.fixture
def xlam_file(tiny_lam_path, tmp_path):
    """The embedded model under the name of an xLAM, with settings of sampling, and without a licence."""
    path = tmp_path / "xLAM-2-1b-fc-r-Q8_0.gguf"
    data = tiny_lam_path.read_bytes().replace(b"general.license", b"general.permits")
    added = [("general.sampling.temp", 0.75), ("general.sampling.top_k", 20), ("general.sampling.mirostat", 1)]
    added += [("general.sampling.top_p", float("nan")), ("general.sampling.min_p", float("inf"))]
    values = b"".join(text(key) + value(item) for key, item in added)
    values += text("general.padding") + value(" " * (-(len(values) + len("general.padding") + 20) % 32))
    assert len(values) % 32 == 0, "weights stay aligned"
    (n_values,) = struct.unpack_from("<Q", data, 16)
    path.write_bytes(data[:16] + struct.pack("<Q", n_values + len(added) + 1) + values + data[24:])
    return path


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def value(item: str | int | float) -> bytes:
    if isinstance(item, str):
        return struct.pack("<I", 8) + text(item)
    return struct.pack("<If", 6, item) if isinstance(item, float) else struct.pack("<Ii", 5, item)


def test_sampling_and_licence_of_an_xlam_file(edge_lam, xlam_file, tiny_lam_path):
    model = json.loads(edge_lam("info", xlam_file, "--json").out)
    assert (model["license"], model["license_stated"]) == ("cc-by-nc-4.0", False)
    assert model["sampling"] == {"temperature": 0.75, "top_k": 20}
    shown = edge_lam("info", xlam_file).out
    assert "temperature 0.75, top_k 20 (stated in the file; used with --model-sampling)" in shown
    assert "cc-by-nc-4.0 (of the official xLAM weights; the file states none)" in shown
    own = json.loads(edge_lam("info", tiny_lam_path, "--json").out)
    assert (own["license"], own["license_stated"], own["sampling"]) == ("apache-2.0", True, {})


def test_sampling_of_the_file_is_used_on_request(edge_lam, xlam_file):
    ask = ("call", "hello", "--no-run", "--json", "--max-tokens", "3", "--model", xlam_file)
    seeds = [
        json.loads(edge_lam(*ask, *options).out)["reports"][0]["seed"]
        for options in ((), ("--model-sampling",), ("--model-sampling", "--temperature", "0"))
    ]
    assert [seed is None for seed in seeds] == [True, False, True]
    with load(xlam_file, device="cpu", log=False) as lam:
        assert lam.info.sampling == {"temperature": 0.75, "top_k": 20}
        assert lam.info.license == "cc-by-nc-4.0"
        assert lam.chat("hello", max_tokens=3, **lam.info.sampling).report.seed is not None
