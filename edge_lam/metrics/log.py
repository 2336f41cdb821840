"""The log of calls: one JSON line for each, and for each tool an agent ran, in a file under the state folder.

In comes a report, with the texts of the call if they are wanted; out goes one line. A log that can't be written
says so once and never disturbs a call.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from edge_lam.metrics.report import CallReport, ToolReport
from edge_lam.paths import state_dir, user_path

logger = logging.getLogger("edge_lam.log")


class CallLog:
    """Where calls are logged.

    Attributes:
        path: the file, or None if nothing is logged.
        log_prompts: whether prompts and replies are logged too.
    """

    def __init__(self, path: str | os.PathLike[str] | bool | None = None, *, log_prompts: bool | None = None) -> None:
        """Choose the file; what is None is decided by the environment.

        Args:
            path: a file; "off" or False for none; None takes EDGE_LAM_LOG, else calls.jsonl in the state folder.
            log_prompts: whether to log prompts and replies too; None takes EDGE_LAM_LOG_PROMPTS=1.
        """
        wanted = (os.environ.get("EDGE_LAM_LOG") or True) if path is None else path
        if wanted is True:
            wanted = state_dir() / "calls.jsonl"
        self.path = None if wanted is False or wanted == "off" else user_path(wanted, param="log")
        self.log_prompts = os.environ.get("EDGE_LAM_LOG_PROMPTS") == "1" if log_prompts is None else log_prompts
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
            if not self._warned:
                logger.warning("calls are not logged: %s (set EDGE_LAM_LOG to another file, or to off)", error)
            self._warned = True

    @staticmethod
    def _append(path: Path, line: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Only the user may read what was asked; one write of O_APPEND keeps lines of several processes whole.
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line)
        finally:
            os.close(file)
