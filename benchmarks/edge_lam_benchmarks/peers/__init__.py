"""Peers: other ways to get a tool call from the same model, each behind one small adapter.

`base.py` says what a peer is; the modules beside it start, ask and stop one each; `comparison.py` runs them in turn.
"""

from __future__ import annotations

from edge_lam_benchmarks.peers.base import Outcome, Peer, PeerFailed, PeerTask, PeerUnavailable, Setup
from edge_lam_benchmarks.peers.edge_lam import EdgeLam
from edge_lam_benchmarks.peers.server import LlamaServer, LlamaServerGrammar, LlamaServerTools, LlamaServerUnfused
from edge_lam_benchmarks.peers.worker import LlamaCppPython, Transformers

__all__ = ["PEERS", "Outcome", "Peer", "PeerFailed", "PeerTask", "PeerUnavailable", "Setup"]

PEERS: dict[str, type[Peer]] = {
    peer.name: peer
    for peer in (
        EdgeLam,
        LlamaServer,
        LlamaServerUnfused,
        LlamaServerGrammar,
        LlamaServerTools,
        LlamaCppPython,
        Transformers,
    )
}
"""By name, in the order of the table."""
