"""The result file: what was measured, where, with which command.

JSON, of a version that docs/benchmarks.md describes; compressed if its name ends with ".gz". It is written whole after
each item, so that a run which is interrupted loses nothing and can be resumed. Knows nothing of models and of how
anything is measured.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import json
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edge_lam._util.atomic_file import atomic_write
from edge_lam._util.read_file import read_bounded
from edge_lam.errors import InvalidRequest
from edge_lam.formats.json_text import decode
from edge_lam_benchmarks.items import Sample, WorkItem

SCHEMA = "edge-lam benchmark results"
VERSION = 1
_MAX_BYTES = 64 << 20  # of a file, packed or not: ten times what the largest run here wrote
# What reading a file and reporting on it raise where something in it is of another kind.
_DAMAGE = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError)


def utc_now() -> str:
    """Return the time in UTC, ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


@dataclass(frozen=True)
class ItemResult:
    """What became of one item.

    Attributes:
        item: what was to be measured.
        status: "done", "failed" (`reason` says why) or "skipped" (it can't run here; `reason` says why).
        samples: what was measured.
        reason: one line, "" if done.
        where: key into `Results.environments`.
        started: UTC, ISO 8601.
        seconds: how long it took, with all that is around the measuring.
    """

    item: WorkItem
    status: str
    samples: list[Sample] = field(default_factory=list)
    reason: str = ""
    where: str = ""
    started: str = ""
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "id": self.item.id,
            "item": self.item.to_dict(),
            "status": self.status,
            "reason": self.reason,
            "where": self.where,
            "started": self.started,
            "seconds": round(self.seconds, 3),
            "samples": [sample.to_dict() for sample in self.samples],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ItemResult:
        """Read what `to_dict` returned.

        Raises:
            KeyError, TypeError: it is not of that form.
        """
        return cls(
            item=WorkItem.from_dict(plain["item"]),
            status=plain["status"],
            samples=[Sample.from_dict(sample) for sample in plain["samples"]],
            reason=plain["reason"],
            where=plain["where"],
            started=plain["started"],
            seconds=plain["seconds"],
        )


@dataclass
class Results:
    """All of one run.

    Attributes:
        path: the file.
        command: the command line that made it.
        seed: of the order of items and of sampling.
        settings: what was requested of the run, in JSON types.
        environments: where items were measured, by a short key (`environment.environment`).
        models: facts of each model file (`LAM.info`, hashes), by the item's `model`.
        items: what became of each item, by its id, in the order of measuring.
        created, finished: UTC, ISO 8601; `finished` is "" while the run is not complete.
    """

    path: Path
    command: str
    seed: int
    settings: dict[str, Any] = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    items: dict[str, ItemResult] = field(default_factory=dict)
    created: str = field(default_factory=utc_now)
    finished: str = ""

    def add(self, result: ItemResult) -> None:
        """Keep what became of an item, and write the file.

        Raises:
            InvalidRequest: the file can't be written; the one before stays as it was, and all results are written to
                the folder for temporary files, if that can be.
        """
        self.items[result.item.id] = result
        try:
            self.save()
        except InvalidRequest as error:
            raise self._rescued(error) from error

    def missing(self, items: Iterable[WorkItem]) -> list[WorkItem]:
        """Return the items that still have to be measured: those that failed are tried again."""
        return [item for item in items if self.items.get(item.id) is None or self.items[item.id].status == "failed"]

    def done(self, suite: str | None = None) -> list[ItemResult]:
        """Return what was measured, of one suite or of all."""
        return [
            result
            for result in self.items.values()
            if result.status == "done" and (suite is None or result.item.suite == suite)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, as they stand in the file."""
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "created": self.created,
            "finished": self.finished,
            "command": self.command,
            "seed": self.seed,
            "settings": self.settings,
            "environments": self.environments,
            "models": self.models,
            "items": [result.to_dict() for result in self.items.values()],
        }

    def save(self) -> None:
        """Write the file whole, or leave the one before.

        Raises:
            InvalidRequest: it can't be written.
        """
        text = json.dumps(self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(self.path) as file:
                file.write(packed(self.path, text))
        except OSError as error:
            raise InvalidRequest(
                f"{self.path} can't be written: {error.strerror or error}",
                hint="what it held before is still there; make room and run the same command with --resume",
                param="out",
            ) from error

    def _rescued(self, error: InvalidRequest) -> InvalidRequest:
        refuge = Path(tempfile.gettempdir()) / f"edge-lam-{self.path.name}"
        try:
            replace(self, path=refuge).save()
        except InvalidRequest:  # not there either: the first error is the one to mend
            return error
        hint = f"all that was measured is in {refuge}; go on with it by --resume"
        return InvalidRequest(error.message, hint=hint, param="out")


def packed(path: Path, text: str) -> bytes:
    """Return text as it stands in a file of that name; the same text always gives the same bytes."""
    return gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode()


def companion(path: Path, suffix: str) -> Path:
    """Return the path of a file that belongs to a result file: ``a.md`` beside ``a.json`` and ``a.json.gz``."""
    base = path.with_suffix("") if path.suffix == ".gz" else path
    return base.with_name(f"{base.stem}{suffix}")


def read_results(path: Path) -> Results:
    """Read a result file.

    Raises:
        InvalidRequest: it can't be read, is no result file, or one of another version.
    """
    try:
        plain = decode(_unpacked(path, read_bounded(path, _MAX_BYTES)).decode())
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidRequest(f"{path} is no gzip file: {error}", param="results") from error
    except OSError as error:
        raise InvalidRequest(f"{path} can't be read: {error.strerror or error}", param="results") from error
    except ValueError as error:
        raise InvalidRequest(f"{path} is not JSON: {error}", param="results") from error
    if not isinstance(plain, dict) or plain.get("schema") != SCHEMA:
        raise InvalidRequest(f"{path} is no result file of `edge-lam bench`", param="results")
    if plain.get("version") != VERSION:
        raise InvalidRequest(
            f"{path} has version {plain.get('version')!r} of the schema, this edge-lam reads {VERSION}",
            hint="read it with the edge-lam that wrote it, or measure again",
            param="results",
        )
    with whole(path):
        items = [ItemResult.from_dict(entry) for entry in plain["items"]]
        names = ("command", "seed", "settings", "environments", "models", "created", "finished")
        return Results(
            path=path, items={entry.item.id: entry for entry in items}, **{name: plain[name] for name in names}
        )


@contextlib.contextmanager
def whole(path: Path) -> Iterator[None]:
    """Have what a result file holds be whole, and of the right kinds, for as long as it is read and reported on.

    Raises:
        InvalidRequest: something in it is not.
    """
    try:
        yield
    except InvalidRequest:
        raise
    except _DAMAGE as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InvalidRequest(f"{path} is damaged: {reason}", hint="measure again", param="results") from error


def _unpacked(path: Path, content: bytes) -> bytes:
    if path.suffix != ".gz":
        return content
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        unpacked = file.read(_MAX_BYTES + 1)
    if len(unpacked) > _MAX_BYTES:
        raise OSError(errno.EFBIG, f"it holds more than {_MAX_BYTES >> 20} MiB")
    return unpacked
