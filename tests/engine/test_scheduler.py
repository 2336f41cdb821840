"""The scheduler by itself, without a model: any mix of sequences, passes that are aborted, replies without an end."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_lam.decoding import Draft
from edge_lam.engine import Sequence
from edge_lam.engine.scheduler import ADAPTER_TURN, PREFILL_CHUNK, Scheduler
from edge_lam.engine.sequence import Status

N_LOGITS = 12
SIZES = st.sampled_from([8, 40, 128, 512])


def any_sequence(chance: Random) -> Sequence:
    """Return a sequence that has its slot, maybe with some of its prompt in it."""
    n_prompt = chance.choice([1, 2, 64, 65, 66, chance.randint(1, 900)])
    sequence = Sequence(chance.choice([0, 1, 5, 30]), list(range(n_prompt)), status=Status.PREFILL)
    sequence.n_computed = chance.choice([0, chance.randrange(n_prompt)])
    sequence.checkpoint = chance.choice([0, chance.randrange(n_prompt)])
    if sequence.max_tokens and chance.random() < 0.5:  # a forced opening
        sequence.tokens = list(range(chance.randint(1, 200)))
        sequence.wants_start = chance.random() < 0.5 and sequence.n_computed < n_prompt
        sequence.max_tokens += len(sequence.tokens)
    return sequence


def go_on(sequence: Sequence, n_batch: int, chance: Random) -> None:
    """Do what a decoder does once all was read: take some of the draft, choose a token, guess again."""
    draft, sequence.draft = sequence.draft, Draft()
    n_right = chance.randint(0, len(draft.tokens))
    sequence.n_computed -= len(draft.tokens) - n_right
    n_new = chance.choice([1, 1, 1, chance.randint(1, 90)])  # one is chosen, the others are forced
    sequence.tokens += [*draft.tokens[:n_right], *range(n_new)]
    sequence.status = Status.DECODE
    if n := chance.choice([0, 1, chance.randrange(min(n_batch, 60))]):
        places = chance.sample(range(n), min(n, chance.randint(1, min(N_LOGITS, n_batch) - 1)))
        sequence.draft = Draft(list(range(n)), sorted(places))


def check(chunks, scheduler: Scheduler, n_batch: int, n_logits: int) -> None:
    """Hold a pass against what a context can take, and each part of it against its sequence."""
    assert bool(chunks) == bool(scheduler.running)
    assert sum(len(chunk.tokens) for chunk in chunks) <= n_batch
    assert sum(len(chunk.rows) for chunk in chunks) <= n_logits
    assert len({chunk.sequence for chunk in chunks}) == len(chunks)
    for chunk in chunks:
        sequence, n = chunk.sequence, len(chunk.tokens)
        assert 0 < n <= sequence.n_unread
        every = [*sequence.prompt, *sequence.tokens, *sequence.draft.tokens]
        assert chunk.tokens == every[sequence.n_computed : sequence.n_computed + n]
        assert chunk.rows == sorted(set(chunk.rows))
        assert all(0 <= row < n for row in chunk.rows)
        end = sequence.n_computed + n
        if sequence.n_computed < sequence.checkpoint:
            assert end <= sequence.checkpoint
        # Logits are gone with the next pass: those that are judged together come from one.
        start = [len(sequence.prompt) - 1 - sequence.n_computed] if sequence.wants_start else []
        judged = [row for row in chunk.rows if row not in start or n == sequence.n_unread]
        if n < sequence.n_unread:
            assert not judged
            assert n <= sequence.n_unread - sequence.n_whole
        elif sequence.max_tokens:
            assert chunk.rows[-1] == n - 1
            assert len(chunk.rows) >= len(sequence.draft.offsets) + 1


@given(st.randoms(use_true_random=False), SIZES)
def test_passes_fit_go_on_and_end(chance, n_batch):
    """Whatever runs, each pass fits; and if no more comes, all is read, though passes are aborted."""
    n_logits, n_passes = min(N_LOGITS, n_batch), 0
    scheduler = Scheduler(n_batch, n_logits)
    every = [any_sequence(chance) for _ in range(chance.randint(1, 6))]
    scheduler.running += [sequence for sequence in every if sequence.n_unread]
    while scheduler.running:
        n_passes += 1
        assert n_passes < 10_000
        chunks = scheduler.schedule()
        check(chunks, scheduler, n_batch, n_logits)
        assert max(sequence.n_skipped for sequence in scheduler.running) <= len(scheduler.running)
        if n_passes % 7 == 3:  # aborted: nothing of it was read
            continue
        for chunk in chunks:
            sequence = chunk.sequence
            sequence.n_computed += len(chunk.tokens)
            if sequence.n_computed >= len(sequence.prompt):
                sequence.wants_start = False
            if not sequence.n_unread:
                if len(sequence.tokens) >= sequence.max_tokens:
                    scheduler.running.remove(sequence)
                else:
                    go_on(sequence, n_batch, chance)


@given(st.randoms(use_true_random=False), SIZES, st.integers(1, 4), st.integers(1, 3))
def test_a_prompt_is_read_though_replies_come_and_come(chance, n_batch, n_replies, n_prompts):
    """Nobody is kept out for ever, and a prompt takes little of a pass that replies wait for."""
    n_logits, read = min(N_LOGITS, n_batch), 0
    scheduler = Scheduler(n_batch, n_logits)
    prompts = [Sequence(1, list(range(chance.randint(1, 300)))) for _ in range(n_prompts)]
    scheduler.running += [*(Sequence(200, [0]) for _ in range(n_replies)), *prompts]
    n_most = sum(len(prompt.prompt) // min(n_batch, PREFILL_CHUNK) + 2 for prompt in prompts) * (n_replies + n_prompts)
    for _ in range(n_most):
        is_waited_for = any(one.n_unread - one.n_whole < PREFILL_CHUNK for one in scheduler.running)
        chunks = scheduler.schedule()
        check(chunks, scheduler, n_batch, n_logits)
        pieces = [len(chunk.tokens) for chunk in chunks if chunk.sequence in prompts]
        assert not is_waited_for or all(n <= PREFILL_CHUNK for n in pieces)
        for chunk in chunks:
            sequence = chunk.sequence
            sequence.n_computed += len(chunk.tokens)
            if sequence.n_unread:
                continue
            if sequence in prompts or len(sequence.tokens) >= sequence.max_tokens:
                scheduler.running.remove(sequence)
                read += sequence in prompts
                scheduler.running += [] if sequence in prompts else [Sequence(200, [0])]
            else:
                go_on(sequence, n_batch, chance)
        if read == n_prompts:
            return
    raise AssertionError(f"{read} of {n_prompts} prompts were read in {n_most} passes")


def test_prompts_are_read_in_the_order_in_which_they_came():
    """The end of a prompt is read as a reply is: at once, and others wait for it."""
    scheduler = Scheduler(128, 10)
    first, second = (Sequence(1, list(range(300))) for _ in range(2))
    scheduler.running += [first, second]
    served = []
    while scheduler.running:
        for chunk in scheduler.schedule():
            served.append((chunk.sequence, len(chunk.tokens)))
            chunk.sequence.n_computed += len(chunk.tokens)
            if not chunk.sequence.n_unread:
                scheduler.running.remove(chunk.sequence)
    assert served == [(first, 128), (first, 128), (first, 44), (second, 64), (second, 128), (second, 108)]


def test_a_prompt_alone_takes_the_whole_pass_and_a_piece_beside_a_reply():
    scheduler = Scheduler(128, 10)
    prompt, reply = Sequence(1, list(range(300))), Sequence(9, [0], status=Status.DECODE)
    scheduler.running.append(prompt)
    assert [len(chunk.tokens) for chunk in scheduler.schedule()] == [128]
    scheduler.running.append(reply)
    assert [(chunk.sequence, len(chunk.tokens)) for chunk in scheduler.schedule()] == [(reply, 1), (prompt, 64)]


@pytest.mark.parametrize("n_logits", [1, 2])
def test_the_place_before_a_forced_opening_may_have_a_pass_of_its_own(n_logits):
    """Of two rows of logits, one is judged by itself; with room for one row they come from two passes."""
    scheduler = Scheduler(64, n_logits)
    sequence = Sequence(9, list(range(10)), tokens=[1, 2, 3], wants_start=True)
    scheduler.running.append(sequence)
    (chunk,) = scheduler.schedule()
    assert (len(chunk.tokens), chunk.rows) == ((13, [9, 12]) if n_logits == 2 else (12, [9]))


def test_a_request_of_no_tokens_leaves_the_last_of_its_prompt():
    scheduler = Scheduler(64, 8)
    sequence = Sequence(0, list(range(10)))
    scheduler.running.append(sequence)
    (chunk,) = scheduler.schedule()
    assert (chunk.tokens, chunk.rows) == (list(range(9)), [])


@given(st.randoms(use_true_random=False), SIZES, st.integers(2, 4), st.integers(1, 3))
def test_adapters_take_turns(chance, n_batch, n_adapters, n_each):
    """A pass has one adapter, keeps to it for a while, and nobody waits for more than a turn of each other one."""
    scheduler = Scheduler(n_batch, min(N_LOGITS, n_batch))
    for adapter in range(n_adapters):
        scheduler.running += [
            Sequence(200, list(range(chance.choice([1, 700]))), adapter=str(adapter)) for _ in range(n_each)
        ]
    chance.shuffle(scheduler.running)
    served = []
    for _ in range(ADAPTER_TURN * n_adapters * 6):
        chunks = scheduler.schedule()
        check(chunks, scheduler, n_batch, min(N_LOGITS, n_batch))
        assert len({chunk.sequence.adapter for chunk in chunks}) == 1
        served.append(chunks[0].sequence.adapter)
        for chunk in chunks:
            chunk.sequence.n_computed += len(chunk.tokens)
            if not chunk.sequence.n_unread:
                chunk.sequence.tokens += [0]
                chunk.sequence.max_tokens += 1
    turns = [served[start : start + ADAPTER_TURN] for start in range(0, len(served), ADAPTER_TURN)]
    assert all(len(set(turn)) == 1 for turn in turns)
    assert all(len({turn[0] for turn in turns[i : i + n_adapters]}) == n_adapters for i in range(0, 5))


def test_an_adapter_that_nobody_waits_for_goes_on():
    scheduler = Scheduler(128, 10)
    one, other = Sequence(99, [0], adapter="a"), Sequence(99, [0], adapter="b")
    scheduler.running.append(one)
    for _ in range(3 * ADAPTER_TURN):
        assert [chunk.sequence for chunk in scheduler.schedule()] == [one]
    scheduler.running.append(other)
    served = [scheduler.schedule()[0].sequence for _ in range(2 * ADAPTER_TURN)]
    assert served == [one] * ADAPTER_TURN + [other] * ADAPTER_TURN
    scheduler.running.remove(other)
    assert scheduler.schedule()[0].sequence is one
