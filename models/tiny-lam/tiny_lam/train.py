"""Train tiny-lam from scratch, or go on from its last state.

    python -m tiny_lam.train --out runs/cpu --minutes 170          # CPU, two cores
    python -m tiny_lam.train --out runs/gpu --device cuda --batch 65536 --steps 8000 --layers 8

A run is its folder: `state.pt` (weights, optimisers, step, generator state; replaced atomically), `log.jsonl` (a line
every 20 steps) and, at the end, `checkpoint/` (Hugging Face layout, bfloat16). Started again, it goes on where it was.
The learning rate is flat, then falls linearly over the last `--decay` share of the steps.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from tiny_lam.cpu import SETTING, max_isa

os.environ[SETTING] = max_isa()
# Spinning threads cost ten times their work when a neighbour takes a core.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from edge_lam.formats import XLam2Qwen
from tiny_lam.episodes import Kind, Mix
from tiny_lam.model import Config, TinyLam
from tiny_lam.optimizer import optimizers
from tiny_lam.rows import Batch, Row, RowMaker, pack
from tiny_lam.tokenizer import save as save_tokenizer
from tiny_lam.tokenizer import train_tokenizer

LOG_EVERY = 20
SAVE_EVERY = 100
CONVERSATIONS = 20  # of a row; a long tool block pays only with many
LATE_WEIGHTS: tuple[tuple[Kind, float], ...] = (
    ("call", 0.6), ("parallel", 0.13), ("irrelevant", 0.13), ("missing", 0.05), ("result", 0.06), ("chat", 0.03),
)  # fmt: skip


def mix_at(progress: float) -> Mix:
    """The curriculum: one or two tools first, up to five later, and in the last quarter fewer made-up ones."""
    if progress < 0.12:
        return Mix(n_tools=(1, 2), procedural=0.3, renamed=0.2, wrapped=0.2, scrambled=0.5)
    if progress < 0.35:
        return Mix(n_tools=(1, 3), scrambled=0.5)
    late = Mix(
        n_tools=(1, 5),
        demo=0.45,
        procedural=0.25,
        renamed=0.3,
        scrambled=0.2,
        more=True,
        toolless=0.03,
        results=0.4,
        near=0.4,
        weights=LATE_WEIGHTS,
    )
    if progress < 0.75:
        return late
    # Mostly the tools as they are, with values of the kind that belongs there: what else was learnt stays with less of it.
    return replace(late, demo=0.42, procedural=0.1, renamed=0.12, scrambled=0.15)


def copy_share(progress: float) -> float:
    """Share of tokens in copy rows: few at first, many until copying has switched on, few to keep it."""
    if progress < 0.05:
        return 0.05
    return 0.3 if progress < 0.15 else 0.12


def draw_batch(maker: RowMaker, tokens: int, progress: float) -> tuple[Batch, int]:
    """Draw rows up to about `tokens` tokens; returns the batch and its number of supervised replies."""
    rows: list[Row] = []
    maker.other_share = 0.15 if progress < 0.35 else 0.0
    size = copied = replies = 0
    while size < tokens:
        if copied < copy_share(progress) * size:
            rows.append(maker.copy_row())
            copied += rows[-1].size
        else:
            rows.append(maker.task_row(mix_at(progress), CONVERSATIONS))
            replies += len(rows[-1].branches)
        size += rows[-1].size
    return pack(rows, maker.preamble), replies


def export(model: TinyLam, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a Hugging Face checkpoint in bfloat16."""
    save_tokenizer(tokenizer, folder)
    (folder / "chat_template.jinja").write_text(XLam2Qwen.own_template(), encoding="utf-8")
    config = json.dumps(model.config.to_hf(), indent=2)
    (folder / "config.json").write_text(config + "\n", encoding="utf-8")
    end = tokenizer.token_to_id("<|im_end|>")
    generation = {"eos_token_id": end, "pad_token_id": tokenizer.token_to_id("<|endoftext|>"), "do_sample": False}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n", encoding="utf-8")
    tensors = {
        name: tensor.detach().to("cpu", torch.bfloat16).contiguous() for name, tensor in model.state_dict().items()
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


class Run:
    """One training run: model, optimisers and data, kept in a folder."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.out: Path = arguments.out
        self.out.mkdir(parents=True, exist_ok=True)
        self.steps: int = arguments.steps
        self.decay: float = arguments.decay
        self.device: str = arguments.device
        self.tokenizer = self._tokenizer(arguments.seed, arguments.init)
        self.model = TinyLam(Config(num_hidden_layers=arguments.layers)).to(arguments.device)
        self.rates = (arguments.muon_lr, arguments.adam_lr)
        self.optimizers = optimizers(self.model, *self.rates)
        self.maker = RowMaker(self.tokenizer, arguments.seed + 1)
        self.step = self.tokens = 0
        if self.state_file.exists():
            self._load()
        elif arguments.init:
            weights = load_file(arguments.init / "model.safetensors", device=arguments.device)
            self.model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})

    @property
    def state_file(self) -> Path:
        """Where the state is kept."""
        return self.out / "state.pt"

    @property
    def progress(self) -> float:
        """Share of the steps that are done."""
        return self.step / self.steps

    def _tokenizer(self, seed: int, init: Path | None) -> Tokenizer:
        file = self.out / "tokenizer.json"
        if not file.exists() and init:
            shutil.copy(init / "tokenizer.json", file)
        elif not file.exists():
            train_tokenizer(seed).save(str(file))
        return Tokenizer.from_file(str(file))

    def _load(self) -> None:
        # The state is our own file and holds Python's random state, which weights-only loading refuses.
        state = torch.load(self.state_file, weights_only=False)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.tokens = state["step"], state["tokens"]
        self.maker.rng.setstate(state["rng"])
        print(f"going on from step {self.step}, {self.tokens / 1e6:.1f} M tokens")

    def save(self) -> None:
        """Replace the state on disk, whole or not at all."""
        state: dict[str, Any] = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "tokens": self.tokens,
            "rng": self.maker.rng.getstate(),
        }
        temporary = self.state_file.with_suffix(".tmp")
        torch.save(state, temporary)
        temporary.replace(self.state_file)

    def rate_factor(self) -> float:
        """Warm up over 50 steps, stay, and fall linearly to 2 % over the last `decay` share of the steps."""
        return min(1.0, (self.step + 1) / 50, max(0.02, (1 - self.progress) / self.decay))

    def train_step(self, batch: Batch) -> float:
        """Take one step; returns the loss."""
        factor = self.rate_factor()
        for optimizer, rate in zip(self.optimizers, self.rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
        with torch.autocast(torch.device(self.device).type, torch.bfloat16):
            loss = self.model.loss(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += len(batch.ids)
        return loss.item()


def train(run: Run, batch_tokens: int, minutes: float) -> None:
    """Train to the last step, until `minutes` are over (0: no limit), or until SIGTERM; the state is saved each time."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    began = window = time.monotonic()
    losses: list[float] = []
    replies = 0
    while run.step < run.steps:
        batch, drawn = draw_batch(run.maker, batch_tokens, run.progress)
        losses.append(run.train_step(batch))
        replies += drawn
        now = time.monotonic()
        if run.step % LOG_EVERY == 0:
            line = {
                "step": run.step,
                "loss": round(sum(losses) / len(losses), 4),
                "tokens": run.tokens,
                "rate_factor": round(run.rate_factor(), 4),
                "replies_per_second": round(replies / (now - window), 1),
                "minutes": round((now - began) / 60, 2),
            }
            with (run.out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            print(line, flush=True)
            window, losses, replies = now, [], 0
        if run.step % SAVE_EVERY == 0:
            run.save()
        if stop.is_set() or (minutes and now - began > 60 * minutes):
            print(f"stopped after {(now - began) / 60:.1f} minutes at step {run.step}; start again to go on")
            break
    run.save()
    export(run.model, run.tokenizer, run.out / "checkpoint")


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description="Train tiny-lam.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; an existing one is continued")
    parser.add_argument("--init", type=Path, help="start a new run from the weights and tokenizer of this checkpoint")
    parser.add_argument("--steps", type=int, default=4500, help="steps of the whole run (sets the schedule)")
    parser.add_argument("--batch", type=int, default=6000, help="tokens per step")
    parser.add_argument("--minutes", type=float, default=0, help="stop (resumable) after this time")
    parser.add_argument("--decay", type=float, default=0.3, help="share of the steps over which the rate falls")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--muon-lr", type=float, default=4e-3)
    parser.add_argument("--adam-lr", type=float, default=3e-3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    run = Run(arguments)
    print(f"{sum(p.numel() for p in run.model.parameters()) / 1e6:.2f} M parameters, {run.steps} steps", flush=True)
    train(run, arguments.batch, arguments.minutes)


if __name__ == "__main__":
    main()
