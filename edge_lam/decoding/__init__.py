"""Decoding: what the next token may be, which one is chosen, and which ones are guessed.

In go token ids and logits, a constraint and a sampler; out come token ids. `engine.Decoder` puts them together.
"""

from __future__ import annotations

from edge_lam.decoding.constraint import Constraint, GrammarConstraint, Unconstrained
from edge_lam.decoding.costs import PassCosts
from edge_lam.decoding.detokenizer import Detokenizer
from edge_lam.decoding.logprobs import TokenLogprob, TopLogprob
from edge_lam.decoding.sampling import ReplaySampler, Sampler
from edge_lam.decoding.speculator import Draft, Guess, NgramCache, PromptLookup, Speculator
from edge_lam.decoding.tokenizer import TokenizerAhead, check_vocabulary
from edge_lam.decoding.trace import CallTracker, Trace
from edge_lam.decoding.vocabulary import Vocabulary, choose_engine

__all__ = [
    "CallTracker",
    "Constraint",
    "Detokenizer",
    "Draft",
    "GrammarConstraint",
    "Guess",
    "NgramCache",
    "PassCosts",
    "PromptLookup",
    "ReplaySampler",
    "Sampler",
    "Speculator",
    "TokenLogprob",
    "TokenizerAhead",
    "TopLogprob",
    "Trace",
    "Unconstrained",
    "Vocabulary",
    "check_vocabulary",
    "choose_engine",
]
