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
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

# oneDNN: bfloat16 dot products without AMX tiles, which some virtual machines advertise and cannot run.
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")
# Spinning threads cost ten times their work when a neighbour takes a core.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from tiny_lam.episodes import Mix
from tiny_lam.model import Config, TinyLam
from tiny_lam.optimizer import optimizers
from tiny_lam.rows import Batch, Row, RowMaker, pack
from tiny_lam.tokenizer import save as save_tokenizer
from tiny_lam.tokenizer import train_tokenizer


def mix_at(progress: float) -> Mix:
    """The curriculum: one or two tools first, up to five later."""
    if progress < 0.12:
        return Mix(n_tools=(1, 2), procedural=0.3, renamed=0.2, wrapped=0.2)
    if progress < 0.3:
        return Mix(n_tools=(1, 3))
    return Mix(n_tools=(1, 5))


def copy_share(progress: float) -> float:
    """Share of tokens in copy rows: few at first, many until copying has switched on, few to keep it."""
    if progress < 0.05:
        return 0.05
    return 0.45 if progress < 0.15 else 0.1


def draw_batch(maker: RowMaker, tokens: int, progress: float) -> tuple[Batch, int]:
    """Draw rows up to about `tokens` tokens; returns the batch and its number of supervised replies."""
    rows: list[Row] = []
    size = copied = replies = 0
    while size < tokens:
        if copied < copy_share(progress) * size:
            rows.append(maker.copy_row())
            copied += rows[-1].size
        else:
            mix = mix_at(progress)
            row = maker.task_row(mix, 8)
            if len(row.trunk.ids) > 500:  # a long tool block pays only with many conversations
                row = maker.task_row(replace(mix), 14)
            rows.append(row)
            replies += len(row.branches)
        size += rows[-1].size
    return pack(rows, maker.preamble), replies


def export(model: TinyLam, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a Hugging Face checkpoint in bfloat16."""
    save_tokenizer(tokenizer, folder)
    config = json.dumps(model.config.to_hf(), indent=2)
    (folder / "config.json").write_text(config + "\n", encoding="utf-8")
    end = tokenizer.token_to_id("<|im_end|>")
    generation = {"eos_token_id": end, "pad_token_id": tokenizer.token_to_id("<|endoftext|>"), "do_sample": False}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n", encoding="utf-8")
    tensors = {name: tensor.detach().to("cpu", torch.bfloat16).contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def train(arguments: argparse.Namespace) -> None:
    """Run the training loop."""
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    tokenizer_file = out / "tokenizer.json"
    if tokenizer_file.exists():
        tokenizer = Tokenizer.from_file(str(tokenizer_file))
    else:
        tokenizer = train_tokenizer(arguments.seed)
        tokenizer.save(str(tokenizer_file))
    model = TinyLam(Config(num_hidden_layers=arguments.layers)).to(arguments.device)
    optims = optimizers(model, arguments.muon_lr, arguments.adam_lr)
    maker = RowMaker(tokenizer, arguments.seed + 1)
    step = tokens_seen = 0
    state_file = out / "state.pt"
    if state_file.exists():
        state = torch.load(state_file, weights_only=False)
        model.load_state_dict(state["model"])
        for optimizer, saved in zip(optims, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        step, tokens_seen = state["step"], state["tokens"]
        maker.rng.setstate(state["rng"])
        print(f"going on from step {step}, {tokens_seen / 1e6:.1f} M tokens")
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, {arguments.steps} steps", flush=True)
    base_rates = [group["lr"] for group in (optims[0].param_groups[0], optims[1].param_groups[0])]
    base_rates = [arguments.muon_lr, arguments.adam_lr]
    began, window, sums = time.monotonic(), time.monotonic(), [0.0, 0, 0]

    def save_state() -> None:
        state: dict[str, Any] = {
            "model": model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optims],
            "step": step,
            "tokens": tokens_seen,
            "rng": maker.rng.getstate(),
        }
        torch.save(state, state_file.with_suffix(".tmp"))
        state_file.with_suffix(".tmp").replace(state_file)

    while step < arguments.steps:
        progress = step / arguments.steps
        factor = min(1.0, (step + 1) / 50, max(0.02, (1 - progress) / arguments.decay))
        for optimizer, rate in zip(optims, base_rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
        batch, replies = draw_batch(maker, arguments.batch, max(progress, arguments.min_progress))
        with torch.autocast(torch.device(arguments.device).type, torch.bfloat16):
            loss = model.loss(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optims:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        tokens_seen += len(batch.ids)
        sums = [sums[0] + loss.item(), sums[1] + len(batch.ids), sums[2] + replies]
        if step % 20 == 0:
            seconds = time.monotonic() - window
            line = {
                "step": step,
                "loss": round(sums[0] / 20, 4),
                "tokens": tokens_seen,
                "rate": round(sums[1] / seconds),
                "replies_per_second": round(sums[2] / seconds, 1),
                "lr": round(base_rates[0] * factor, 6),
                "minutes": round((time.monotonic() - began) / 60, 2),
            }
            with (out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            print(line, flush=True)
            window, sums = time.monotonic(), [0.0, 0, 0]
        if step % 100 == 0:
            save_state()
        if arguments.minutes and time.monotonic() - began > 60 * arguments.minutes:
            print(f"stopped after {arguments.minutes} minutes at step {step}; start again to go on")
            break
    save_state()
    export(model, tokenizer, out / "checkpoint")


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description="Train tiny-lam.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; an existing one is continued")
    parser.add_argument("--steps", type=int, default=4500, help="steps of the whole run (sets the schedule)")
    parser.add_argument("--batch", type=int, default=6000, help="tokens per step")
    parser.add_argument("--minutes", type=float, default=0, help="stop (resumable) after this time")
    parser.add_argument("--decay", type=float, default=0.3, help="share of the steps over which the rate falls")
    parser.add_argument("--min-progress", type=float, default=0.0, help="start the curriculum here")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--muon-lr", type=float, default=4e-3)
    parser.add_argument("--adam-lr", type=float, default=3e-3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
