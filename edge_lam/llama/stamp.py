"""The stamp that cmake/after_project.cmake leaves beside llama.cpp's libraries: what was built, and how."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, fields
from pathlib import Path

from edge_lam._util.debug import reason

logger = logging.getLogger("edge_lam.llama")

_FILE = "edge_lam_build.json"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What one of our backend files noted when it built llama.cpp.

    Attributes:
        backend: name of the backend file ("cpu", "cuda", "metal", "vulkan", "android-arm64").
        revision: the start of a hash of llama.cpp's source, which its version does not tell apart; "" in old builds.
        key: name of the build in the wheel cache, "" where plain pip built it.
        amx: Intel's matrix unit was kept.
        native: "ON" where it was compiled for the processor of the machine that built it.
        compiler: such as "GNU 12.2.0".
        system: such as "Linux x86_64".
    """

    backend: str
    key: str
    amx: bool
    native: str
    compiler: str
    system: str
    revision: str = ""


def read_stamp(folder: Path | None) -> Stamp | None:
    """Read the stamp beside the libraries; None without one, or if it can't be read."""
    try:
        noted = json.loads(((folder or Path()) / _FILE).read_text(encoding="utf-8"))
        return Stamp(**{field.name: noted[field.name] for field in fields(Stamp) if field.name in noted})
    except FileNotFoundError:  # built by somebody else
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        logger.debug("how llama.cpp was built is not known: %s", reason(error))
        return None
