"""What an episode is: a world to act in, what the user says, and the actions that would have been right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

Action = tuple[str, dict[str, Any]]
"""A tool's name and its arguments."""


class World(Protocol):
    """Something that tools act on."""

    def tools(self) -> list[Callable[..., Any]]:
        """Return the functions that a model may call."""

    def state(self) -> dict[str, Any]:
        """Return all that tools can change, in JSON types."""


@dataclass(frozen=True)
class Episode:
    """A conversation with a scripted user.

    Attributes:
        id: unique among all.
        world: makes the world as it is before the conversation.
        says: the user's messages; each comes when the model has answered the one before in text.
        actions: what the model should do. Only the state that they leave counts, not how it comes about.
        told: what some answer of the model must contain, such as a time that it looked up.
    """

    id: str
    world: Callable[[], World]
    says: tuple[str, ...]
    actions: tuple[Action, ...]
    told: tuple[str, ...] = ()

    def wanted(self) -> dict[str, Any]:
        """Return the state that the right actions leave."""
        world = self.world()
        functions = {function.__name__: function for function in world.tools()}
        for name, arguments in self.actions:
            functions[name](**arguments)
        return world.state()
