"""Whether clients get what they ask for, of `edge-lam serve` and of llama-server: a table, each cell by an assertion.

    python tests/serve/clients.py [--only openai_chat ...] [--llama-server PATH] [--out FILE.md]

Each client runs where it is installed, or in an environment of its own, made once and kept in the cache folder. Both
servers have the embedded model. Exit status 1 if `edge-lam serve` breaks one of the requests.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import metadata, util
from pathlib import Path

from processes import CACHE, LONGEST, MODEL, N_CTX, ROOT, edge_lam_serve, environment, llama_server, running

CLIENT_SECONDS = 900.0
# A scenario in clients/, and the packages that it needs; the first is the one whose version is told.
CLIENTS: Mapping[str, tuple[str, ...]] = {
    "openai_chat": ("openai>=1.99,<4",),
    "openai_responses": ("openai>=1.99,<4",),
    "anthropic_messages": ("anthropic>=0.60,<3",),
    "ollama_chat": ("ollama>=0.5,<1",),
    "litellm": ("litellm",),
    "langchain_openai": ("langchain-openai",),
    "llama_index": ("llama-index-llms-openai-like",),
    "pydantic_ai": ("pydantic-ai-slim[openai]",),
    "openai_agents": ("openai-agents",),
    "smolagents": ("smolagents[openai]",),
    "instructor": ("instructor",),
    "llm": ("llm",),
    "agno": ("agno", "openai"),
}
ASKED = {
    "answer": "a call, its result, the answer",
    "required": "a call is required",
    "named": "a tool is named",
    "none": "calls are forbidden",
    "parallel": "two calls at once",
    "streamed": "streamed as whole",
    "typed": "an object of a type",
}
Outcomes = dict[str, dict[str, str]]  # by request: "outcome" and "seen"


def main() -> int:
    """Ask all, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--only", nargs="+", choices=CLIENTS, metavar="CLIENT", help="these alone")
    parser.add_argument("--llama-server", type=Path, metavar="PATH", help="ask this too, beside ours")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table there")
    asked = parser.parse_args()
    servers = {"edge-lam serve": edge_lam_serve()}
    if asked.llama_server:
        servers["llama-server"] = llama_server(asked.llama_server)
    pythons = {client: python_of(client) for client in asked.only or CLIENTS}
    found: dict[str, dict[str, Outcomes]] = {}
    for server, command in servers.items():
        with running(command) as url:
            for client, python in pythons.items():
                outcomes = run_scenario(client, python, url)
                found.setdefault(client, {})[server] = outcomes
                held = [request for request, one in outcomes.items() if one["outcome"] == "held"]
                print(f"{server}: {client}: held {', '.join(held) or 'nothing'}", flush=True)
    text = page(found, {client: version_of(client, python) for client, python in pythons.items()}, list(servers), asked)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    print(f"\n{text}")
    print("outcome: " + "; ".join(f"{server} {held_by(found, server)}" for server in servers))
    ours = [one["outcome"] for by_server in found.values() for one in by_server["edge-lam serve"].values()]
    return int("broken" in ours)


def python_of(client: str) -> str:
    """Return a Python that has the client: this one, or that of an environment of its own, made if it is not there."""
    packages = CLIENTS[client]
    if util.find_spec(packages[0].partition(">")[0]):
        return sys.executable
    return environment(CACHE / "clients" / client, packages)


def run_scenario(client: str, python: str, url: str) -> Outcomes:
    """Return what came of each request."""
    command = [python, "-m", "tests.serve.clients.scenario", client, url, MODEL]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "any"}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=CLIENT_SECONDS, check=False
        )
        lines, said = done.stdout.splitlines(), done.stderr
    except subprocess.TimeoutExpired as error:
        lines, said = (error.stdout or b"").decode().splitlines(), f"no end after {CLIENT_SECONDS:.0f} s"
    told = [json.loads(line) for line in lines if line.startswith('{"request"')]
    outcomes = {one["request"]: one for one in told}
    last = (said.strip() or "the scenario ended").splitlines()[-1]
    return {request: outcomes.get(request, {"outcome": "broken", "seen": last}) for request in ASKED}


def version_of(client: str, python: str) -> str:
    """Return the client's package and version."""
    name = CLIENTS[client][0].partition(">")[0].partition("[")[0]
    if python == sys.executable:
        return f"{name} {metadata.version(name)}"
    line = f"from importlib.metadata import version; print(version({name!r}))"
    return f"{name} {subprocess.run([python, '-c', line], capture_output=True, text=True, check=True).stdout.strip()}"


def page(
    found: Mapping[str, Mapping[str, Outcomes]],
    versions: Mapping[str, str],
    servers: Sequence[str],
    asked: argparse.Namespace,
) -> str:
    """Return the result page."""
    command = "python tests/serve/clients.py"
    command += f" --only {' '.join(asked.only)}" if asked.only else ""
    command += " --llama-server PATH" if asked.llama_server else ""
    lines = [
        f"# What clients get, {time.strftime('%Y-%m-%d')}",
        "",
        f"- command: `{command}`",
        f"- model: {MODEL}, the same file for all servers; a context of {N_CTX} tokens",
        f"- Python {platform.python_version()}",
    ]
    if asked.llama_server:
        lines += [f"- llama-server: {llama_server_version(asked.llama_server)}, replies of at most {LONGEST} tokens"]
        lines += [
            "- llama-server derives from the chat template how calls are spelled, from xLAM's otherwise than the model",
            "  writes them; most of what it breaks follows from that: of models that it knows this says little",
        ]
    lines += ["", *(f"- **{request}**: {what}" for request, what in ASKED.items())]
    for server in servers:
        lines += ["", f"## {server}", "", *table(found, versions, server)]
    lines += [
        "",
        "Each cell is one scenario of `tests/serve/clients/`: **held** if its assertions passed, broken if one",
    ]
    lines += ["did not, – if the client has no way to ask for it.", ""]
    for server in servers:
        broken = reasons(found, server, "broken")
        lines += [f"What {server} broke:" if broken else f"{server} broke nothing.", "", *broken, *[""] * bool(broken)]
    return "\n".join([*lines, "No way to ask:", "", *reasons(found, servers[0], "no way"), ""])


def reasons(found: Mapping[str, Mapping[str, Outcomes]], server: str, outcome: str) -> list[str]:
    """Return a line for each reason why a request had an outcome, with the clients and requests that it is of."""
    where: dict[str, dict[str, list[str]]] = {}
    for client, by_server in found.items():
        for request, one in by_server.get(server, {}).items():
            if one["outcome"] == outcome:
                where.setdefault(shortened(one["seen"]), {}).setdefault(client, []).append(request)
    return [
        f"- {reason}: " + "; ".join(f"{client} ({', '.join(requests)})" for client, requests in clients.items())
        for reason, clients in where.items()
    ]


def table(found: Mapping[str, Mapping[str, Outcomes]], versions: Mapping[str, str], server: str) -> list[str]:
    """Return the lines of one server's table, with how many of what was asked was held."""
    words = {"held": "**held**", "broken": "broken", "no way": "–"}
    lines = [f"| client | {' | '.join(ASKED)} |", f"| :-- |{' :-- |' * len(ASKED)}"]
    for client, by_server in found.items():
        cells = [words[by_server[server][request]["outcome"]] for request in ASKED]
        lines.append(f"| {client} ({versions[client]}) | {' | '.join(cells)} |")
    return [*lines, "", f"{held_by(found, server)} held."]


def held_by(found: Mapping[str, Mapping[str, Outcomes]], server: str) -> str:
    """Return how much of what was asked of a server it held."""
    outcomes = [one["outcome"] for by_server in found.values() for one in by_server[server].values()]
    return f"{outcomes.count('held')} of {len(outcomes) - outcomes.count('no way')}"


def llama_server_version(program: Path) -> str:
    """Return what llama-server tells of its version."""
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return next((line for line in (told.stderr + told.stdout).splitlines() if line.startswith("version")), "unknown")


def shortened(text: str, limit: int = 160) -> str:
    """Return a text in one line, without what would break a list."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[:limit]}…"


if __name__ == "__main__":
    sys.exit(main())
