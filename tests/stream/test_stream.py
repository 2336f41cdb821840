"""`EventStream` by itself, without a model: waited for and awaited, pulled and pushed, cancelled, left and dropped."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from edge_lam.errors import Cancelled
from edge_lam.stream import EventStream


class Counter:
    """Puts numbers from a thread of its own, until it is cancelled; `log` tells what it heard."""

    def __init__(self, n: int | None = 3, error: Exception | None = None, *, pause: float = 0) -> None:
        self.n, self.error, self.pause = n, error, 0.001 if n is None else pause
        self.cancelled, self.ended, self.log = threading.Event(), threading.Event(), []

    def begin(self, channel) -> None:
        self.log.append(threading.current_thread())
        channel.attach(cancel=self.cancelled.set, leave=lambda: self.log.append("left"))
        threading.Thread(target=self._count, args=(channel,), daemon=True).start()

    def _count(self, channel) -> None:
        number = 0
        while self.n is None or number < self.n:
            if self.cancelled.wait(self.pause):
                channel.fail(Cancelled("stopped"))
                break
            channel.put(number)
            number += 1
        else:
            channel.fail(self.error) if self.error else channel.finish(sum(range(number)))
        self.ended.set()


def pulled(n: int, log: list):
    """Return what begins a generator of numbers, which whoever reads it runs."""

    def begin(channel):
        cancelled = threading.Event()
        channel.attach(cancel=cancelled.set)

        def numbers():
            try:
                for number in range(n):
                    log.append(threading.current_thread())
                    if cancelled.is_set():
                        return -1
                    yield number
            finally:
                log.append("closed")
            return sum(range(n))

        return numbers()

    return begin


async def collected(stream) -> list:
    return [event async for event in stream]


def streams():
    return [EventStream(Counter().begin), EventStream(pulled(3, []))]


def test_events_come_in_order_and_then_the_result():
    for stream in streams():
        assert (list(stream), stream.result(), list(stream)) == ([0, 1, 2], 3, [])
    for stream in streams():
        assert asyncio.run(collected(stream)) == [0, 1, 2]
        assert stream.result() == 3
    for stream in streams():
        assert stream.result() == stream.result() == 3
    for stream in streams():
        assert asyncio.run(stream.aresult()) == 3


def test_it_may_be_begun_here_and_awaited_there():
    for stream in streams():
        stream.start()
        assert asyncio.run(collected(stream)) == [0, 1, 2]
    for stream in streams():
        assert next(stream) == 0
        assert asyncio.run(collected(stream)) == [1, 2]
        assert stream.result() == 3


def test_nothing_begins_before_it_is_asked_for():
    counter, log = Counter(), []
    pushed, pull = EventStream(counter.begin), EventStream(pulled(3, log))
    pushed.close()
    pull.close()
    assert (counter.log, log, list(pushed), list(pull)) == ([], [], [], [])
    with pytest.raises(Cancelled, match="closed before its end"):
        pushed.result()


def test_who_waits_begins_it_and_who_awaits_has_a_thread_do_it():
    here, log = threading.current_thread(), []
    waited, awaited = Counter(), Counter()
    EventStream(waited.begin).result()
    asyncio.run(EventStream(awaited.begin).aresult())
    assert waited.log[0] is here is not awaited.log[0]
    list(EventStream(pulled(3, log)))
    assert log == [here] * 3 + ["closed"]


def test_an_error_comes_after_the_events_and_whenever_the_result_is_asked_for():
    stream = EventStream(Counter(2, ZeroDivisionError("no")).begin)
    assert (next(stream), next(stream)) == (0, 1)
    for ask in (lambda: next(stream), stream.result, stream.result):
        with pytest.raises(ZeroDivisionError):
            ask()
    assert list(stream) == []
    with pytest.raises(ZeroDivisionError):
        asyncio.run(collected(EventStream(Counter(2, ZeroDivisionError("no")).begin)))


def test_what_fails_to_begin_fails_its_reader():
    def begin(channel):
        raise ZeroDivisionError

    for ask in (lambda stream: stream.start(), next, lambda stream: stream.result()):
        with pytest.raises(ZeroDivisionError):
            ask(EventStream(begin))
    with pytest.raises(ZeroDivisionError):
        asyncio.run(EventStream(begin).aresult())


def test_any_thread_may_cancel_it_and_its_reader_gets_the_end():
    counter = Counter(None)
    stream = EventStream(counter.begin)
    next(stream)
    threading.Thread(target=stream.cancel).start()
    with pytest.raises(Cancelled, match="stopped"):
        list(stream)
    assert stream.cancelled()
    assert counter.log[1:] == ["left"]


def test_a_cancel_before_it_begins_is_not_lost():
    counter = Counter(None)
    stream = EventStream(counter.begin)
    stream.cancel()
    with pytest.raises(Cancelled, match="stopped"):
        stream.start().result()


@pytest.mark.parametrize("how", ["close", "with", "break", "drop"])
def test_leaving_it_ends_what_makes_the_events(how):
    counter = Counter(None)
    stream = EventStream(counter.begin)
    next(stream)
    if how == "close":
        stream.close()
        stream.close()
        assert counter.ended.is_set()  # it was waited for
    elif how == "with":
        with stream:
            next(stream)
    elif how == "break":
        for _ in stream:
            break
    del stream
    gc.collect()
    assert counter.ended.wait(20)
    assert counter.log[1:] == ["left"]


def test_a_detached_one_goes_on_when_nobody_holds_it():
    counter = Counter(None)
    stream = EventStream(counter.begin, is_detached=True).start_in_thread()
    channel_left = threading.Event()
    while not counter.log:
        channel_left.wait(0.001)
    del stream
    gc.collect()
    assert not counter.cancelled.is_set()
    counter.cancelled.set()


def test_a_cancelled_task_leaves_it():
    counter = Counter(None)

    async def leave():
        task = asyncio.ensure_future(EventStream(counter.begin).aresult())
        while not counter.log:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    assert counter.ended.wait(20)
    assert counter.log[1:] == ["left"]


def test_who_wants_the_result_alone_is_not_woken_up_for_events():
    n_woken = {"aresult": 0, "events": 0}

    async def ask(how: str) -> int:
        loop, stream = asyncio.get_running_loop(), EventStream(Counter(50, pause=0.002).begin)
        wake = loop.call_soon_threadsafe

        def counted(*arguments):
            n_woken[how] += 1
            return wake(*arguments)

        loop.call_soon_threadsafe = counted
        if how == "events":
            await collected(stream)
        return await stream.aresult()

    assert [asyncio.run(ask(how)) for how in n_woken] == [sum(range(50))] * 2
    assert n_woken["aresult"] == 1
    assert 5 < n_woken["events"] <= 51  # once for all that come before the loop looks again


def test_a_stream_that_a_closed_loop_read_wakes_the_next_one():
    channels = []
    stream = EventStream(channels.append)

    async def read() -> int:
        reading = asyncio.ensure_future(anext(stream))
        while not channels:
            await asyncio.sleep(0.001)
        asyncio.get_running_loop().call_later(0.05, channels[0].put, 1)
        return await asyncio.wait_for(reading, 30)

    assert asyncio.run(read()) == 1
    channels[0].put(2)  # nobody hears of it
    assert asyncio.run(anext_of(stream)) == 2
    assert asyncio.run(read()) == 1
    stream.leave()


async def anext_of(stream) -> int:
    return await anext(stream)
