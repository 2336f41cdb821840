"""Public MCP servers from npm and PyPI: installed by name into a folder, started over stdio, asked for their tools.

Nothing of theirs is called. They run without this machine's environment, in a home of their own, with tokens that are
none: those that want to reach their service before they list their tools can't be started so.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

INSTALL_SECONDS = 420
ANSWER_SECONDS = 45
DATABASE = "postgresql://user:secret@127.0.0.1:1/none"


@dataclass(frozen=True)
class Server:
    """A package that is a server.

    Attributes:
        package: its name; scoped ones are npm's.
        command: the program that it installs.
        arguments: of the program.
        variables: of its environment, such as tokens.
        registry: "npm" or "pypi".
        beside: requirements that its own should have had.
    """

    package: str
    command: str
    arguments: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    registry: str = "npm"
    beside: tuple[str, ...] = ()


def _pypi(package: str, command: str = "", *arguments: str, **variables: str) -> Server:
    return Server(package, command or package, arguments, variables, "pypi")


def _npm(package: str, command: str, *arguments: str, **variables: str) -> Server:
    return Server(package, command, arguments, variables)


SERVERS = (
    _npm("@modelcontextprotocol/server-everything", "mcp-server-everything"),
    _npm("@modelcontextprotocol/server-filesystem", "mcp-server-filesystem", "."),
    _npm("@modelcontextprotocol/server-memory", "mcp-server-memory"),
    _npm("@modelcontextprotocol/server-sequential-thinking", "mcp-server-sequential-thinking"),
    _npm("@modelcontextprotocol/server-github", "mcp-server-github", GITHUB_PERSONAL_ACCESS_TOKEN="none"),
    _npm("@modelcontextprotocol/server-gitlab", "mcp-server-gitlab", GITLAB_PERSONAL_ACCESS_TOKEN="none"),
    _npm("@modelcontextprotocol/server-slack", "mcp-server-slack", SLACK_BOT_TOKEN="none", SLACK_TEAM_ID="T0"),
    _npm("@modelcontextprotocol/server-google-maps", "mcp-server-google-maps", GOOGLE_MAPS_API_KEY="none"),
    _npm("@modelcontextprotocol/server-puppeteer", "mcp-server-puppeteer"),
    _npm("@modelcontextprotocol/server-postgres", "mcp-server-postgres", DATABASE),
    _npm("@notionhq/notion-mcp-server", "notion-mcp-server", NOTION_TOKEN="none"),
    _npm("@playwright/mcp", "playwright-mcp", "--headless", "--caps", "vision,pdf,testing,tracing"),
    _npm("chrome-devtools-mcp", "chrome-devtools-mcp", "--headless"),
    _npm("@upstash/context7-mcp", "context7-mcp"),
    _npm("@supabase/mcp-server-supabase", "mcp-server-supabase", "--access-token", "sbp_none"),
    _npm("@stripe/mcp", "mcp", "--tools=all", "--api-key=rk_test_none"),
    _npm("@sentry/mcp-server", "sentry-mcp", "--access-token=none"),
    _npm("mongodb-mcp-server", "mongodb-mcp-server", MDB_MCP_TELEMETRY="disabled"),
    _npm("mcp-server-kubernetes", "mcp-server-kubernetes"),
    _npm("firecrawl-mcp", "firecrawl-mcp", FIRECRAWL_API_KEY="fc-none"),
    _npm("tavily-mcp", "tavily-mcp", TAVILY_API_KEY="none"),
    _npm("exa-mcp-server", "exa-mcp-server", EXA_API_KEY="none"),
    _npm("airtable-mcp-server", "airtable-mcp-server", AIRTABLE_API_KEY="none"),
    _npm("@heroku/mcp-server", "heroku-mcp-server", HEROKU_API_KEY="none"),
    _npm("@circleci/mcp-server-circleci", "mcp-server-circleci", CIRCLECI_TOKEN="none"),
    _npm("@azure-devops/mcp", "mcp-server-azuredevops", "none", "-a", "envvar", ADO_MCP_AUTH_TOKEN="none"),
    _npm("figma-developer-mcp", "figma-developer-mcp", "--stdio", FIGMA_API_KEY="none"),
    _npm("@brave/brave-search-mcp-server", "brave-search-mcp-server", BRAVE_API_KEY="none"),
    _npm("@hubspot/mcp-server", "mcp-hubspot", PRIVATE_APP_ACCESS_TOKEN="none"),
    _pypi("mcp-server-git"),
    _pypi("mcp-server-time"),
    _pypi("mcp-server-fetch"),
    Server("mcp-server-sqlite", "mcp-server-sqlite", ("--db-path", "none.db"), {}, "pypi", ("mcp<2",)),
    _pypi("mcp-atlassian", JIRA_URL="http://127.0.0.1:1", JIRA_USERNAME="a", JIRA_API_TOKEN="none"),
    _pypi("arxiv-mcp-server"),
    _pypi("duckduckgo-mcp-server"),
    _pypi("excel-mcp-server", "excel-mcp-server", "stdio"),
    _pypi("postgres-mcp", "postgres-mcp", DATABASE),
    _pypi("markitdown-mcp"),
    _pypi("redis-mcp-server"),
)


class NotStarted(Exception):  # noqa: N818
    """A server could not be installed or did not list its tools; says why in one line."""


def definitions(server: Server, folder: Path) -> list[dict[str, Any]]:
    """Return what a server answers to ``tools/list``; kept in the folder, so that a second time nothing is started.

    Raises:
        NotStarted: why there is no answer.
    """
    home = folder / server.package.replace("/", "+").strip("@")
    answer = home / "tools.json"
    if not answer.exists():
        home.mkdir(parents=True, exist_ok=True)
        program = _install(server, home)
        with _started(server, program, home) as process:
            found = _tools(process)
        answer.write_text(json.dumps(found))
    tools: list[dict[str, Any]] = json.loads(answer.read_text())
    return tools


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(home), "NO_COLOR": "1"}


def _install(server: Server, home: Path) -> Path:
    if server.registry == "npm":
        program = home / "node_modules" / ".bin" / server.command
        # Without scripts: what they download (browsers) is not needed to list tools.
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", "."]
    else:
        program = home / "venv" / "bin" / server.command
        venv.create(home / "venv", with_pip=True)
        command = [str(home / "venv/bin/python"), "-m", "pip", "install", "-q"]
    command += [server.package, *server.beside]
    if not program.exists():
        try:  # as any installation here, with the settings of its client; only the server itself gets none of them
            subprocess.run(command, cwd=home, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise NotStarted(f"its installation took more than {INSTALL_SECONDS} s") from error
        except subprocess.CalledProcessError as error:
            raise NotStarted(f"it can't be installed: {_last_line(error.stderr)}") from error
    if not program.exists():
        raise NotStarted(f"it installs no program {server.command!r}")
    return program


@contextlib.contextmanager
def _started(server: Server, program: Path, home: Path) -> Iterator[subprocess.Popen[str]]:
    with (home / "stderr.txt").open("w") as errors:
        process = subprocess.Popen(
            [str(program), *server.arguments],
            **{"cwd": home, "env": _environment(home) | server.variables},
            **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors},
            text=True,
        )
    try:
        yield process
    except NotStarted as error:
        said = _last_line((home / "stderr.txt").read_text(errors="replace"))
        raise NotStarted(f"{error}: {said}" if said else str(error)) from error
    finally:
        process.kill()
        process.wait()


def _tools(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Speak MCP's JSON-RPC, one object a line, as far as the list of tools."""
    lines: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=lambda: [*map(lines.put, process.stdout or ()), lines.put("")], daemon=True).start()
    client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "edge-lam", "version": "0"}}
    _ask(process, lines, 1, "initialize", client)
    _send(process, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    found: list[dict[str, Any]] = []
    number, page = 2, dict[str, Any]()
    while number == 2 or page.get("nextCursor"):
        cursor = {"cursor": page["nextCursor"]} if page else {}
        page = _ask(process, lines, number, "tools/list", cursor)
        found += page["tools"]
        number += 1
    return found


def _ask(
    process: subprocess.Popen[str], lines: SimpleQueue[str], number: int, method: str, params: dict[str, Any]
) -> dict[str, Any]:
    _send(process, {"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    while True:
        try:
            line = lines.get(timeout=ANSWER_SECONDS)
        except Empty as error:
            raise NotStarted(f"no answer to {method} in {ANSWER_SECONDS} s") from error
        if not line:
            raise NotStarted(f"it ended before it answered to {method}")
        try:
            answer = json.loads(line)
        except ValueError:  # what a server prints besides
            continue
        if isinstance(answer, dict) and answer.get("id") == number and "method" not in answer:
            if "result" not in answer:
                raise NotStarted(f"it refuses {method}: {answer.get('error', {}).get('message', '')[:120]}")
            result: dict[str, Any] = answer["result"]
            return result


def _send(process: subprocess.Popen[str], message: dict[str, Any]) -> None:
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
    except OSError as error:
        raise NotStarted("it ended at once") from error


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "rror" in line] or lines
    return telling[-1][:160] if telling else ""
