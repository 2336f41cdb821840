"""Decoding: grammar, sampling and the one loop that turns a prompt into a reply.

In go tokens, a constraint and a sampler; out come pieces of text. Knows nothing of HTTP, files or chat roles.
"""

from __future__ import annotations

from edge_lam.decoding.constraint import Constraint, Unconstrained
from edge_lam.decoding.loop import decode
from edge_lam.decoding.sampling import Sampler
from edge_lam.decoding.vocabulary import Vocabulary

__all__ = ["Constraint", "Sampler", "Unconstrained", "Vocabulary", "decode"]
