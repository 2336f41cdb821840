"""Trajectories: conversations with tools in the unified format that xLAM checkpoints are trained from.

In come conversations, files or the call log; out come trajectories, and verdicts on their calls.
"""

from __future__ import annotations

from edge_lam.trajectories.files import read_entries, read_trajectories, write_trajectories
from edge_lam.trajectories.log import LoggedTrajectories, read_log
from edge_lam.trajectories.trajectory import Trajectory
from edge_lam.trajectories.verifier import CallVerdict, TrajectoryVerdict, Verifier

__all__ = [
    "CallVerdict",
    "LoggedTrajectories",
    "Trajectory",
    "TrajectoryVerdict",
    "Verifier",
    "read_entries",
    "read_log",
    "read_trajectories",
    "write_trajectories",
]
