"""Plays the tasks of tau2's mock domain with a scripted user, and prints what came of each, with all that was asked.

    python tau2_mock_run.py URL        (in an environment with what tau2 needs; PYTHONPATH is its src)

Orchestrator, environment, agent, tools and judge are tau2's own, litellm is its client; its simulated user is a model,
and the one here says what each task's scenario has it say.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from typing import Any

from loguru import logger
from tau2.agent.llm_agent import LLMAgent
from tau2.data_model.message import ToolCall, UserMessage
from tau2.evaluator.evaluator import EvaluationType, evaluate_simulation
from tau2.orchestrator.orchestrator import Orchestrator
from tau2.registry import registry
from tau2.user.user_simulator_base import STOP, UserState
from tau2.utils import llm_utils

DOMAIN = "mock"
MODEL = "openai/tiny-lam"
MAX_STEPS = 20
CREATE = "Create a new task called 'Important Meeting' for user_1."
DONE = "Please mark {} as completed."
Line = str | dict[str, Any]  # what the user says, or the call that it makes
SCRIPTS: dict[str, Sequence[Line]] = {
    "create_task_1": (CREATE,),
    "create_task_1_with_env_assertions": (CREATE,),
    "create_task_1_nl_eval": (CREATE, "Please give me a compliment."),
    "update_task_1": (DONE.format("task_1"),),
    "update_task_with_message_history": (DONE.format("task_2"),),
    "update_task_with_initialization_data": (DONE.format("task_2"),),
    "update_task_with_initialization_actions": (DONE.format("task_2"),),
    "update_task_with_history_and_env_assertions": (DONE.format("task_2"),),
    "update_task_with_user_tools": (
        {"name": "check_notifications", "arguments": {}},
        DONE.format("task_1"),
        {"name": "dismiss_notification", "arguments": {"notification_id": "notif_1"}},
    ),
    "impossible_task_1": ("Delete all my current tasks.",),
}


class ScriptedUser:
    """Says its lines, one a turn, and then stops."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = list(lines)

    def get_init_state(self, message_history: list[Any] | None = None) -> UserState:
        """Return the state, which is not used."""
        return UserState(system_messages=[], messages=message_history or [])

    def stop(self, message: Any, state: UserState) -> None:
        """Say no more."""

    def generate_next_message(self, message: Any, state: UserState) -> tuple[UserMessage, UserState]:
        """Return the next line."""
        line = self._lines.pop(0) if self._lines else STOP
        if isinstance(line, str):
            return UserMessage(role="user", content=line), state
        call = ToolCall(id=f"user_{len(self._lines)}", requestor="user", **line)
        return UserMessage(role="user", content=None, tool_calls=[call]), state


def play(task: Any, url: str) -> dict[str, Any]:
    """Play a task; returns its reward, why it ended, and the requests with their answers."""
    asked: list[dict[str, Any]] = []
    ask = llm_utils.completion

    def recording(**request: Any) -> Any:
        answer = ask(**request)
        sent = {name: request[name] for name in ("messages", "tools", "tool_choice")}
        message = answer.choices[0].message
        calls = [[one.function.name, json.loads(one.function.arguments)] for one in message.tool_calls or ()]
        # The answer becomes a message of later requests, and its lists grow.
        asked.append(json.loads(json.dumps({**sent, "content": message.content or "", "calls": calls})))
        return answer

    llm_utils.completion = recording
    environment = registry.get_env_constructor(DOMAIN)()
    options = {"api_base": f"{url}/v1", "api_key": "any", "temperature": 0.0, "num_retries": 0}
    agent = LLMAgent(environment.get_tools(), environment.get_policy(), MODEL, options)
    parts = {"agent": agent, "user": ScriptedUser(SCRIPTS[task.id]), "environment": environment, "task": task}
    told: dict[str, Any] = {"task": task.id, "reward": 0.0, "asked": asked}
    try:
        simulation = Orchestrator(DOMAIN, **parts, max_steps=MAX_STEPS).run()
    except Exception as error:  # the table tells of it
        return told | {"ended": f"{type(error).__name__}: {error}"[:300]}
    finally:
        llm_utils.completion = ask
    criteria = task.evaluation_criteria
    # What it has judged by a model is left out: there is none here but the one that is judged.
    criteria.reward_basis = [one for one in criteria.reward_basis if one.value != "NL_ASSERTION"]
    with contextlib.suppress(ValueError):  # its assertions ask for a task that was never created
        told["reward"] = evaluate_simulation(simulation, task, EvaluationType.ALL, False, DOMAIN).reward
    return told | {"ended": simulation.termination_reason.value}


def main(url: str) -> None:
    """Play all tasks."""
    logger.remove()  # it would tell of each answer that its price is unknown
    for task in registry.get_tasks_loader(DOMAIN)():
        print("TASK " + json.dumps(play(task, url)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
