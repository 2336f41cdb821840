"""`edge-lam`, and `python -m edge_lam`: Ctrl-C ends it from its first moment on, also while modules are imported."""

from __future__ import annotations

import gc

from edge_lam._util.interrupt import end_at_once_on_ctrl_c


def main() -> None:
    """Entry point of the `edge-lam` console script."""
    end_at_once_on_ctrl_c()
    # Nearly all that is made until the first answer are modules, which stay. By default, each 700 objects more have the
    # garbage collector look through the last ones, in vain: for 6 % of the processor time of a cold call.
    gc.set_threshold(20_000)
    try:
        from edge_lam.cli.main import main as run
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        raise SystemExit("error: commands need click, which is not installed (pip install 'edge-lam[cli]')") from None
    run()


if __name__ == "__main__":
    main()
