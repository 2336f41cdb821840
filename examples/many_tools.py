"""Many tools and a small model: all are read once, and each request may call the few that its words point to.

python examples/many_tools.py "switch the light in the kitchen on"
"""

import re
import sys

import edge_lam

DEVICES = ("light", "fan", "heater", "radio", "lock", "blind", "oven", "kettle", "pump", "alarm")
ACTIONS = {"switch": "Switch the {} in a room on or off.", "check": "Check whether the {} in a room is on."}
MOST = 4  # tools that a request may call


def definition(action: str, device: str) -> dict[str, object]:
    """Return a tool as other programs describe theirs: a JSON Schema, without code."""
    properties: dict[str, object] = {"room": {"type": "string", "description": "room of the house, such as kitchen"}}
    if action == "switch":
        properties["state"] = {"enum": ["on", "off"]}
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"name": f"{action}_{device}", "description": ACTIONS[action].format(device), "parameters": parameters}


TOOLS = [definition(action, device) for device in DEVICES for action in ACTIONS]


def words(text: str) -> set[str]:
    """Return the words of a text, without their plural."""
    return {word.removesuffix("s") for word in re.findall(r"[a-z]+", text.lower())}


def candidates(request: str) -> list[str]:
    """Return the tools that share most words with a request; an index of embeddings would do the same, better."""
    asked = words(request)
    scored = [(len(asked & words(f"{tool['name']} {tool['description']}")), str(tool["name"])) for tool in TOOLS]
    return [name for score, name in sorted(scored, key=lambda one: -one[0])[:MOST] if score]


requests = sys.argv[1:] or ["switch the light in the kitchen on", "is the heater in the bathroom on?"]
with edge_lam.load() as lam:
    lam.prewarm(TOOLS).result()
    for request in requests:
        allowed = candidates(request)
        # Every tool stays in the prompt, so that what was read of them holds for the next request, too.
        reply = lam.chat(request, tools=TOOLS, allowed_tools=allowed, tool_choice="required", parallel_tool_calls=False)
        print(f"{request}\n  may call {', '.join(allowed)}")
        for call in reply.tool_calls:
            print(f"  {call.name} {call.arguments}")
        tokens = reply.report.tokens
        print(f"  {len(TOOLS)} tools, {tokens.prompt} tokens of prompt, {tokens.prompt - tokens.cached} read")
