"""The log of calls: one JSON line for each, and for each tool an agent ran, in a file under the state folder.

In comes a report, with the texts of the call if they are wanted; out goes one line. A log that can't be written
says so once and never disturbs a call.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from edge_lam._util.atomic_file import append_line, atomic_write, try_lock
from edge_lam._util.paths import state_dir, user_path
from edge_lam._util.read_file import open_regular
from edge_lam._util.sizes import read_size
from edge_lam.errors import InvalidRequest
from edge_lam.metrics.report import CallReport, ToolReport

DEFAULT_SIZE = 64_000_000  # bytes: some 40,000 calls
_PATIENCE = 1.0  # seconds to wait for another process that is writing
_ATTEMPTS = 20  # to prune a log that others rotate or prune, too

logger = logging.getLogger("edge_lam.metrics")


class CallLog:
    """Where calls are logged.

    Attributes:
        path: the file, or None if nothing is logged.
        log_prompts: whether prompts and replies are logged too.
        most_bytes: how large the file may become; what is beyond that begins a new one, and the old one is kept beside
            it with ".1" added to its name, in place of the one before.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | bool | None = None,
        *,
        log_prompts: bool | None = None,
        most_bytes: int | None = None,
    ) -> None:
        """Choose the file; what is None is decided by the environment.

        Args:
            path: a file; "off" or False for none; None takes EDGE_LAM_LOG, else calls.jsonl in the state folder.
            log_prompts: whether to log prompts and replies too; None takes EDGE_LAM_LOG_PROMPTS=1.
            most_bytes: of the file; None takes EDGE_LAM_LOG_SIZE, a size such as 20MB, else 64 MB.

        Raises:
            InvalidRequest: the environment's size is none.
        """
        wanted = (os.environ.get("EDGE_LAM_LOG") or True) if path is None else path
        if wanted is True:
            wanted = state_dir() / "calls.jsonl"
        self.path = None if wanted is False or wanted == "off" else user_path(wanted, param="log")
        self.log_prompts = os.environ.get("EDGE_LAM_LOG_PROMPTS") == "1" if log_prompts is None else log_prompts
        if most_bytes is None:
            size = os.environ.get("EDGE_LAM_LOG_SIZE")
            most_bytes = read_size(size, param="EDGE_LAM_LOG_SIZE") if size else DEFAULT_SIZE
        self.most_bytes = most_bytes
        self._warned = False

    def write(self, report: CallReport | ToolReport, **texts: object) -> None:
        """Append one line; never raises.

        Args:
            report: of the call, or of a tool that it ran.
            **texts: what was said in it, such as prompt and reply, or arguments and result; left out unless
                `log_prompts` is set.
        """
        if self.path is None:
            return
        try:
            line = json.dumps(report.to_dict() | (texts if self.log_prompts else {}), default=str)
            self._append(self.path, f"{line}\n".encode())
        except (OSError, ValueError, TypeError, RecursionError) as error:
            level = logging.DEBUG if self._warned else logging.WARNING  # once is enough for who does not ask
            logger.log(level, "calls are not logged: %s (set EDGE_LAM_LOG to another file, or to off)", error)
            self._warned = True

    def _append(self, path: Path, line: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _opened(path) as (file, locked):
            size = os.fstat(file).st_size
            if not (locked and size and size + len(line) > self.most_bytes):
                append_line(file, line, may_cut=locked)
                return
            path.replace(rotated(path))
        with _opened(path) as (file, locked):
            append_line(file, line, may_cut=locked)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many records of a log were kept, and how many removed; lines that are no record are among the removed."""

    kept: int
    removed: int


def prune_log(path: Path, *, before: datetime | None = None) -> Pruned:
    """Remove the records of calls that began before a moment, or all; also those of the file that was rotated away.

    Args:
        path: the log.
        before: the moment, with its time zone; None removes all.

    Raises:
        InvalidRequest: a file can't be read or written; `param` is "log".
    """
    kept = removed = 0
    try:
        for file in (rotated(path), path):
            with contextlib.suppress(FileNotFoundError):  # nothing to remove
                found = _prune(file, before)
                kept, removed = kept + found.kept, removed + found.removed
    except OSError as error:
        raise InvalidRequest(f"{path} can't be pruned: {error.strerror or error}", param="log") from error
    return Pruned(kept, removed)


def rotated(path: Path) -> Path:
    """Return where a log goes that has become too large."""
    return path.with_name(f"{path.name}.1")


class _WrittenAnewError(Exception):
    """Another process rotated or pruned the log meanwhile."""


class _NothingKeptError(Exception):
    """There is nothing to put in the place of the log."""


def _prune(path: Path, before: datetime | None) -> Pruned:
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(_WrittenAnewError):  # the next attempt reads the new one
            return _rewrite(path, before)
    raise TimeoutError("other processes write it again and again")


def _rewrite(path: Path, before: datetime | None) -> Pruned:
    """Write what is kept to a new file, and put it in place.

    Most is copied, and on the disk, before the log is locked: who writes to it waits a moment at most. Then what came
    meanwhile is copied too; those who wait for the lock see that the file is another one.
    """
    first = rest = Pruned(0, 0)
    with contextlib.suppress(_NothingKeptError), open_regular(path) as old, contextlib.ExitStack() as unfinished:
        # Where nothing is kept there is nothing left to do: the log is gone, and the new file goes too.
        new = unfinished.enter_context(atomic_write(path, private=True))
        first = _copy(old, new, before, is_growing=True)
        new.flush()
        os.fsync(new.fileno())
        with _opened(path) as (_, locked):
            if not locked:
                raise TimeoutError("another process is writing it")
            if not _is_still(path, os.fstat(old.fileno())):
                raise _WrittenAnewError
            rest = _copy(old, new, before, is_growing=False)
            if not first.kept + rest.kept:
                path.unlink()
                raise _NothingKeptError
            unfinished.close()  # puts it in place
    return Pruned(first.kept + rest.kept, first.removed + rest.removed)


def _copy(old: BinaryIO, new: BinaryIO, before: datetime | None, *, is_growing: bool) -> Pruned:
    """Copy what is kept of the lines that follow, without a last one that another process may not have ended."""
    n_kept = n_lines = 0
    while line := old.readline():
        if is_growing and not line.endswith(b"\n"):
            old.seek(-len(line), os.SEEK_CUR)
            break
        n_lines += 1
        if before is not None and _began(line) >= before.timestamp():
            n_kept += 1
            new.write(line)
    return Pruned(n_kept, n_lines - n_kept)


def _began(line: bytes) -> float:
    try:
        record = json.loads(line)
        return datetime.fromisoformat(record.get("started") or record["finished"]).timestamp()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # no record: it is removed, and counted
        return 0.0


@contextmanager
def _opened(path: Path) -> Iterator[tuple[int, bool]]:
    """Open a log to append, for its owner only; yield it, and whether it is locked against others who write to it.

    Raises:
        OSError: it is a link, no regular file, or another user's.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    deadline = time.monotonic() + _PATIENCE
    while True:
        file = os.open(path, flags, 0o600)  # only the user may read requests
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(f"{path} is no regular file")
            if found.st_uid != os.geteuid():
                raise OSError(f"{path} is another user's")
            if stat.S_IMODE(found.st_mode) != 0o600:
                os.fchmod(file, 0o600)
            locked = _lock(file, deadline)
            if _is_still(path, found):
                yield file, locked
                return
        finally:
            os.close(file)


def _lock(file: int, deadline: float) -> bool:
    """Wait for the lock; False where it takes too long, or there are no locks: O_APPEND still keeps lines whole."""
    with contextlib.suppress(OSError):  # no locks on this system or disk
        while time.monotonic() < deadline:
            if try_lock(file):
                return True
            time.sleep(0.001)
    return False


def _is_still(path: Path, found: os.stat_result) -> bool:
    """Tell whether a file was not rotated away, or pruned, while its lock was waited for."""
    try:
        return os.path.samestat(path.lstat(), found)
    except FileNotFoundError:  # it was
        return False
