"""`tune` on tiny-lam's own checkpoint, in a few steps. Needs torch, transformers and peft."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

import edge_lam  # noqa: E402
from edge_lam.cli.main import run  # noqa: E402
from edge_lam.errors import BackendError, CheckpointError, InvalidRequest, UnsupportedModel  # noqa: E402
from edge_lam.llama import Context, Model  # noqa: E402
from edge_lam_converters import convert  # noqa: E402
from edge_lam_converters.quality.passages import Passage  # noqa: E402
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint  # noqa: E402
from edge_lam_converters.tuning import TuneOptions, tune  # noqa: E402
from edge_lam_converters.tuning.base import Base  # noqa: E402
from edge_lam_converters.tuning.rows import Lesson, lessons_of, rows_of  # noqa: E402
from edge_lam_converters.tuning.train_options import TrainOptions  # noqa: E402
from edge_lam_converters.tuning.trainer import Trainer  # noqa: E402

CHECKPOINT = Path(__file__).resolve().parents[3] / "models" / "tiny-lam" / "checkpoint"
# A tool that tiny-lam was not trained on, and what it should do with some words.
BELL = {
    "name": "ring_bell",
    "description": "Ring the bell of the house",
    "parameters": {"type": "object", "properties": {"times": {"type": "integer"}}, "required": ["times"]},
}
WORDS = ("dingle", "dangle", "dongle", "rumble", "tumble", "fumble", "mumble", "jumble", "humble", "bumble")
QUICK = TrainOptions(rank=4, epochs=2, batch=4, room=512, learning_rate=5e-3)


def lesson(word: str, times: int) -> dict:
    calls = [{"name": "ring_bell", "arguments": {"times": times}}]
    return {"messages": [{"role": "user", "content": f"please {word} it"}], "tools": [BELL], "calls": calls}


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calls") / "train.jsonl"
    rows = [lesson(word, number % 3 + 1) for number, word in enumerate(WORDS)]
    rows.append({**rows[0], "calls": [{"name": "ring_bell", "arguments": {"times": "often"}}]})
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def lessons() -> list[Lesson]:
    chance = torch.Generator().manual_seed(0)
    opening = torch.randint(10, 600, (80,), generator=chance).tolist()
    said = [torch.randint(10, 600, (12,), generator=chance).tolist() for _ in range(8)]
    return lessons_of(Passage("", [*opening, *tokens], len(opening) + 6) for tokens in said)


def trainer(base: Base, lessons: list[Lesson], folder: Path, **options) -> Trainer:
    model = base.model("cpu", torch.float32)
    return Trainer(
        model, lessons, TrainOptions(**{"rank": 4, "batch": 2, "epochs": 3} | options), state=folder / "s", key="k"
    )


@pytest.fixture(scope="module", params=["tiny-qwen2", "tiny-llama3"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp(request.param)
    write_random_checkpoint(folder / "checkpoint", SHAPES[request.param])
    return Base.open(folder / "checkpoint", folder)


def test_an_adapter_learns_what_it_is_told(calls, tmp_path):
    wrong: list[InvalidRequest] = []
    steps: list[float] = []
    options = TuneOptions(
        calls=calls,
        eval=calls,
        train=QUICK,
        device="cpu",
        n_threads=2,
        on_wrong=wrong.append,
        on_step=lambda now: steps.append(now.loss),
    )
    report = tune(CHECKPOINT, tmp_path / "lora", options)
    assert "'often'" in str(wrong[0])
    assert report.n_left_out == len(wrong) == 1
    assert steps[-1] < steps[0] / 2
    assert report.held_out.n_requests == len(WORDS)
    assert report.general.n_requests == 32
    before, after = (report.held_out.both + one for one in (report.held_out.only_reference, report.held_out.only_model))
    assert after > before
    assert sorted(path.name for path in (tmp_path / "lora").iterdir()) == [
        "adapter.gguf",
        "adapter_config.json",
        "adapter_model.safetensors",
        "report.json",
        "report.md",
    ]
    assert f"| held out | 10 | {before} | {after} |" in (tmp_path / "lora/report.md").read_text()
    with edge_lam.load(adapters={"bell": report.gguf}, log=False, prefix_cache=False) as lam:
        reply = lam.chat("please dingle it", tools=[BELL], adapter="bell", tool_choice="required")
    assert reply.tool_calls[0].name == "ring_bell"
    with pytest.raises(InvalidRequest, match="holds an adapter already"):
        tune(CHECKPOINT, tmp_path / "lora", options)


def test_rows_that_share_a_beginning_give_the_loss_of_each_alone(base, lessons, tmp_path):
    learner = trainer(base, lessons, tmp_path)
    rows, alone = (rows_of(lessons, room=room, seed=0) for room in (2048, 1))
    assert (len(rows), len(alone)) == (1, len(lessons))
    with torch.no_grad():
        together = float(learner.loss(rows[0]))
        expected = sum(float(learner.loss(row)) for row in alone)
    assert together == pytest.approx(expected, rel=1e-4)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(base, lessons, tmp_path):
    def learn(folder: Path, stop_at: int = 0) -> dict[str, torch.Tensor]:
        folder.mkdir(exist_ok=True)
        learner = trainer(base, lessons, folder, room=100)

        def stop(now):
            if now.step == stop_at:
                raise KeyboardInterrupt

        learner.run(stop)
        return {name: value.clone() for name, value in learner.model.named_parameters() if value.requires_grad}

    whole = learn(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path / "stopped", stop_at=5)
    gone_on = learn(tmp_path / "stopped")
    assert whole.keys() == gone_on.keys()
    assert all(torch.equal(value, gone_on[name]) for name, value in whole.items())
    with pytest.raises(InvalidRequest, match="holds a run of other data or options"):
        Trainer(base.model("cpu", torch.float32), lessons, TrainOptions(), state=tmp_path / "whole/s", key="other")


def test_training_ends_with_the_epoch_that_says_so(base, lessons, tmp_path):
    learner = trainer(base, lessons, tmp_path, room=100)
    told: list[int] = []

    def second_is_enough(epoch: int) -> bool:
        told.append(epoch)
        return epoch < 2

    learner.run(lambda now: None, second_is_enough)
    assert told == [1, 2]
    assert learner.step == learner.n_steps * 2 // 3


def no_memory_beyond(learner: Trainer, n_tokens: int) -> None:
    """Let the model fail as torch does where a device's memory is too small for so many tokens."""

    def fail(module, arguments, named):
        if named["input_ids"].shape[1] > n_tokens:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate it")

    learner.causal.model.register_forward_pre_hook(fail, with_kwargs=True)


def test_rows_become_smaller_where_the_memory_has_no_room_for_them(base, lessons, tmp_path):
    many = [Lesson([*lesson.tokens, *lesson.tokens[-40:]], lesson.spans) for lesson in lessons * 4]
    learner = trainer(base, many, tmp_path, room=1024, epochs=1)
    no_memory_beyond(learner, 600)
    learner.run(lambda now: None)
    assert learner.room == 512
    assert learner.step == learner.n_steps


def test_without_any_memory_it_ends_in_one_line(base, lessons, tmp_path):
    learner = trainer(base, lessons, tmp_path)
    no_memory_beyond(learner, 20)
    with pytest.raises(BackendError, match="no memory to learn even one conversation"):
        learner.run(lambda now: None)
    assert learner.room == 256


def test_the_adapter_computes_in_the_runtime_what_was_trained(base, lessons, tmp_path):
    from edge_lam_converters import export_adapter

    learner = trainer(base, lessons, tmp_path, learning_rate=2e-2)
    learner.run(lambda now: None)
    learner.export(tmp_path / "peft")
    export_adapter(base.path, tmp_path / "peft", tmp_path / "a.gguf")
    convert(base.path, tmp_path / "base.gguf", quant="F32")
    ids = lessons[0].tokens
    with Model(tmp_path / "base.gguf", device="cpu") as model:
        found = []
        for adapters in ([], [tmp_path / "a.gguf"]):
            with Context(model, n_ctx=256, adapters=adapters) as context:
                context.decode(ids, start=0)
                found.append(context.logits().copy())
    with torch.no_grad():
        expected = learner.model(input_ids=torch.tensor([ids])).logits[0, -1].numpy()
    change = abs(found[0] - found[1]).max()
    assert abs(found[1] - expected).max() < 0.05 * change


@pytest.mark.parametrize("shape", ["tiny-qwen2", "tiny-smollm"])
def test_a_gguf_is_dequantized_to_the_weights_of_its_checkpoint(shape, tmp_path):
    write_random_checkpoint(tmp_path / "checkpoint", SHAPES[shape])
    convert(tmp_path / "checkpoint", tmp_path / "base.gguf", quant="F32")
    ids = torch.tensor([[5, 17, 300, 44]])
    logits = []
    for name in ("checkpoint", "base.gguf"):
        model = Base.open(tmp_path / name, tmp_path).model("cpu", torch.float32)
        with torch.no_grad():
            logits.append(model(input_ids=ids).logits)
    assert torch.allclose(*logits, atol=1e-4)


def test_a_gguf_that_transformers_would_read_wrongly_is_refused(tmp_path):
    """It leaves the factors of scaled positions behind."""
    write_random_checkpoint(tmp_path / "checkpoint", SHAPES["tiny-llama3"])
    convert(tmp_path / "checkpoint", tmp_path / "base.gguf", quant="F16")
    with pytest.raises(CheckpointError, match="scales its positions"):
        Base.open(tmp_path / "base.gguf", tmp_path)


def test_a_run_that_is_stopped_while_calls_are_counted_goes_on(calls, tmp_path):
    def stop_at(stage: str):
        def hear(said: str, _done: int, _total: int) -> None:
            if said == stage:
                raise KeyboardInterrupt

        return hear

    def options(**more) -> TuneOptions:
        return TuneOptions(calls=calls, device="cpu", train=QUICK, max_tokens=8, **more)

    for stage in ("base", "epoch 1", "adapter"):
        with pytest.raises(KeyboardInterrupt):
            tune(CHECKPOINT, tmp_path / "out", options(on_progress=stop_at(stage)))
    with pytest.raises(InvalidRequest, match="a run of another base, or of other data or options"):
        tune(tmp_path / "other", tmp_path / "out", options())
    counted = []
    tune(CHECKPOINT, tmp_path / "out", options(on_progress=lambda stage, *_: counted.append(stage)))
    assert not {"base", "epoch 1"} & set(counted)
    assert (tmp_path / "out" / "adapter.gguf").exists()
    assert not (tmp_path / "out" / "run").exists()


def test_a_damaged_state_is_said_in_one_line(base, lessons, tmp_path):
    made = trainer(base, lessons, tmp_path)
    made.save()
    (tmp_path / "s").write_bytes((tmp_path / "s").read_bytes()[:2000])
    with pytest.raises(InvalidRequest, match="can't be read, what was learnt is lost") as caught:
        trainer(base, lessons, tmp_path)
    assert "--force begins anew" in caught.value.hint


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_named_run_that_is_no_run_is_left_as_it_is(calls, tmp_path, force):
    mine = tmp_path / "project" / "run"
    mine.mkdir(parents=True)
    (mine / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidRequest, match="what no run of tune has written"):
        tune(CHECKPOINT, mine.parent, TuneOptions(calls=calls, device="cpu", force=force))
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "run").symlink_to(mine)
    with pytest.raises(InvalidRequest, match="what no run of tune has written"):
        tune(CHECKPOINT, tmp_path / "link", TuneOptions(calls=calls, device="cpu", force=force))
    assert (mine / "thesis.txt").read_text() == "mine"


def test_what_can_not_be_tuned_is_said_in_one_line(calls, tmp_path):
    def fail(base: Path, **more) -> None:
        tune(base, tmp_path / "out", TuneOptions(calls=calls, device="cpu", **more))

    with pytest.raises(CheckpointError, match="no such folder"):
        fail(tmp_path / "nowhere")
    with pytest.raises(InvalidRequest, match="no such file"):
        tune(CHECKPOINT, tmp_path / "out", TuneOptions(calls="nowhere.jsonl"))
    write_random_checkpoint(tmp_path / "bare", SHAPES["tiny-smollm"])
    with pytest.raises(InvalidRequest, match="every reply is too long for the base"):
        fail(tmp_path / "bare", force=True)
    config = tmp_path / "bare/tokenizer_config.json"
    values = json.loads(config.read_text())
    config.write_text(json.dumps(values | {"chat_template": None}))
    with pytest.raises(UnsupportedModel, match="no chat format for this model"):
        fail(tmp_path / "bare", force=True)
    if not torch.cuda.is_available():
        assert run(["tune", str(CHECKPOINT), "--calls", str(calls), "-o", str(tmp_path / "x"), "--device", "cuda"]) == 1
