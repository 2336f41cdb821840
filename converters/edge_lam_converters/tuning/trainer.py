"""`Trainer`: learns the factors of a LoRA adapter from rows of tokens, step by step, and goes on where it was stopped.

In come a model of transformers and rows, out come peft's factors. Only the tokens that rows name are learnt. Knows no
formats and no files but its own state.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

from edge_lam._util.atomic_file import atomic_write
from edge_lam.errors import BackendError, CheckpointError, InvalidRequest
from edge_lam.llama.cpu import cpu
from edge_lam_converters.tuning.rows import Lesson, TrainingRow, rows_of
from edge_lam_converters.tuning.train_options import StepProgress, TrainOptions

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

# Every linear layer of a block, by the names that Llama, Qwen2 and Mistral share; the experts of Mixtral have others.
LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SAVE_EVERY = 120.0  # seconds
_LEAST_ROOM = 256  # tokens of a row
_WARM_UP = 0.05  # of all steps
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


class Trainer:
    """Learns an adapter.

    Args:
        model: the base; its weights stay as they are.
        lessons: what to learn.
        options: how.
        state: the file that keeps what was learnt so far.
        key: says what is learnt of what; a state of another is refused.

    Attributes:
        model: the base with its factors, as peft has it.
        causal: the same as transformers has it.
        losses: of each step.
        tokens, seconds: read by `run`, and how long that took.
        room: tokens of a row, as the memory has them.
        step: steps done.

    Raises:
        CheckpointError: the model has no layers that an adapter is known for.
    """

    def __init__(
        self, model: PreTrainedModel, lessons: Sequence[Lesson], options: TrainOptions, *, state: Path, key: str
    ) -> None:
        torch.manual_seed(options.seed)
        names = [name for name in LINEAR if any(module.endswith(f".{name}") for module, _ in model.named_modules())]
        if not names:
            raise CheckpointError(f"{type(model).__name__} has no layers that an adapter is known for")
        config = LoraConfig(r=options.rank, lora_alpha=2 * options.rank, target_modules=names, task_type="CAUSAL_LM")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of transformers, about how peft asks it
            self.model: PeftModel = get_peft_model(model, config)
        self.causal: Any = model
        self._lessons, self._options, self._state, self._key = lessons, options, state, key
        self._factors = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self._optimizer = torch.optim.AdamW(self._factors, lr=options.learning_rate, betas=(0.9, 0.95), weight_decay=0)
        self._checkpoints = False
        self.losses: list[float] = []
        self.tokens, self.seconds = 0, 0.0
        self.room, self.step, self._n_epochs = options.room, 0, 0
        self._take_up()
        self._lay_out()

    @property
    def n_steps(self) -> int:
        """How many steps there are in all."""
        return self._options.epochs * len(self._batches(0))

    def run(
        self, on_progress: Callable[[StepProgress], object], on_epoch: Callable[[int], bool] = lambda epoch: True
    ) -> None:
        """Learn what is left.

        What was learnt is saved now and then, and when it is interrupted.

        Args:
            on_progress: hears of each step.
            on_epoch: called after each epoch with its number, from 1; False ends the training.

        Raises:
            BackendError: even one conversation by itself has no room.
        """
        first, self._saved = self.step, monotonic()
        try:
            while self.step < self.n_steps or self._n_epochs < self._options.epochs:
                n_batches = len(self._batches(0))
                if self.step // n_batches > self._n_epochs:
                    self.save()
                    if not on_epoch(self._n_epochs + 1):
                        return
                    self._n_epochs += 1
                    self.save()
                elif self._take_step(self._batches(self.step // n_batches)[self.step % n_batches]):
                    left = self.seconds / max(1, self.step - first) * (self.n_steps - self.step)
                    on_progress(
                        StepProgress(self.step, self.n_steps, self.losses[-1], self.tokens / self.seconds, left)
                    )
        except BaseException:
            self.save()
            raise

    def _take_step(self, batch: Sequence[TrainingRow]) -> bool:
        """Learn from some rows, and save now and then; False where memory was too small: the rows are others now."""
        start = monotonic()
        try:
            loss = self._learn(batch)
        except (RuntimeError, MemoryError) as error:
            if not _is_no_memory(error):
                raise
            self._make_smaller(error)
            return False
        self.losses.append(loss)
        self.step += 1
        self.seconds += monotonic() - start
        self.tokens += sum(len(row.tokens) for row in batch)
        if monotonic() - self._saved > SAVE_EVERY:
            self.save()
            self._saved = monotonic()
        return True

    @property
    def device(self) -> str:
        """Where it is learnt: "cpu", "cuda" or "mps"."""
        return str(self.causal.device.type)

    def gpu_memory(self) -> int | None:
        """Return the most bytes that were allocated on a CUDA device, or None without one."""
        return torch.cuda.max_memory_allocated() if self.device == "cuda" else None

    def export(self, folder: Path) -> None:
        """Write the adapter as peft has it."""
        self.model.save_pretrained(folder, save_embedding_layers=False)

    def save(self) -> None:
        """Keep what was learnt so far."""
        state = {
            "key": self._key,
            "factors": get_peft_model_state_dict(self.model),
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "epochs": self._n_epochs,
            "room": self.room,
            "checkpoints": self._checkpoints,
            "losses": self.losses,
        }
        with atomic_write(self._state) as file:
            torch.save(state, file)

    def _take_up(self) -> None:
        """Go on from the state, if there is one.

        Raises:
            InvalidRequest: it is of another run, or damaged.
        """
        if not self._state.exists():
            return
        hint = "--force begins anew, or name another folder"
        try:
            found = torch.load(self._state, weights_only=True, map_location="cpu")
        except (RuntimeError, EOFError, OSError, UnpicklingError) as error:
            wrong = f"{self._state} can't be read, what was learnt is lost"
            raise InvalidRequest(wrong, hint=hint, param="out") from error
        if found["key"] != self._key:
            raise InvalidRequest(f"{self._state.parent} holds a run of other data or options", hint=hint, param="out")
        set_peft_model_state_dict(self.model, found["factors"])
        self._optimizer.load_state_dict(found["optimizer"])
        self.step, self._n_epochs, self.room = found["step"], found["epochs"], found["room"]
        self.losses = found["losses"]
        if found["checkpoints"]:
            self._recompute()

    def _lay_out(self) -> None:
        self._rows = rows_of(self._lessons, room=self.room, seed=self._options.seed)

    def _batches(self, epoch: int) -> list[list[TrainingRow]]:
        """Return the rows of each step of an epoch, in an order of its own."""
        rows, batches = list(self._rows), [list[TrainingRow]()]
        Random(self._options.seed + epoch).shuffle(rows)
        for row in rows:
            if sum(held.n_replies for held in batches[-1]) >= self._options.batch:
                batches.append([])
            batches[-1].append(row)
        return batches

    def _learn(self, batch: Sequence[TrainingRow]) -> float:
        """Take a step, and return its loss."""
        self.model.train()
        self._optimizer.zero_grad(set_to_none=True)
        n_learnt, total = sum(len(row.learnt) for row in batch), 0.0
        for row in batch:
            loss = self.loss(row) / n_learnt
            loss.backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(self._factors, 1.0)
        for group in self._optimizer.param_groups:
            group["lr"] = self._options.learning_rate * self._pace()
        self._optimizer.step()
        return total

    def _pace(self) -> float:
        warm_up = max(1, math.ceil(self.n_steps * _WARM_UP))
        return min((self.step + 1) / warm_up, 1 - 0.9 * self.step / max(1, self.n_steps))

    def loss(self, row: TrainingRow) -> torch.Tensor:
        """Return the sum of the losses of a row's learnt tokens; logits are computed where they are looked at alone."""
        device = self.causal.device
        ids = torch.tensor([row.tokens], device=device)
        positions = torch.tensor([row.positions], device=device)
        expected, at = (torch.tensor(numbers, device=device) for numbers in zip(*row.learnt, strict=True))
        with _mixed(device.type):
            hidden = self.causal.model(
                input_ids=ids, position_ids=positions, attention_mask=_mask(row, device)
            ).last_hidden_state
            logits = self.causal.lm_head(hidden[0, at])
        return torch.nn.functional.cross_entropy(logits.float(), expected, reduction="sum")

    def _make_smaller(self, error: BaseException) -> None:
        """Take less memory for a row: half its room, and then by computing again what would be kept.

        Raises:
            BackendError: there is nothing left to save.
        """
        self._optimizer.zero_grad(set_to_none=True)
        if self.causal.device.type == "cuda":
            torch.cuda.empty_cache()
        done = self.step / self.n_steps
        if self.room > _LEAST_ROOM:
            self.room = max(_LEAST_ROOM, self.room // 2)
            self._lay_out()
            self.step = int(done * self.n_steps)  # the rows are others now
        elif not self._checkpoints:
            self._recompute()
        else:
            hint = "shorter conversations, fewer tools or a smaller base take less"
            raise BackendError("there is no memory to learn even one conversation at a time", hint=hint) from error

    def _recompute(self) -> None:
        self._checkpoints = True
        self.causal.gradient_checkpointing_enable()
        self.causal.enable_input_require_grads()


def _mask(row: TrainingRow, device: torch.device) -> torch.Tensor | None:
    """Return which tokens of a row see which, shape (1, 1, tokens, tokens); None where each sees all before it."""
    if min(row.branches) == max(row.branches):
        return None
    branches = torch.tensor(row.branches, device=device)
    seen = (branches[None, :] == 0) | (branches[None, :] == branches[:, None])
    return seen.tril()[None, None]


@contextmanager
def _mixed(device: str) -> Iterator[None]:
    """Compute in bfloat16 where that is faster."""
    if device == "cuda" or (device == "cpu" and {"amx_bf16", "avx512_bf16"} & cpu().flags):
        with torch.autocast(device, dtype=torch.bfloat16):
            yield
    else:
        yield


def _is_no_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        words in str(error).lower() for words in _NO_MEMORY
    )
