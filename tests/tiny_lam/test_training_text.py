"""What tiny-lam is trained on is the format of the runtime, to the byte."""

from __future__ import annotations

import random

from edge_lam.formats import XLam2Qwen
from edge_lam.tools import as_tools
from tests.amount import many
from tiny_lam.episodes import Mix, draw_episode
from tiny_lam.prompt import END, calls_text, preamble, tool_block, turn, without_tools


def test_training_text_is_the_format_of_the_runtime():
    rng = random.Random(3)
    for _ in range(many(10)):
        episode = draw_episode(rng, Mix(more=True, toolless=0.2, results=0.5), 4)
        definitions = [tool.definition() for tool in episode.tools]
        for conversation in episode.conversations:
            text = preamble(episode.system) + tool_block(definitions) if definitions else without_tools(episode.system)
            messages: list[dict[str, object]] = [{"role": "system", "content": episode.system}]
            for step in conversation:
                text += turn(step.role, *step.contents)
                messages += ({"role": step.role, "content": content} for content in step.contents)
                assert XLam2Qwen().render(messages, as_tools(definitions)) == text
                reply = step.reply if isinstance(step.reply, str) else calls_text(step.reply)
                text += reply + END
                if isinstance(step.reply, str):
                    messages.append({"role": "assistant", "content": reply})
                else:
                    calls = [{"type": "function", "function": call} for call in step.reply]
                    messages.append({"role": "assistant", "content": None, "tool_calls": calls})
