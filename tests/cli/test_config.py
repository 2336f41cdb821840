"""`edge-lam config`, and what its file does to other commands."""

from __future__ import annotations

import json

import pytest

from edge_lam.cli import defaults


@pytest.fixture(autouse=True)
def path(monkeypatch, tmp_path):
    """The config file of a home of its own, which is not there yet."""
    monkeypatch.setenv("EDGE_LAM_HOME", str(tmp_path / "home"))
    for variable in defaults.VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    return tmp_path / "home" / "config.toml"


def n_threads(edge_lam, lamp, *args):
    answer = edge_lam("call", "hi", "--tools", lamp, "--no-run", "--json", "--max-tokens", 1, "--log", "off", *args)
    assert answer.code == 0, answer.err
    return json.loads(answer.out)["reports"][0]["n_threads"]


def test_a_flag_beats_the_environment_that_beats_the_file(edge_lam, lamp, monkeypatch):
    assert edge_lam("config", "set", "threads", 3).code == 0
    assert n_threads(edge_lam, lamp) == 3
    monkeypatch.setenv("EDGE_LAM_THREADS", "2")
    assert n_threads(edge_lam, lamp) == 2
    assert n_threads(edge_lam, lamp, "--threads", 1) == 1
    assert "EDGE_LAM_THREADS is set and beats it" in edge_lam("config", "set", "threads", 4).err
    rows = json.loads(edge_lam("config", "--json").out)["settings"]
    assert rows["threads"] == {"value": "2", "from": "EDGE_LAM_THREADS"}
    assert rows["model"] == {"value": None, "from": "default"}


def test_a_default_model(edge_lam, tiny_lam_path, tmp_path, monkeypatch):
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(tiny_lam_path.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert edge_lam("config", "set", "model", "mine.gguf").code == 0
    monkeypatch.chdir("/")  # the path was kept whole
    assert json.loads(edge_lam("info", "--json").out)["path"] == str(mine)
    assert edge_lam("plan").code == 0
    monkeypatch.setenv("EDGE_LAM_MODEL", "another.gguf")
    assert "there is no file another.gguf" in edge_lam("info").err
    assert json.loads(edge_lam("info", tiny_lam_path, "--json").out)["path"] == str(tiny_lam_path)


def test_a_model_that_must_be_named_is_not_the_default_one(edge_lam):
    edge_lam("config", "set", "model", "xlam-2-1b")
    assert edge_lam("pull").code == 2


def test_the_log(edge_lam, lamp, tmp_path):
    edge_lam("config", "set", "log", tmp_path / "a.jsonl")
    call = ("call", "hi", "--tools", lamp, "--no-run", "--max-tokens", 1)
    assert edge_lam(*call).code == edge_lam("--log", tmp_path / "b.jsonl", *call).code == 0
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 1
    assert len((tmp_path / "b.jsonl").read_text().splitlines()) == 1


def test_what_else_is_in_the_file_stays(edge_lam, path):
    path.parent.mkdir()
    path.write_text("# mine\nmodel = 'a.gguf'  # the small one\n\nrepack = false\n")
    assert edge_lam("config", "set", "n_ctx", 2048).code == 0
    assert edge_lam("config", "set", "fit_context", "true").out == f"fit_context = true ({path})\n"
    assert edge_lam("config", "unset", "repack").code == 0
    text = "# mine\nmodel = 'a.gguf'  # the small one\n\nn_ctx = 2048\nfit_context = true\n"
    assert path.read_text() == text
    assert edge_lam("config", "unset", "repack").out == f"repack was not set ({path})\n"
    assert edge_lam("config", "path").out == f"{path}\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["config.toml"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modle = 'x'", "knows no key 'modle', did you mean 'model'?"),
        ("model = 5", "model in {path}: it must be text in quotes"),
        ('model = "a\\u0000"', "model in {path}: embedded null byte"),
        ("threads = 0", "threads in {path}: 0 is not in the range"),
        ("threads = true", "threads in {path}: it must be a whole number"),
        ("repack = 'no'", "repack in {path}: it must be true or false"),
        ("kv_type = 'q9'", "kv_type in {path}: 'q9' is not one of"),
        ("memory_budget = 'much'", "memory_budget in {path}: 'much' is no size"),
        ("model = ", "{path} is not TOML"),
        ("\udcff", "{path} is not TOML"),
    ],
)
def test_what_is_wrong_is_refused_by_name_and_can_be_mended(edge_lam, path, text, message):
    path.parent.mkdir()
    path.write_bytes(text.encode(errors="surrogateescape"))
    for command in (("info",), ("config",)):
        shown = edge_lam(*command)
        assert shown.code == 1
        first, second = shown.err.splitlines()
        assert message.format(path=path) in first
        assert second.startswith("hint: ")
    assert edge_lam("info", "--help").code == 0
    if "TOML" not in message:
        assert edge_lam("config", "unset", text.split()[0]).code == 0
        assert edge_lam("info").code == 0


def test_a_home_that_is_none_has_no_config(edge_lam, monkeypatch):
    monkeypatch.setenv("EDGE_LAM_HOME", "/dev/null")
    assert edge_lam("info").code == 0
    assert "can't be written" in edge_lam("config", "set", "threads", 2).err


def test_what_never_ends_is_refused(edge_lam, path):
    path.parent.mkdir()
    path.symlink_to("/dev/zero")
    shown = edge_lam("info")
    assert (shown.code, shown.err) == (1, f"edge-lam: error: {path} can't be read: it has more than 1 MiB\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["set", "modle", "x"], 1),
        (["set", "threads", "many"], 1),
        (["set", "repack", "maybe"], 1),
        (["set", "model"], 2),
        (["path", "model"], 2),
        (["show", "a", "b"], 2),
        (["delete", "model"], 2),
    ],
)
def test_nothing_wrong_is_written(edge_lam, path, words, code):
    assert edge_lam("config", *words).code == code
    assert not path.exists()
