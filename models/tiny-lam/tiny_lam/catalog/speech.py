"""All tables of patterns in the ways people speak, merged: `demo_speech_*` for the demo's tools, `speech_*` for others."""

from __future__ import annotations

from tiny_lam.catalog import (
    demo_speech_device,
    demo_speech_notes,
    demo_speech_numbers,
    demo_speech_time,
    speech_home,
    speech_work,
    speech_world,
)

_TABLES: tuple[dict[str, tuple[str, ...]], ...] = (
    demo_speech_time.MORE,
    demo_speech_numbers.MORE,
    demo_speech_device.MORE,
    demo_speech_notes.MORE,
    speech_home.MORE,
    speech_world.MORE,
    speech_work.MORE,
)
MORE: dict[str, tuple[str, ...]] = {name: texts for table in _TABLES for name, texts in table.items()}
