"""Decoding: grammar, sampling and the one loop that turns a prompt into a reply.

In go tokens, a constraint and a sampler; out come pieces of text. Knows nothing of HTTP, files or chat roles.
"""

from __future__ import annotations

from edge_lam.decoding.constraint import Constraint, Unconstrained
from edge_lam.decoding.costs import PassCosts
from edge_lam.decoding.drafts import Draft, Drafter, Guess, Lookup
from edge_lam.decoding.logprobs import TokenLogprob, TopLogprob
from edge_lam.decoding.loop import Done, LimitReached, Read, Reads, TimeUp, decode, read_prompt, reuse_prompt, steps
from edge_lam.decoding.names import Names
from edge_lam.decoding.sampling import Sampler
from edge_lam.decoding.tokenizer import TokenizerAhead, check_vocabulary
from edge_lam.decoding.trace import Trace
from edge_lam.decoding.vocabulary import Vocabulary

__all__ = [
    "Constraint",
    "Done",
    "Draft",
    "Drafter",
    "Guess",
    "LimitReached",
    "Lookup",
    "Names",
    "PassCosts",
    "Read",
    "Reads",
    "Sampler",
    "TimeUp",
    "TokenLogprob",
    "TokenizerAhead",
    "TopLogprob",
    "Trace",
    "Unconstrained",
    "Vocabulary",
    "check_vocabulary",
    "decode",
    "read_prompt",
    "reuse_prompt",
    "steps",
]
