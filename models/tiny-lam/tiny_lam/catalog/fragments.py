"""Short names for what many patterns share, and tables of patterns with one pattern a line."""

from __future__ import annotations

from itertools import permutations

FRAGMENTS = {
    "<can>": "[can you|could you|would you|will you|can you please|could you please|could you quickly]",
    "<want>": "[I want to|I need to|I'd like to|I would like to|I have to|I wanna|we need to|we'd like to]",
    "<mind>": "[would you mind|do you mind|how about|what about|any chance of|I'd appreciate you]",
    "<wonder>": "[I wonder|I was wondering|I'm wondering|I'm curious|not sure|no idea|I keep asking myself|I've no clue]",
    "<know>": "[do you know|do you happen to know|any idea|can you tell me|could you tell me|would you know|may I ask|tell me]",
    "<hey>": "[hey,|ok,|so,|um,|hi,|alright,|quick question,|hey there,|sorry,|oh,|right,|]",
    "<plz>": "[please|thanks|pls|if you can|thank you|]",
    "<now>": "[now|right now|at the moment|currently|just now|at this moment|]",
    "<who>": "[my sister|my brother|a friend|my boss|a client|my mother|the customer|our supplier|grandpa|my cousin|a colleague|my girlfriend|our team]",
    "<me>": "[me|us|]",
}


def patterns(table: str) -> tuple[str, ...]:
    """The patterns of a table, one a line, with the fragments' names filled in."""
    for name, text in FRAGMENTS.items():
        table = table.replace(name, text)
    return tuple(line.strip() for line in table.strip().splitlines() if line.strip())


def combine(cores: str, **clauses: str) -> tuple[str, ...]:
    """Each core alone and with each choice of the clauses in each order, where it has a ``*`` or else at its end.

    `cores` is a table of patterns that hold the required parameters; each of `clauses` says one optional parameter.
    """
    orders = [order for count in range(len(clauses) + 1) for order in permutations(clauses.values(), count)]
    said = ["".join(f" {clause}" for clause in order) for order in orders]
    return tuple((core if "*" in core else f"{core}*").replace("*", text) for core in patterns(cores) for text in said)
