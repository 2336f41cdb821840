"""The leaderboard's own loader, checker and executor, in a process of their own: model output is evaluated in it.

    python ../lines.py official_worker.py        (with bfcl-eval on its path, BFCL_PROJECT_ROOT set to its own folder)

Of bfcl-eval only what
loads data, checks and executes is imported: its list of models would import the client of every vendor. Knows nothing
of edge-lam, and imports nothing of it.
"""

from __future__ import annotations

import re
import sys
import types
from collections import defaultdict
from collections.abc import Callable
from typing import Any

MEMORY_LIMIT = 4 << 30  # bytes of address space
_NAME = re.compile(r"[A-Za-z_][\w.]*")


class _Settings:
    """What the checker wants to know of a model: whether its names of functions lost their dots."""

    underscore_to_dot = False


def prepare() -> None:
    """Bound what evaluated output can do to the machine, and stand in for the list of models."""
    try:
        import resource
    except ImportError:  # not on this platform
        pass
    else:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    models = types.ModuleType("bfcl_eval.constants.model_config")
    models.MODEL_CONFIG_MAPPING = defaultdict(_Settings)  # type: ignore[attr-defined]  # a module made here
    sys.modules[models.__name__] = models


class Leaderboard:
    """Answers requests; keeps the entries of the categories that were requested."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Any]] = {}
        self._truths: dict[str, Any] = {}

    def entries(self, category: str) -> list[dict[str, Any]]:
        """Load a category; returns its entries, without the answers."""
        from bfcl_eval.constants.default_prompts import DEFAULT_USER_PROMPT_FOR_ADDITIONAL_FUNCTION_FC as NEW_FUNCTIONS
        from bfcl_eval.utils import is_relevance_or_irrelevance, load_dataset_entry, load_ground_truth_entry

        entries: list[dict[str, Any]] = load_dataset_entry(category)
        truths = [] if is_relevance_or_irrelevance(category) else load_ground_truth_entry(category)
        # The checker wants the types of Java and JavaScript as they are, the model's prompt has them in words.
        self._entries |= {entry["id"]: entry for entry in load_dataset_entry(category, True, False)}
        # By position, as the leaderboard's own runner has it: some ids differ.
        for entry, truth in zip(entries, truths, strict=False):
            self._truths[entry["id"]] = truth["ground_truth"]
        for entry in entries:
            for turn in entry.get("missed_function", {}):  # an empty turn: the functions come, and these words
                entry["question"][int(turn)] = [{"role": "user", "content": NEW_FUNCTIONS}]
        return entries

    def accepts(
        self, functions: list[dict[str, Any]], calls: list[dict[str, Any]], truth: list[Any], category: str
    ) -> dict[str, Any]:
        """Check the calls of one reply, each ``{name: arguments}``."""
        from bfcl_eval.constants.enums import Language
        from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker

        endings = {"java": Language.JAVA, "javascript": Language.JAVASCRIPT}
        language = endings.get(category.rpartition("_")[2], Language.PYTHON)
        return _verdict(ast_checker(functions, calls, truth, language, category, "edge-lam"))

    def check(self, id: str, category: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
        """Check the calls that answer an entry."""
        if "irrelevance" in category:
            return {"valid": not calls, "kind": "irrelevance", "reason": "it calls what is of no use" if calls else ""}
        if "relevance" in category:
            return {"valid": bool(calls), "kind": "relevance", "reason": "" if calls else "it calls nothing"}
        return self.accepts(self._entries[id]["function"], calls, self._truths[id], category)

    def execute(self, id: str, run: str, calls: list[dict[str, Any]]) -> list[str]:
        """Execute calls in the world of an entry's conversation; `run` is unique to the conversation."""
        from bfcl_eval.eval_checker.multi_turn_eval.multi_turn_utils import execute_multi_turn_func_call

        entry = self._entries[id]
        results: list[str]
        results, _ = execute_multi_turn_func_call(
            func_call_list=[_source(call) for call in calls],
            initial_config=entry["initial_config"],
            involved_classes=entry["involved_classes"],
            model_name=run,
            test_entry_id=id,
            long_context="long_context" in id,
        )
        return results

    def check_turns(self, id: str, run: str, turns: list[list[list[dict[str, Any]]]]) -> dict[str, Any]:
        """Check a whole conversation: for each turn its steps, for each step its calls."""
        from bfcl_eval.eval_checker.multi_turn_eval.multi_turn_checker import (
            multi_turn_checker,
            multi_turn_irrelevance_checker,
        )

        truth = self._truths[id]
        if len(turns) != len(truth):
            return {"valid": False, "kind": "force_terminated", "reason": f"ended in turn {len(turns)} of {len(truth)}"}
        sources = [[[_source(call) for call in step] for step in turn if step] for turn in turns]
        category = id.rsplit("_", 1)[0]
        found = multi_turn_checker(sources, truth, self._entries[id], category, run)
        if found["valid"] and "miss_" in category:
            found = multi_turn_irrelevance_checker(sources, truth)
        return _verdict(found)


def _verdict(found: dict[str, Any]) -> dict[str, Any]:
    """Put what the checkers return, each in its own way, into one form."""
    reasons = found.get("error") or found.get("error_message") or ""
    reason = "; ".join(map(str, reasons)) if isinstance(reasons, list) else str(reasons)
    return {"valid": bool(found["valid"]), "kind": found.get("error_type", ""), "reason": reason[:500]}


def _source(call: dict[str, Any]) -> str:
    """Return a call as the Python source that the executor evaluates."""
    ((name, arguments),) = call.items()
    if not _NAME.fullmatch(name) or not all(_NAME.fullmatch(key) for key in arguments):
        raise ValueError(f"{name!r} can't be called")
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def load(setup: dict[str, Any]) -> tuple[dict[str, Any], Callable[[dict[str, Any]], dict[str, Any]]]:
    """Answer requests, ``{"do": ..., ...}``; what goes wrong in the checker is reported by its name."""
    prepare()
    leaderboard = Leaderboard()

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        return {"result": getattr(leaderboard, request.pop("do"))(**request)}

    return {}, answer
