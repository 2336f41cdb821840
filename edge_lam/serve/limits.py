"""What one request may ask for at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_lam.errors import InvalidRequest

if TYPE_CHECKING:
    from edge_lam.request import ChatOptions
    from edge_lam.serve.dialects.base import Ask
    from edge_lam.serve.options import ServeOptions


def limited_options(ask: Ask, limits: ServeOptions, adapter: str = "") -> list[ChatOptions]:
    """Return the options of each reply to a request, within the server's limits; `adapter` as of `LAM.chat`.

    Replies to the same request get seeds that follow each other, so that they differ.

    Raises:
        InvalidRequest: it asks for more replies, or brings more tools, than it may.
    """
    if (n_replies := ask.n * max(1, len(ask.prompts))) > limits.max_choices:
        param = "n" if ask.n > limits.max_choices else "prompt"
        raise InvalidRequest(f"{n_replies} replies are asked for; at most {limits.max_choices} may be", param=param)
    tools = ask.options.get("tools")
    if isinstance(tools, list) and len(tools) > limits.max_tools:
        raise InvalidRequest(f"there are {len(tools)} tools; at most {limits.max_tools} may be", param="tools")
    options: ChatOptions = {**ask.options, "timeout": limits.timeout, "adapter": adapter}
    if limits.max_tokens is not None:
        asked = options.get("max_tokens", limits.max_tokens)
        options["max_tokens"] = min(asked, limits.max_tokens) if isinstance(asked, int) else asked  # refused as it is
    seed = options.get("seed")
    if ask.n == 1 or not isinstance(seed, int):
        return [options] * ask.n
    return [{**options, "seed": seed + index} for index in range(ask.n)]
