"""Targets: what the runtime is held to, measured in one run beside its peers.

`loops.py`, `warm.py`, `restart.py`, `masks.py` and `callers.py` measure; `rows.py` compares with the bars; `command.py`
is `edge-lam bench targets`.
"""
