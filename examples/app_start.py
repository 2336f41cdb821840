"""An app's start: what the model must read of the tools is baked once, and shipped beside the model.

python examples/app_start.py FOLDER     # the first run bakes, as a build script would; later ones only start
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import edge_lam

SYSTEM = "You help in the kitchen. Be short."


def convert_units(value: float, from_unit: str, to_unit: str) -> dict[str, object]:
    """Convert a value from one unit to another, such as cups to liters."""
    liters = {"liters": 1.0, "cups": 0.2366, "pints": 0.4732, "gallons": 3.785}
    return {"result": round(value * liters[from_unit] / liters[to_unit], 3), "unit": to_unit}


def set_timer(minutes: int) -> dict[str, str]:
    """Set a timer that rings after some minutes."""
    return {"rings": f"in {minutes} minutes"}


TOOLS: list[Callable[..., object]] = [convert_units, set_timer]


def bake(path: Path) -> None:
    """Do what belongs into a build script: the file holds for one model file and one kind of device."""
    with edge_lam.load(prefix_cache="off") as lam:
        print(f"baked {lam.bake(path, TOOLS, system=SYSTEM)} tokens into {path.name}")


prefix = Path(sys.argv[1]) / "kitchen.prefix"
if not prefix.exists():
    bake(prefix)

start = time.perf_counter()
with edge_lam.load(prefix=prefix, prefix_cache="off") as lam:
    warm = lam.prewarm(TOOLS, system=SYSTEM)  # in the background, while the app draws its first screen
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "convert 2 gallons to liters"}]
    reply = lam.chat(messages, tools=TOOLS)
    for call in reply.tool_calls:
        print(call.name, call.arguments)
    tokens = reply.report.tokens
    restored = max(tokens.restored, warm.result().tokens.restored)  # by whichever of the two came first
    print(f"{tokens.prompt - tokens.cached} of {tokens.prompt} tokens were read; {restored} restored")
    print(f"{time.perf_counter() - start:.2f} s from the start to the call")
