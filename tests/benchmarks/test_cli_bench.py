from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from edge_lam.cli.main import run
from edge_lam_benchmarks.report.tables import places
from edge_lam_benchmarks.results import read_results
from tests.benchmarks.bench_data import make_results

QUICK = ["--suite", "latency", "--scenario", "text", "--repeats", "2", "--threads", "1"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bench") / "a.json"
    assert run(["bench", *QUICK, "--out", str(out)]) == 0
    return out


def test_run_leaves_results_and_reports(measured: Path) -> None:
    results = read_results(measured)
    assert results.finished
    assert len(results.items) == 2
    assert results.command.startswith("edge-lam bench --suite latency")
    assert results.environments
    for suffix in (".md", ".csv", ".html"):
        assert measured.with_suffix(suffix).stat().st_size
    assert (measured.parent / "a-plots" / "latency.png").exists()


def test_a_finished_run_has_nothing_to_resume(measured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = read_results(measured).items
    assert run(["bench", "--resume", str(measured)]) == 0
    assert read_results(measured).items == before
    assert "Time per correct call" in capsys.readouterr().out


def test_the_command_that_is_printed_for_the_rest_measures_what_is_missing(
    measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = json.loads(measured.read_text())
    plain["finished"], gone = "", plain["items"].pop(0)["id"]
    path = tmp_path / "my results" / "d.json"
    path.parent.mkdir()
    path.write_text(json.dumps(plain))
    (line,) = (line for line in places(read_results(path)) if line.startswith("not complete: "))
    words = shlex.split(line.removeprefix("not complete: ").removesuffix(" measures the rest"))
    assert run(words[1:]) == 0
    items = json.loads(path.read_text())["items"]
    assert items[0] == plain["items"][0], "what was measured stays as it is"
    assert gone in [item["id"] for item in items]
    assert "not complete" not in capsys.readouterr().out


def test_another_model_under_the_same_name_is_refused(
    measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = json.loads(measured.read_text())
    plain["models"][""]["fingerprint"] = "another"
    path = tmp_path / "c.json"
    path.write_text(json.dumps(plain))
    assert run(["bench", "--resume", str(path)]) == 1
    assert "is another file than when" in capsys.readouterr().err


def test_results_are_not_overwritten(measured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", *QUICK, "--out", str(measured)]) == 1
    assert "--resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["none.gguf"], 1, "there is no file none.gguf"),
        (["--fail-if-slower", "10%"], 2, "--fail-if-slower needs --compare"),
        (["--compare", "a.json", "b.json", "--fail-if-slower", "much"], 2, "'much' is no percentage"),
        (["--compare", "none.json", "b.json"], 1, "none.json can't be read"),
        (["--resume", "none.json"], 1, "none.json can't be read"),
        (["--resume", "none.json", "a.gguf"], 2, "--resume takes models and settings from the file"),
        (["--scenario", "hot"], 1, "there is no scenario 'hot'"),
        (["--quants", "Q4_0"], 1, "not of the embedded model"),
        (["--repeats", "0"], 2, "--repeats"),
        (["report", "none.json"], 1, "none.json can't be read"),
    ],
)
def test_wrong_usage_is_one_line(words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", *words]) == code
    err = capsys.readouterr().err
    assert message in err
    assert err.startswith("edge-lam: ")
    assert "Traceback" not in err


def test_folder_that_cannot_be_written_is_told_before_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run(["bench", *QUICK, "--out", str(tmp_path / "file" / "a.json")]) == 1
    assert "can't be written" in capsys.readouterr().err


def test_slower_runs_fail_the_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, factor in (("a", 1.0), ("b", 1.5)):
        make_results(tmp_path / f"{name}.json", factor=factor).save()
    a, b = (str(tmp_path / f"{name}.json") for name in "ab")
    assert run(["bench", "--compare", a, b, "--fail-if-slower", "10%", "--out", str(tmp_path / "page")]) == 1
    assert "slower" in capsys.readouterr().out
    assert (tmp_path / "page" / "comparison.html").exists()
    assert run(["bench", "--compare", a, b]) == 0
    assert run(["bench", "--compare", b, a, "--fail-if-slower", "10"]) == 0
    capsys.readouterr()
    assert run(["bench", "--compare", a, b, "--fail-if-slower", "10%", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["slower"] == 6


def test_help_shows_the_other_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "--help"]) == 0
    out = capsys.readouterr().out
    assert "[MODEL]..." in out
    assert "report " in out


def test_without_the_package_it_is_said_how_to_get_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['edge_lam_benchmarks'] = None\n"
        "from edge_lam.cli.main import run; sys.exit(run(['bench', 'a.gguf', '--suite', 'latency']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'edge-lam[bench]'" in done.stderr
    assert "Traceback" not in done.stderr
