"""tau2's mock domain against a server: its agent, environment and evaluation, with a user that follows a script.

    PYTHONPATH=TAU2/src TAU2_DATA_DIR=TAU2/data python tests/serve/tau2_mock.py http://127.0.0.1:8080 [MODEL]

TAU2 is a clone of https://github.com/sierra-research/tau2-bench, and this Python (3.12 or 3.13) has what it needs: the
package of that name on PyPI is another one. The user says what the task wants, in the words of its ticket, and ends the
conversation at the agent's first answer. A line for each task; exit status 1 if one did not run to its end.
"""

from __future__ import annotations

import sys
from typing import Any

from tau2.agent.llm_agent import LLMAgent
from tau2.data_model.message import UserMessage
from tau2.data_model.simulation import TerminationReason
from tau2.domains.mock.environment import get_environment, get_tasks
from tau2.evaluator.evaluator import EvaluationType
from tau2.orchestrator.orchestrator import Orchestrator
from tau2.runner.simulation import run_simulation
from tau2.user.user_simulator_base import STOP, HalfDuplexUser, UserState

MAX_STEPS = 30
ENDED = (TerminationReason.USER_STOP, TerminationReason.AGENT_STOP)


class ScriptedUser(HalfDuplexUser[UserState]):
    """Asks once, and stops when it is answered."""

    def __init__(self, asks: str) -> None:
        super().__init__(instructions=asks)
        self._asks = asks

    def get_init_state(self, message_history: list[Any] | None = None) -> UserState:
        """Return a state that remembers what was said before."""
        return UserState(system_messages=[], messages=list(message_history or []))

    def generate_next_message(self, message: Any, state: UserState) -> tuple[UserMessage, UserState]:
        """Return the request, and after it the word that ends the conversation."""
        has_asked = any(isinstance(said, UserMessage) and said.content == self._asks for said in state.messages)
        said = UserMessage(role="user", content=STOP if has_asked else self._asks)
        state.messages += [message, said]
        return said, state

    @classmethod
    def is_stop(cls, message: UserMessage) -> bool:
        """Return whether the conversation is over."""
        return STOP in (message.content or "")


def play(task: Any, url: str, model: str) -> tuple[str, float, int]:
    """Play a task; returns why it ended, its reward and how many messages it had."""
    environment = get_environment()
    where = {"api_base": f"{url}/v1", "api_key": "any", "temperature": 0.0}
    agent = LLMAgent(environment.get_tools(), environment.get_policy(), f"openai/{model}", where)
    user = ScriptedUser(task.ticket or str(task.user_scenario.instructions))
    orchestrator = Orchestrator(
        domain="mock", agent=agent, user=user, environment=environment, task=task, max_steps=MAX_STEPS, seed=1
    )
    run = run_simulation(orchestrator, evaluation_type=EvaluationType.ALL)
    return run.termination_reason, run.reward_info.reward, len(run.messages)


def main(url: str, model: str = "tiny-lam") -> int:
    """Play all tasks."""
    n_failed = 0
    tasks = get_tasks()
    for task in tasks:
        try:
            ended, reward, n_messages = play(task, url, model)
        except Exception as error:  # whatever tau2 or its client raises
            ended, reward, n_messages = f"{type(error).__name__}: {error}"[:200], 0.0, 0
        n_failed += ended not in ENDED
        print(f"{task.id}: {getattr(ended, 'value', ended)}, reward {reward:g}, {n_messages} messages", flush=True)
    print(f"{len(tasks) - n_failed} of {len(tasks)} ran to their end")
    return int(n_failed > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
