"""The page at `/`: one file that talks to its own server alone; in a real browser where there is one."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import edge_lam
from edge_lam.serve import ServeOptions, ServerTools, app
from edge_lam.tools import as_tools
from edge_lam.trajectories import read_trajectories
from tests.serve.served import serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def test_the_page_is_one_file_and_needs_no_key(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert page.text.startswith("<!doctype html>")
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", page.text)
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_there_need_not_be_a_page(lam: edge_lam.LAM) -> None:
    assert TestClient(app(lam, ServeOptions(page=False))).get("/").status_code == 404


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


SIZES = {"desktop": {"width": 1200, "height": 800}, "phone": {"width": 390, "height": 780}}
on_both = pytest.mark.parametrize("page", SIZES, indirect=True)
on_a_phone = pytest.mark.parametrize("page", ["phone"], indirect=True)


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Any, url: str) -> Iterator[Any]:
    page, errors = browser.new_page(viewport=SIZES[getattr(request, "param", "desktop")]), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    # That a request was refused is told there too, and shown in the page.
    page.on("console", lambda told: told.type == "error" and "400" not in told.text and errors.append(told.text))
    page.set_default_timeout(60_000)
    page.goto(url)
    yield page
    page.close()
    assert not errors


@on_both
def test_a_call_its_result_and_the_answer_by_keyboard(page: Any, tmp_path: Path) -> None:
    page.keyboard.press("Alt+t")
    page.click("#sample")
    assert not page.is_visible("#own")  # this server has no tools of its own
    page.wait_for_function("() => /3 tools take \\d+ tokens/.test(document.getElementById('lint').textContent)")
    page.keyboard.press("Alt+t")
    page.keyboard.type("what time is it in Oslo?")
    page.keyboard.press("Enter")
    page.wait_for_selector(".call textarea")
    assert page.locator(".call .name").inner_text() == "get_time"
    assert page.locator(".call pre").inner_text() == '{ "city": "Oslo" }'
    page.keyboard.type('{"time": "09:16"}')
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelectorAll('.bar').length === 2")
    assert "09:16" in page.locator(".text").last.inner_text()
    page.click("summary")
    assert page.locator(".raw .forced").count() > 3
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    with page.expect_download() as download:
        page.keyboard.press("Alt+s")
    download.value.save_as(tmp_path / "conversation.jsonl")
    (trajectory,) = read_trajectories(tmp_path / "conversation.jsonl")
    assert [message["role"] for message in trajectory.messages] == ["user", "assistant", "tool", "assistant"]


def test_results_are_edited_and_asked_again(page: Any, tmp_path: Path) -> None:
    page.keyboard.press("Alt+t")
    page.click("#sample")
    page.keyboard.press("Alt+t")
    page.keyboard.type("what time is it in Oslo?")
    page.keyboard.press("Enter")
    page.wait_for_selector(".call textarea")
    page.keyboard.type('{"time": "09:16"}')
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelectorAll('.bar').length === 2")
    page.keyboard.press("Alt+e")
    assert page.locator("article").count() == 1
    assert page.locator(".call textarea").input_value() == '{"time": "09:16"}'
    page.locator(".call textarea").fill('{"time": "22:45"}')
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelectorAll('.bar').length === 2")
    assert "22:45" in page.locator(".text").last.inner_text()
    with page.expect_download() as download:
        page.keyboard.press("Alt+s")
    download.value.save_as(tmp_path / "conversation.jsonl")
    (trajectory,) = read_trajectories(tmp_path / "conversation.jsonl")
    assert [message["role"] for message in trajectory.messages] == ["user", "assistant", "tool", "assistant"]
    assert "22:45" in trajectory.messages[2]["content"]


@on_a_phone
def test_pasted_tools_are_linted(page: Any) -> None:
    held = {"name": "keep", "parameters": {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}}}
    wrong = {"name": "lose", "parameters": {"type": "object", "properties": {"a": {"type": "no such type"}}}}
    page.keyboard.press("Alt+t")
    page.fill("#tools", json.dumps([held, wrong]))
    page.wait_for_selector("#linted details:nth-child(2)")
    told = page.locator("#linted details")
    assert "held by the grammar" in told.nth(0).locator("summary").inner_text()
    assert "maxLength" in (told.nth(0).text_content() or "")
    assert "refused" in told.nth(1).locator("summary").inner_text()
    assert "no such type" in told.nth(1).locator(".bad").last.inner_text()


def test_what_a_model_or_tool_writes_is_no_page(page: Any) -> None:
    tool = {"name": "<img src=x onerror=alert(1)>", "description": "a", "parameters": {"type": "object"}}
    page.keyboard.press("Alt+t")
    page.fill("#tools", json.dumps([tool]))
    page.wait_for_function("() => document.getElementById('lint').textContent")
    page.keyboard.press("Alt+t")
    page.fill("#input", "<b>hello</b>")
    page.keyboard.press("Enter")
    page.wait_for_selector(".user")
    assert page.locator("#talk img, #talk b").count() == 0


def test_tools_of_the_server_run_if_they_are_allowed(browser: Any, lam: edge_lam.LAM) -> None:
    ran = []

    def get_time(city: str) -> dict[str, str]:
        """Get the current time in a city or time zone.

        Args:
            city: City or time zone
        """
        ran.append(city)
        return {"city": city, "time": "09:16"}

    with serving(lam, tools=ServerTools(as_tools([get_time]))) as url:
        for button in ("Deny", "Allow"):
            page = browser.new_page()
            page.set_default_timeout(60_000)
            page.goto(url)
            page.wait_for_selector("#own:not([hidden])", state="attached")
            page.keyboard.press("Alt+t")
            page.check("#run")
            page.keyboard.press("Alt+t")
            page.keyboard.type("what time is it in Oslo?")
            page.keyboard.press("Enter")
            page.get_by_role("button", name=button, exact=True).click()
            page.wait_for_function("() => document.getElementById('send').textContent === 'Send'")
            assert ran == (["Oslo"] if button == "Allow" else [])
            assert ("09:16" in page.locator(".call pre").last.inner_text()) == (button == "Allow")
            page.close()


def test_errors_are_shown(browser: Any, lam: edge_lam.LAM) -> None:
    with serving(lam, ServeOptions(api_keys=("k",))) as url:
        page = browser.new_page()
        page.goto(url)
        page.wait_for_function("() => /API key/.test(document.getElementById('about').textContent)")
        page.keyboard.press("Alt+t")
        page.fill("#key", "k")
        page.keyboard.press("Tab")
        page.wait_for_function("() => /tiny-lam/.test(document.getElementById('about').textContent)")
        page.fill("#tools", "[{")
        page.wait_for_selector("#lint.bad")
        page.close()
