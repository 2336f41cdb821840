"""`edge-lam`, and `python -m edge_lam`: Ctrl-C ends it from its first moment on, also while modules are imported."""

from __future__ import annotations

from edge_lam._util.interrupt import end_at_once_on_ctrl_c


def main() -> None:
    """Entry point of the `edge-lam` console script."""
    end_at_once_on_ctrl_c()
    try:
        from edge_lam.cli.main import main as run
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        raise SystemExit("error: commands need click, which is not installed (pip install 'edge-lam[cli]')") from None
    run()


if __name__ == "__main__":
    main()
