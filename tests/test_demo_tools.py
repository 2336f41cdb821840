from __future__ import annotations

import importlib
import json
import os
import threading
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import psutil
import pytest

from edge_lam.demo_tools import (
    DEMO_TOOLS,
    add_note,
    calculate,
    convert_units,
    get_status,
    get_time,
    list_folder,
    read_notes,
    set_timer,
    timer,
)
from edge_lam.tools import as_tools


@pytest.fixture
def notes_file(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "notes.txt"
    monkeypatch.setenv("EDGE_LAM_NOTES", str(path))
    return path


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_definitions_are_those_that_tiny_lam_is_trained_on():
    trained = importlib.import_module("tiny_lam.catalog.demo").TOOLS
    ours = [json.dumps(tool.definition()) for tool in as_tools(DEMO_TOOLS)]
    assert ours == [json.dumps(tool.definition()) for tool in trained]


@pytest.mark.parametrize("kind", ["city", "unit"])
def test_training_values_are_understood(kind):
    for value in importlib.import_module("tiny_lam.slots").KINDS[kind]:
        if kind == "city":
            assert get_time(value)["city"] == value
        else:
            assert convert_units(1, value, value)["result"] == 1


class TestGetTime:
    @pytest.mark.parametrize(
        ("city", "zone"),
        [
            ("Tokyo", "Asia/Tokyo"),
            ("new york", "America/New_York"),
            ("Europe/Paris", "Europe/Paris"),
            ("europe/paris", "Europe/Paris"),
            ("Munich", "Europe/Berlin"),
            ("São Paulo", "America/Sao_Paulo"),
            ("San Francisco", "America/Los_Angeles"),
            ("  mumbai ", "Asia/Kolkata"),
            ("UTC", "UTC"),
        ],
    )
    def test_time_of_the_zone(self, city, zone):
        before = datetime.now(ZoneInfo(zone))
        answer = get_time(city)
        after = datetime.now(ZoneInfo(zone))
        assert answer["city"] == city
        assert answer["time"] in (before.strftime("%H:%M"), after.strftime("%H:%M"))

    @pytest.mark.parametrize("city", ["Atlantis", "", "../etc/passwd"])
    def test_unknown_city_says_what_to_try(self, city):
        with pytest.raises(ValueError, match=r"Unknown city .* time zone such as Europe/Paris"):
            get_time(city)


class TestConvertUnits:
    @pytest.mark.parametrize(
        ("value", "from_unit", "to_unit", "result", "unit"),
        [
            (10, "miles", "kilometers", 16.0934, "kilometers"),
            (10, "mi", "KM", 16.0934, "kilometers"),
            (12, "inches", "foot", 1, "feet"),
            (98.6, "fahrenheit", "celsius", 37, "celsius"),
            (0, "K", "C", -273.15, "celsius"),
            (-40, "degrees celsius", "F", -40, "fahrenheit"),
            (2, "hours", "min", 120, "minutes"),
            (100, "km/h", "mph", 62.1371, "miles per hour"),
            (1, "acre", "square meters", 4046.8564, "square meters"),
            (3, "gb", "megabytes", 3000, "megabytes"),
            (1, "kWh", "kilojoules", 3600, "kilojoules"),
            (8, "oz", "ml", 236.5882, "milliliters"),
            (8, "oz", "grams", 226.7962, "grams"),
            (5, "k", "miles", 3.1069, "miles"),
            (1, "mm", "miles", 6.214e-07, "miles"),
            (3, "tons", "kg", 3000, "kilograms"),
            (2, "cups", "tablespoons", 32, "tablespoons"),
        ],
    )
    def test_values(self, value, from_unit, to_unit, result, unit):
        answer = convert_units(value, from_unit, to_unit)
        assert answer == {"result": result, "unit": unit}
        assert type(answer["result"]) is type(result)

    @pytest.mark.parametrize(
        ("value", "from_unit", "to_unit", "message"),
        [
            (1, "kg", "meters", "kilograms measure mass and meters measure length"),
            (1, "parsnips", "meters", "Unknown unit 'parsnips'; use a unit of length"),
            (1, "meters", "", "Unknown unit ''"),
            (-300, "celsius", "kelvin", "below absolute zero"),
        ],
    )
    def test_refusals(self, value, from_unit, to_unit, message):
        with pytest.raises(ValueError, match=message):
            convert_units(value, from_unit, to_unit)


class TestCalculate:
    @pytest.mark.parametrize(
        ("expression", "result"),
        [
            ("12 * 7", 84),
            ("12 * 7 + 3", 87),
            ("2 + 3 * 4", 14),
            ("(2 + 3) * 4", 20),
            ("15 / 100 * 200", 30),
            ("0.1 + 0.2", 0.3),
            ("1 / 3", 0.3333),
            ("7 // 2", 3),
            ("-7 % 4", 1),
            ("2 ** 10", 1024),
            ("2 ^ 10", 1024),
            ("2 ** 100", 2**100),
            ("sqrt(16)", 4),
            ("abs(-3.5)", 3.5),
            ("round(pi, 2)", 3.14),
            ("1,200 × 3", 3600),
            ("1 / 80000", 1.25e-05),
        ],
    )
    def test_values(self, expression, result):
        answer = calculate(expression)["result"]
        assert answer == result
        assert type(answer) is type(result)

    @pytest.mark.parametrize(
        ("expression", "message"),
        [
            ("7 / 0", "division by zero"),
            ("7 % 0", "division by zero"),
            ("0 ** -1", "division by zero"),
            ("9 ** 9 ** 9", "too large"),
            ("9 ** 99999999999", "too large"),
            ("1e999", "too large"),
            ("(-8) ** 0.5", "no real number"),
            ("sqrt(-1)", "has no value"),
            ("sqrt(1, 2)", "takes one number"),
            ("", "no arithmetic expression"),
            ("2 +", "no arithmetic expression"),
            ("(" * 150, "no arithmetic expression"),
            ("1" * 201, "longer than 200"),
            ("__import__('os').system('true')", "only numbers"),
            ("open('/etc/passwd')", "only numbers"),
            ("(1).__class__", "only numbers"),
            ("[1][0]", "only numbers"),
            ("'a' * 9", "only numbers"),
            ("True + 1", "only numbers"),
            ("x + 1", "only numbers"),
            ("1 < 2", "only numbers"),
        ],
    )
    def test_refusals(self, expression, message):
        with pytest.raises(ValueError, match=message):
            calculate(expression)


class TestGetStatus:
    def test_memory_is_that_of_the_machine(self):
        answer = get_status("memory")
        total = f"{psutil.virtual_memory().total / 2**30:.1f}".removesuffix(".0")
        assert answer["resource"] == "memory"
        assert answer["state"].endswith(f" GB free of {total} GB")

    def test_disk_has_room_and_size(self):
        free, total = get_status("disk")["state"].removesuffix(" GB").split(" GB free of ")
        assert 0 <= float(free) <= float(total)

    def test_battery_in_words(self):
        battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
        state = get_status("battery")["state"]
        assert state == "no battery found" if battery is None else state.endswith("charging")


class TestListFolder:
    def test_first_names_without_hidden_ones(self, tmp_path):
        for name in ("g.txt", "b", "A.pdf", ".hidden", "c", "d", "e", "f"):
            (tmp_path / name).touch()
        assert list_folder(str(tmp_path)) == {"count": 7, "entries": ["A.pdf", "b", "c", "d", "e", "f"]}

    def test_relative_names_are_found_at_home_in_any_case(self, home):
        (home / "Downloads").mkdir()
        (home / "Downloads" / "letter.pdf").touch()
        expected = {"count": 1, "entries": ["letter.pdf"]}
        assert [list_folder(path) for path in ("Downloads", "downloads", "~/Downloads")] == [expected] * 3

    def test_the_given_folder_comes_before_one_at_home(self, home, tmp_path_factory, monkeypatch):
        (home / "src").mkdir()
        here = tmp_path_factory.mktemp("here")
        (here / "src").mkdir()
        (here / "src" / "here.txt").touch()
        monkeypatch.chdir(here)
        assert list_folder("src")["entries"] == ["here.txt"]

    @pytest.mark.parametrize(
        ("path", "error", "message"),
        [
            ("nowhere", FileNotFoundError, "there is no folder nowhere"),
            ("../../nowhere", FileNotFoundError, "there is no folder"),
            ("~nobody-of-that-name/x", ValueError, "there is no user"),
            ("", ValueError, "missing"),
            ("a\0b", ValueError, "missing"),
        ],
    )
    def test_refusals(self, home, path, error, message):
        with pytest.raises(error, match=message):
            list_folder(path)

    def test_a_file_is_no_folder(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(NotADirectoryError, match="is a file"):
            list_folder(str(tmp_path / "file"))


class TestSetTimer:
    @pytest.fixture(autouse=True)
    def _no_timers_left(self):
        yield
        timer.cancel_all()

    def test_it_rings(self, monkeypatch):
        rung = threading.Event()
        texts: list[str] = []
        monkeypatch.setattr(timer, "notify", lambda text: (texts.append(text), rung.set()))
        before = datetime.now()
        ends_at = set_timer(1, "seconds", "tea")["ends_at"]
        possible = {(before + timedelta(seconds=1 + late)).strftime("%H:%M:%S") for late in range(3)}
        assert ends_at in possible
        assert timer.running() == 1
        assert rung.wait(timeout=30)
        assert texts == ["tea: 1 second is over"]
        assert timer.running() == 0

    def test_long_timers_run_in_threads_that_end_with_the_process(self):
        set_timer(2, "hours")
        assert timer.running() == 1
        assert all(thread.daemon for thread in threading.enumerate() if isinstance(thread, threading.Timer))

    @pytest.mark.parametrize(("amount", "unit"), [(0, "minutes"), (-1, "seconds"), (25, "hours")])
    def test_refusals(self, amount, unit):
        with pytest.raises(ValueError, match="between 1 second and 24 hours"):
            set_timer(amount, unit)
        assert timer.running() == 0

    def test_their_number_is_limited(self):
        for _ in range(timer.MAX_RUNNING):
            set_timer(1, "hours")
        with pytest.raises(RuntimeError, match="running already"):
            set_timer(1, "hours")


class TestNotes:
    def test_notes_are_kept_in_order(self, notes_file):
        assert read_notes() == {"notes": []}
        for text in ("one", "two", "three", "four", "fünf"):
            assert add_note(text) == {"saved": text}
        assert read_notes() == {"notes": ["two", "three", "four", "fünf"]}
        assert notes_file.read_text("utf-8").splitlines() == ["one", "two", "three", "four", "fünf"]
        assert notes_file.stat().st_mode & 0o077 == 0

    def test_a_note_stays_on_one_line(self, notes_file):
        add_note("buy milk\nand  \x0bbread")
        assert read_notes() == {"notes": ["buy milk and bread"]}

    @pytest.mark.parametrize("text", ["", "  \n ", "x" * 2001])
    def test_refusals_leave_the_file_alone(self, notes_file, text):
        with pytest.raises(ValueError, match="the note is"):
            add_note(text)
        assert not notes_file.exists()

    def test_notes_written_at_once_stay_whole(self, notes_file):
        threads = [
            threading.Thread(target=lambda n=n: [add_note(f"{n} " + "x" * 500) for _ in range(20)]) for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lines = list(filter(None, notes_file.read_text().splitlines()))  # one that is half there looks cut
        assert len(lines) == 160
        assert all(line[2:] == "x" * 500 for line in lines)

    def test_a_note_that_was_cut_short_takes_no_other_with_it(self, notes_file):
        notes_file.parent.mkdir()
        notes_file.write_text("one\ntw")
        add_note("three")
        assert read_notes() == {"notes": ["one", "tw", "three"]}

    def test_what_is_no_file_holds_no_notes(self, notes_file):
        notes_file.parent.mkdir()
        os.mkfifo(notes_file)
        for use in (lambda: add_note("buy milk"), read_notes):
            with pytest.raises(OSError, match="it is no regular file"):
                use()

    def test_of_many_notes_only_the_end_is_read(self, notes_file):
        notes_file.parent.mkdir()
        notes_file.write_text("x" * 2000 + "\n" + ("\u20ac" * 2000 + "\n") * 40)
        assert read_notes() == {"notes": ["\u20ac" * 2000] * 4}

    def test_the_default_file_is_in_the_state_folder(self, tmp_path, monkeypatch):
        monkeypatch.delenv("EDGE_LAM_NOTES", raising=False)
        monkeypatch.setenv("EDGE_LAM_HOME", str(tmp_path))
        add_note("buy milk")
        assert (tmp_path / "notes.txt").read_text() == "buy milk\n"
