"""Ctrl-C while nothing can be caught; that the process then ends with one line is tested with the command line."""

from __future__ import annotations

import signal

import pytest

from edge_lam._util.interrupt import end_at_once_on_ctrl_c


@pytest.mark.parametrize("before", [signal.default_int_handler, signal.SIG_DFL, signal.SIG_IGN])
def test_ctrl_c_ends_the_process_at_once_but_where_it_is_ignored(before):
    found = signal.signal(signal.SIGINT, before)
    try:
        end_at_once_on_ctrl_c()
        assert (signal.getsignal(signal.SIGINT) is before) == (before is signal.SIG_IGN)
    finally:
        signal.signal(signal.SIGINT, found)
