"""Right calls and their time, for a model and tasks of your own: python examples/benchmark_own_model.py [MODEL] ...

`edge-lam bench MODEL --tasks tasks.jsonl` measures more: warm, cold and restored calls, and several models in turns.
"""

import statistics
import sys

import edge_lam
from edge_lam.demo_tools import DEMO_TOOLS

# A request, and the call that is right. Take some dozens, worded as your users do, that were not trained on.
TASKS = [
    ("what time is it in Tokyo?", ("get_time", {"city": "Tokyo"})),
    ("what is 12 * 7?", ("calculate", {"expression": "12 * 7"})),
    ("convert 10 miles to kilometers", ("convert_units", {"value": 10, "from_unit": "miles", "to_unit": "kilometers"})),
    ("note: buy milk", ("add_note", {"text": "buy milk"})),
    ("read my notes", ("read_notes", {})),
    ("tell me a joke", None),  # no tool can do that
]
REPEATS = 5


def measure(model: str | None) -> None:
    """Print accuracy and times of one model."""
    right, seconds, first_tokens = 0, [], []
    with edge_lam.load(model, log="off") as lam:
        lam.prewarm(DEMO_TOOLS).result()  # warm calls are measured: the tools were read before
        for _ in range(REPEATS):
            for request, expected in TASKS:
                reply = lam.chat(request, tools=DEMO_TOOLS, max_tokens=200)
                calls = [(call.name, call.arguments) for call in reply.tool_calls]
                right += calls == ([expected] if expected else [])
                seconds.append(reply.report.times.total)
                first_tokens.append(reply.report.times.first_token)
        info, memory = lam.info, reply.report.memory
    n_replies = len(TASKS) * REPEATS
    ranks = statistics.quantiles(seconds, n=20, method="inclusive")  # the last is the 95th percentile
    print(f"{info.name} {info.quantization}, {info.n_threads} threads: {right} of {n_replies} right")
    print(f"  total {1000 * statistics.median(seconds):.0f} ms (median), {1000 * ranks[-1]:.0f} ms (95 %)")
    print(f"  first token {1000 * statistics.median(first_tokens):.0f} ms, {memory.resident / 1e6:.0f} MB resident")
    print(f"  {1000 * sum(seconds) / max(1, right):.0f} ms per right answer")


models: list[str | None] = [*sys.argv[1:]] or [None]  # None is the embedded one
for name in models:
    measure(name)
