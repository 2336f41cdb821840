"""An agent with three real functions: python examples/agent.py "what time is it in Asia/Tokyo?"."""

import shutil
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import edge_lam


def get_time(time_zone: str) -> dict[str, str]:
    """Get the current time in a time zone, such as Europe/Paris."""
    return {"time_zone": time_zone, "time": f"{datetime.now(ZoneInfo(time_zone)):%H:%M}"}


def get_disk_space() -> dict[str, str]:
    """Get how much space is free on the disk."""
    usage = shutil.disk_usage(".")
    return {"disk": f"{usage.free / 1e9:.1f} GB free of {usage.total / 1e9:.1f} GB"}


def count_files(folder: str) -> dict[str, int]:
    """Count the files in a folder."""
    return {"files": sum(path.is_file() for path in Path(folder).expanduser().iterdir())}


with edge_lam.load() as lam:
    agent = edge_lam.Agent(lam, [get_time, get_disk_space, count_files], tool_timeout=10)
    for event in agent.stream(" ".join(sys.argv[1:]) or "how much space is free on the disk?"):
        if isinstance(event, edge_lam.ToolFinished):
            print(event.call.name, event.call.arguments, "->", event.result)
        elif isinstance(event, edge_lam.AgentFinished):
            print(event.reply.text)
