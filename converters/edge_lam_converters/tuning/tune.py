"""`tune`: a base and conversations in; an adapter for peft and for the runtime, and what it changed, out."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, TypeAlias

from edge_lam._util.atomic_file import atomic_write
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.errors import InvalidRequest
from edge_lam.formats.examples import Example, read_examples
from edge_lam.llama import Model
from edge_lam.loading.load import load
from edge_lam.metrics.memory import process_memory
from edge_lam.tools import ToolCall, as_tools
from edge_lam_converters.adapter_gguf import export_adapter
from edge_lam_converters.quality.agreement import call_agreement, make_calls
from edge_lam_converters.quality.comparison import BUILT_IN
from edge_lam_converters.quality.corpus import chat_format_of, no_progress
from edge_lam_converters.quality.passages import call_passages
from edge_lam_converters.tuning.base import Base, check_packages
from edge_lam_converters.tuning.data import kept_back, read_lessons
from edge_lam_converters.tuning.report import TuneReport
from edge_lam_converters.tuning.rows import Lesson, lessons_of
from edge_lam_converters.tuning.train_options import StepProgress, TrainOptions

if TYPE_CHECKING:
    from edge_lam.tools import Tool
    from edge_lam_converters.quality.corpus import ReadOptions
    from edge_lam_converters.tuning.trainer import Trainer

GGUF, PAGE, DATA = "adapter.gguf", "report.md", "report.json"
BEFORE, STATE, KEY = "before.json", "state.pt", "key"
PEFT_FILES = ("adapter_config.json", "adapter_model.safetensors")
Calls: TypeAlias = "list[tuple[ToolCall, ...]]"


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """What to learn, and how.

    Attributes:
        calls: conversations with the replies that they should get, see `read_lessons`.
        eval: others of them, to measure with; without it a tenth of `calls` is kept back.
        tools: for the rows that bring none.
        format, template, verbatim: as for `edge_lam.load`; say how the base is to be talked to.
        train: how it is learnt.
        device: "auto", "cpu", "cuda" or "mps".
        n_threads: threads of the runtime and of torch; by default what each takes by itself.
        max_tokens: longest reply when calls are counted.
        force: whether what is in the folder may be replaced.
        on_wrong: hears of each row that is left out.
        on_progress: hears the name of a stage, how much of it is done, and of how much.
        on_step: hears of each step of training.
    """

    calls: str | os.PathLike[str]
    eval: str | os.PathLike[str] | None = None
    tools: Sequence[Tool] = ()
    format: str | None = None
    template: str | os.PathLike[str] | None = None
    verbatim: bool = False
    train: TrainOptions = field(default_factory=TrainOptions)
    device: str = "auto"
    n_threads: int | None = None
    max_tokens: int = 256
    force: bool = False
    on_wrong: Callable[[InvalidRequest], object] = lambda error: None
    on_progress: Callable[[str, int, int], object] = no_progress
    on_step: Callable[[StepProgress], object] = lambda progress: None


def tune(base: str | Path, out: str | Path, options: TuneOptions) -> TuneReport:
    """Learn an adapter, or go on where an earlier run was stopped, and measure it.

    Args:
        base: a checkpoint's folder, a repository of the hub, or a GGUF, which is dequantized.
        out: a folder, which gets the adapter as peft writes it, `adapter.gguf`, and what came of it in `report.md` and
            `report.json`. While it is made, `run` in there holds what it can go on from.
        options: what to learn, and how.

    Raises:
        MissingPackage: what trains is not installed.
        InvalidRequest: the data can't be used, or the folder holds something else.
        CheckpointError, ModelError: the base can't be read, converted or run.
        UnsupportedModel: the base tells no format; name one.
        BackendError: there is no memory to learn even one conversation.
    """
    check_packages()
    return _Tuning(base, Path(out), options).run()


class _Tuning:
    """One run; what its parts share."""

    def __init__(self, base: str | Path, out: Path, options: TuneOptions) -> None:
        self.options, self.out, self.work = options, out, out / "run"
        self._prepare_folder()
        self._check_same_run(base)
        lessons = read_lessons(options.calls, options.tools)
        for error in lessons.wrong:
            options.on_wrong(error)
        self.n_left_out = len(lessons.wrong)
        self.learnt, self.back = lessons.examples, list[Example]()
        if options.train.epochs > 1 or options.eval is None:
            self.learnt, self.back = kept_back(lessons, options.train.seed)
        self.held_out = self.back if options.eval is None else read_lessons(options.eval, options.tools).examples
        self.base = Base.open(base, self.work)
        self.counted: list[int | None] = []
        self.format = ""

    def run(self) -> TuneReport:
        """Do all of it, and write the page."""
        lessons, n_too_long = self._lessons()
        general = _general()
        before = self._kept(BEFORE, lambda: self._count(general))
        trainer = self._trainer(lessons)
        config = self.base.config(trainer.causal, self.work)
        trainer.run(self.options.on_step, lambda epoch: self._after_epoch(trainer, config, epoch))
        chosen = self._choose()
        gguf = self.out / GGUF
        export_adapter(config, self.out, gguf, force=True)
        after = self._count(general, gguf)
        tenth = max(1, len(trainer.losses) // 10)
        report = TuneReport(
            base=self.base.name,
            is_dequantized=self.base.is_gguf,
            format=self.format,
            folder=str(self.out),
            gguf=str(gguf),
            n_replies=sum(len(lesson.spans) for lesson in lessons),
            n_conversations=len(lessons),
            n_left_out=self.n_left_out,
            n_too_long=n_too_long,
            held_out=call_agreement(self.held_out, after["held_out"], before["held_out"]),
            general=call_agreement(general, after["general"], before["general"]),
            chose_on_held_out=self.held_out is self.back and len(self.counted) > 1,
            epochs=self.counted,
            chosen=chosen,
            steps=trainer.step,
            first_loss=fmean(trainer.losses[:tenth]),
            last_loss=fmean(trainer.losses[-tenth:]),
            tokens=trainer.tokens,
            seconds=trainer.seconds,
            room=trainer.room,
            memory=trainer.gpu_memory() or process_memory().peak,
            device=trainer.device,
        )
        (self.out / PAGE).write_text(report.markdown(), encoding="utf-8")
        (self.out / DATA).write_text(json.dumps(report.to_dict(), indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(self.work)
        return report

    def _prepare_folder(self) -> None:
        if not _is_of_a_run(self.work):
            hint = "name another folder for the adapter"
            raise InvalidRequest(f"{self.work} holds what no run of tune has written", hint=hint, param="out")
        if self.options.force and self.work.exists():
            shutil.rmtree(self.work)
        made = [name for name in (GGUF, PAGE, *PEFT_FILES) if (self.out / name).exists()]
        if made and not self.options.force and not self.work.exists():
            hint = "--force replaces it, or name another folder"
            raise InvalidRequest(f"{self.out} holds an adapter already", hint=hint, param="out")
        try:
            self.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidRequest(f"{self.out} can't be written: {error.strerror}", param="out") from error

    def _check_same_run(self, base: str | Path) -> None:
        """Refuse to go on with what was made for another base or other conversations.

        Raises:
            InvalidRequest: it was.
        """
        options, read = self.options, [self.options.calls, self.options.eval, self.options.template]
        contents = [Path(path).read_bytes() if path and Path(path).is_file() else b"" for path in read]
        said = [str(base), options.format, options.verbatim, options.max_tokens, [tool.name for tool in options.tools]]
        decisive = [said, [hashlib.sha256(content).hexdigest() for content in contents]]
        key, file = hashlib.sha256(json.dumps(decisive).encode()).hexdigest(), self.work / KEY
        if file.exists() and file.read_text(encoding="utf-8") != key:
            if any((self.work / name).exists() for name in (BEFORE, STATE)):
                hint = "--force begins anew, or name another folder"
                wrong = f"{self.work} holds a run of another base, or of other data or options"
                raise InvalidRequest(wrong, hint=hint, param="out")
            shutil.rmtree(self.work)  # it ended before anything was counted or learnt
            self.work.mkdir()
        _write(file, key)

    def _lessons(self) -> tuple[list[Lesson], int]:
        """Return what is learnt, as tokens, and how many replies are too long for the base."""
        reading: ReadOptions = {"format": self.options.format, "verbatim": self.options.verbatim}
        if self.options.template is not None:
            reading["template"] = self.options.template
        with Model(self.base.gguf, device="cpu") as model:
            chat_format = chat_format_of(model, reading)
            self.format = chat_format.name
            passages = call_passages(model, chat_format, self.learnt)
            fitting = [passage for passage in passages if len(passage.tokens) <= model.n_ctx_train]
        if not fitting:
            raise InvalidRequest("every reply is too long for the base", param="calls")
        return lessons_of(fitting), len(passages) - len(fitting)

    def _trainer(self, lessons: Sequence[Lesson]) -> Trainer:
        import torch

        from edge_lam_converters.tuning.trainer import Trainer

        if self.options.n_threads is not None:
            torch.set_num_threads(self.options.n_threads)
        device = _device(self.options.device)
        model = self.base.model(device, torch.bfloat16 if device == "cuda" else torch.float32)
        decisive = [asdict(self.options.train), self.base.name, self.format, [lesson.tokens for lesson in lessons]]
        key = hashlib.sha256(json.dumps(decisive).encode()).hexdigest()
        return Trainer(model, lessons, self.options.train, state=self.work / STATE, key=key)

    def _after_epoch(self, trainer: Trainer, config: Path, epoch: int) -> bool:
        """Keep the adapter of an epoch, count what it gets right, and tell whether to go on."""
        folder = self.work / f"epoch-{epoch}"
        trainer.export(folder)
        if self.options.train.epochs == 1:
            return True
        gguf = folder / GGUF
        export_adapter(config, folder, gguf, force=True)
        calls = self._calls(f"epoch {epoch}", self.back, gguf)
        n = sum(example.is_met(made) for example, made in zip(self.back, calls, strict=True))
        _write(folder / "exact.json", json.dumps(n))
        counts = [count for count in self._counts() if count is not None]
        return len(counts) < 2 or counts[-1] >= max(counts[:-1])

    def _counts(self) -> list[int | None]:
        """Return how many of the requests kept back each epoch so far got right."""
        counts: list[int | None] = []
        while (folder := self.work / f"epoch-{len(counts) + 1}").is_dir():
            file = folder / "exact.json"
            counts.append(json.loads(file.read_text(encoding="utf-8")) if file.exists() else None)
        return counts

    def _choose(self) -> int:
        """Copy the adapter of the best epoch, the last of several, and return its number.

        It stays where it is: counting its calls takes a while, and may be interrupted.
        """
        self.counted = self._counts()
        best = max(range(len(self.counted)), key=lambda index: (self.counted[index] or 0, index))
        for name in PEFT_FILES:
            shutil.copyfile(self.work / f"epoch-{best + 1}" / name, self.out / name)
        return best + 1

    def _count(self, general: Sequence[Example], adapter: Path | None = None) -> dict[str, Calls]:
        """Return the calls of base or adapter, of each set of requests."""
        what = "base" if adapter is None else "adapter"
        sets = {"held_out": self.held_out, "general": general}
        return {name: self._calls(what, examples, adapter) for name, examples in sets.items()}

    def _calls(self, stage: str, examples: Sequence[Example], adapter: Path | None) -> Calls:
        done, options = 0, self.options

        def advance() -> None:
            nonlocal done
            done += 1
            options.on_progress(stage, done, len(examples))

        with load(
            self.base.gguf,
            adapters=[] if adapter is None else [(adapter, 1.0)],
            format=options.format,
            template=options.template,
            verbatim=options.verbatim,
            n_threads=options.n_threads,
            device="cpu" if options.device == "cpu" else "auto",
            log="off",
            prefix_cache=False,
        ) as lam:
            return make_calls(lam, examples, max_tokens=options.max_tokens, on_reply=advance)

    def _kept(self, name: str, count: Callable[[], dict[str, Calls]]) -> dict[str, Calls]:
        """Return what was counted in an earlier run, or count it now and keep it."""
        file = self.work / name
        if not file.exists():
            found = {
                key: [[(call.id, call.name, call.arguments) for call in calls] for calls in replies]
                for key, replies in count().items()
            }
            _write(file, json.dumps(found))
        read = json.loads(file.read_text(encoding="utf-8"))
        return {key: [tuple(ToolCall(*call) for call in calls) for calls in replies] for key, replies in read.items()}


def _is_of_a_run(folder: Path) -> bool:
    """Tell whether a folder is not there yet, or a run's own: it is removed at the end, with all that is in it."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        return False
    return not folder.exists() or (folder / KEY).is_file() or not any(folder.iterdir())


def _write(file: Path, text: str) -> None:
    """Write a file whole or not at all: a run may be killed, and goes on from what it finds."""
    with atomic_write(file) as stream:
        stream.write(text.encode())


def _general() -> list[Example]:
    """Return requests that have nothing to do with what is learnt: those for the demo's tools."""
    return read_examples(BUILT_IN, as_tools(DEMO_TOOLS))


def _device(wanted: str) -> str:
    """Return where to train: "cuda", "mps" or "cpu".

    Raises:
        InvalidRequest: there is no such device here.
    """
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, is_there in there.items() if is_there)
    if not there.get(wanted):
        raise InvalidRequest(
            f"torch finds no {wanted} here", hint="--device cpu trains on the processor", param="device"
        )
    return wanted
