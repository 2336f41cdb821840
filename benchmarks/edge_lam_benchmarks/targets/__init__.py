"""Targets: what the runtime is held to, measured in one run beside its peers.

`plan.py` says what is measured in which round, and `run.py` has it measured: by `costs.py`, `loops.py`, `warm.py`,
`restart.py`, `masks.py` and `callers.py`. `rows.py` compares with the bars, `limits.py` with what passes cost;
`command.py` is `edge-lam bench targets`.
"""
