"""Runs commands in homes that are none: read-only, another user's, full, missing. Each gives an answer or one line.

    python tests/hostile/odd_homes.py [--home NAME]... [--command NAME]...

Prints a table of what each command does in each home; the exit code is 1 if one hangs, shows a traceback, says its
error in more than a line, or ends by a signal. Where root is needed (another user, a disk of its own) and not there, a
home is left out, and that is said.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.hub.hub_server import Repo, run_hub

PATIENCE = 120.0  # seconds for a command
EDGE_LAM = (sys.executable, "-m", "edge_lam")
OURS = ("EDGE_LAM_", "XDG_", "HF_", "HUGGING", "TMPDIR", "TEMP", "TMP", "HOME", "USER", "LOGNAME")
COMMANDS: dict[str, tuple[str, ...]] = {
    "info": ("info",),
    "call": ("call", "what time is it in Tokyo?"),
    "chat": ("chat",),
    "serve": ("serve", "--port", "0"),
    "bake": ("bake", "--force", "-o", "baked.prefix"),
    "pull": ("pull", "acme/tiny"),
    "config": ("config", "set", "n_ctx", "2048"),
}
TYPED = "what is 12*7?\n/save chat.json\n"


@dataclass(frozen=True)
class Home:
    """Where a command runs.

    Attributes:
        script: of the shell, run before the command, in a home that is "$HOME" and the working folder.
        variables: of its environment; {home} stands for the folder, and "" unsets.
        user: as which it runs, by number; None for who runs this.
        is_own: whether its files and mounts are to be its own: of a file system that nobody else sees.
        mode: of the folder.
        umask: of the process.
    """

    script: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    user: int | None = None
    is_own: bool = False
    mode: int = 0o755
    umask: int = 0o022

    @property
    def needs_root(self) -> bool:
        """Whether only root can make it."""
        return self.is_own or self.user is not None


NOBODY, NO_NAME = 65534, 54321  # the latter has no entry in the list of users
FULL = "mount -t tmpfs -o size=64k tmpfs . && cd . && { head -c 1M /dev/zero >fill 2>/dev/null; true; }"
A_FILE = "touch file"
HOMES = {
    "as it should be": Home(),
    "read-only": Home(user=NOBODY, mode=0o555),
    "read-only disk": Home("mount -t tmpfs -o ro tmpfs . && cd .", is_own=True),
    "another user's": Home(user=NOBODY, mode=0o777),
    "another user's folders": Home("mkdir -p .cache .local/state .config && chmod 700 .cache", user=NOBODY, mode=0o777),
    "a full disk": Home(f"cd .. && cd home && {FULL}", is_own=True),
    "umask 077": Home(umask=0o077),
    "umask 000": Home(umask=0o000),
    "umask 777": Home(umask=0o777),
    "no HOME": Home(variables={"HOME": ""}),
    "no HOME, no such user": Home(variables={"HOME": ""}, user=NO_NAME, mode=0o777),
    "HOME is empty": Home("export HOME="),
    "HOME=/dev/null": Home(variables={"HOME": "/dev/null"}),
    "HOME is relative": Home(variables={"HOME": "no/such"}),
    "HOME is missing": Home(variables={"HOME": "/no/such/home"}, user=NOBODY),
    "EDGE_LAM_HOME is a file": Home(A_FILE, {"EDGE_LAM_HOME": "{home}/file"}),
    "EDGE_LAM_HOME is nobody's": Home(variables={"EDGE_LAM_HOME": "~no-such-user/x"}),
    "EDGE_LAM_LOG is a folder": Home(variables={"EDGE_LAM_LOG": "{home}"}),
    "EDGE_LAM_LOG in a file": Home(A_FILE, {"EDGE_LAM_LOG": "{home}/file/calls.jsonl"}),
    "EDGE_LAM_PREFIX_CACHE is a file": Home(A_FILE, {"EDGE_LAM_PREFIX_CACHE": "{home}/file"}),
    "EDGE_LAM_MODELS is a file": Home(A_FILE, {"EDGE_LAM_MODELS": "{home}/file"}),
    "EDGE_LAM_MODEL is a folder": Home(variables={"EDGE_LAM_MODEL": "{home}"}),
    "EDGE_LAM_HISTORY, NOTES are folders": Home(variables={"EDGE_LAM_HISTORY": "{home}", "EDGE_LAM_NOTES": "{home}"}),
    "HF_HOME is a file": Home(A_FILE, {"HF_HOME": "{home}/file"}),
    "XDG folders are a file": Home(
        A_FILE, dict.fromkeys(("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"), "{home}/file")
    ),
    "no TMPDIR": Home(variables={"TMPDIR": "/no/such"}),
    "nowhere to write": Home("mount -o bind,ro . . && cd . && mount -t tmpfs -o ro tmpfs /tmp", is_own=True),
    "the working folder is gone": Home('mkdir gone && cd gone && rmdir "$PWD"'),
    "a language of no encoding": Home(variables={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
}


@dataclass(frozen=True)
class Outcome:
    """What a command did.

    Attributes:
        what: "answer", "one line" or what is wrong.
        said: the line, or what shows that it is wrong.
    """

    what: str
    said: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether it did neither answer nor say why not in one line."""
        return self.what not in ("answer", "one line")


def run_in(home: Home, command: str, hub: str) -> Outcome:
    """Run a command in a home that is made for it, and is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="edge-lam-home-", dir="/var/tmp") as place:  # /tmp may be read-only
        folder = Path(place) / "home"
        folder.mkdir()
        Path(place).chmod(0o755)
        folder.chmod(home.mode)
        line = [*_shell(home), *EDGE_LAM, *COMMANDS[command]]
        child = subprocess.Popen(
            line,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=_environment(home, folder, hub),
            umask=home.umask,
        )
        try:
            told = _ask_server(child) if command == "serve" else b""
            out, error = child.communicate(TYPED.encode() if command == "chat" else b"", timeout=PATIENCE)
        except (subprocess.TimeoutExpired, httpx.TimeoutException):
            child.kill()
            out, error = child.communicate()
            return Outcome("hangs", error.decode(errors="replace")[-300:])
        finally:
            folder.chmod(0o755)
    return _judge(child.returncode, out.decode(errors="replace"), (told + error).decode(errors="replace"))


def _shell(home: Home) -> list[str]:
    """Return what a command line begins with, so that it runs as that user, in that file system."""
    drop = f"--reuid={home.user} --regid={home.user} --clear-groups" if home.user else ""
    # Root's files may be read, or there is no Python; what the user may not write, root may not either.
    caps = "--inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search" if home.user else ""
    run = f'exec setpriv {drop} {caps} -- "$@"' if home.user else 'exec "$@"'
    shell = ["sh", "-c", f"{home.script or ':'}\n{run}", "sh"]
    return ["unshare", "--mount", *shell] if home.is_own else shell


def _environment(home: Home, folder: Path, hub: str) -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    variables |= {"HOME": str(folder), "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HF_ENDPOINT": hub}
    variables |= {name: value.format(home=folder) for name, value in home.variables.items()}
    return {name: value for name, value in variables.items() if value}


def _ask_server(child: subprocess.Popen[bytes]) -> bytes:
    """Ask a server something as soon as it is there, end it, and return what it said until then."""
    assert child.stdout is not None
    assert child.stderr is not None
    os.set_blocking(child.stderr.fileno(), False)
    told, end = b"", time.monotonic() + PATIENCE
    while b"http://" not in told and child.poll() is None and time.monotonic() < end:
        told += child.stderr.read() or b""
        time.sleep(0.05)
    os.set_blocking(child.stderr.fileno(), True)
    if b"http://" in told:
        address = told[told.index(b"http://") :].split()[0].decode().rstrip("/").removesuffix("/v1")
        question = {"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 5}
        answer = httpx.post(f"{address}/v1/chat/completions", json=question, timeout=PATIENCE, trust_env=False)
        assert answer.json()["choices"]
        child.send_signal(signal.SIGINT)
    return told


def _judge(code: int, out: str, error: str) -> Outcome:
    lines = [line for line in error.splitlines() if line.strip()]
    if "Traceback" in out + error or "Exception ignored" in error:
        return Outcome("traceback", (out + error)[-600:])
    if code == 0:
        return Outcome("answer", lines[0] if lines else "")
    if code not in (1, 2):
        return Outcome(f"exit code {code}", error[-300:])
    errors = [line for line in lines if line.startswith("edge-lam: error: ")]
    others = [line for line in lines if not line.startswith(("edge-lam: error: ", "hint: "))]
    if len(errors) != 1 or len(others) > 1 or "Error: " in errors[0]:
        return Outcome(f"{len(lines)} lines", error[-300:])
    return Outcome("one line", errors[0].removeprefix("edge-lam: error: "))


def table(homes: Sequence[str], commands: Sequence[str]) -> list[str]:
    """Print what each command does in each home, as lines of a table, and return what was wrong."""
    faults, said = [], dict[str, str]()
    print(f"| home | {' | '.join(commands)} |\n|---|{'---|' * len(commands)}", flush=True)
    with run_hub({"acme/tiny": Repo({"a-Q4_0.gguf": random.Random(1).randbytes(50_000)})}) as hub:
        for name in homes:
            home, cells = HOMES[name], []
            if home.needs_root and not (os.geteuid() == 0 and shutil.which("setpriv")):
                print(f"| {name} | left out: needs root |")
                continue
            for command in commands:
                outcome = run_in(home, command, hub.url)
                cells.append(outcome.what)
                said[f"{name}, {command}"] = outcome.said
                faults += [f"{name}, {command}: {outcome.what}: {outcome.said}"] if outcome.is_fault else []
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
    for place, line in said.items():
        if line:
            print(f"{place}: {line}")
    return faults


def main() -> int:
    """Print the table; the exit code is 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", action="append", choices=HOMES)
    parser.add_argument("--command", action="append", choices=COMMANDS)
    options = parser.parse_args()
    faults = table(options.home or list(HOMES), options.command or list(COMMANDS))
    for fault in faults:
        print(f"FAULT {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
