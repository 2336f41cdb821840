"""Loads and runs each GGUF given, in a fork of its own; exits with 1 if one dies otherwise than by our errors."""

from __future__ import annotations

import os
import sys
import traceback

from edge_lam.errors import EdgeLamError
from edge_lam.llama import Context, Model, accelerator_verdict


def load(path: str) -> int:
    try:
        with (
            Model(path, device="cpu") as model,
            Context(model, n_ctx=min(64, model.n_ctx_train), n_threads=1) as context,
        ):
            context.decode(range(min(40, model.n_vocab)), start=0)
    except EdgeLamError as error:
        return 10 if "\n" not in str(error) else 12
    except BaseException:
        traceback.print_exc()
        return 11
    return 0


if __name__ == "__main__":
    accelerator_verdict()
    failed = False
    for path in sys.argv[1:]:
        child = os.fork()
        if child == 0:
            os._exit(load(path))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(path, {0: "ran", 10: "refused"}.get(code, f"died with {code}"), flush=True)
        failed |= code not in (0, 10)
    sys.exit(failed)
