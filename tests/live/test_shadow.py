"""A second fold of a log, and work that is done aside in steps."""

import asyncio
from collections.abc import Generator
from threading import Event, get_ident

import pytest

from livevote.domain.room import BrokenLogError
from livevote.live.shadow import Shadow, aside
from tests.history import cast, dump, opened


def test_a_shadow_is_the_fold_of_its_log() -> None:
    history = opened().did(cast("ann", 0), cast("b" * 22, 1, id="c" * 22))
    shadow, other = Shadow(), Shadow(history.room)
    assert shadow.head == 0
    for entry in history.entries:
        shadow.add(entry)
        other.add(entry)
    assert dump(shadow.room) == dump(other.room) == dump(history.state)
    frozen = shadow.freeze()
    assert (frozen.room, frozen.index, frozen.chain) == (shadow.room, shadow.head, history.entries[-1].chain)
    again = Shadow(history.room, frozen)
    assert (again.head, again.room) == (5, shadow.room)
    again.add(history.did(cast("ann", 1)).entries[-1])
    assert dump(again.room) == dump(history.state)
    with pytest.raises(BrokenLogError):
        again.add(history.entries[-1])


async def test_steps_are_taken_in_another_thread_and_the_loop_goes_on() -> None:
    threads = []

    def steps() -> Generator[None, None, str]:
        for _ in range(3):
            threads.append(get_ident())
            yield
        return "done"

    assert await aside(steps()) == "done"
    assert len(threads) == 3
    assert get_ident() not in threads


async def test_an_error_comes_out() -> None:
    def steps() -> Generator[None, None, None]:
        yield
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        await aside(steps())


async def test_who_cancels_it_waits_for_the_step_and_no_other_begins() -> None:
    begun, go_on, log = Event(), Event(), []

    def steps() -> Generator[None, None, None]:
        begun.set()
        go_on.wait(10)
        log.append("first")
        yield
        log.append("second")

    task = asyncio.create_task(aside(steps()))
    await asyncio.get_running_loop().run_in_executor(None, begun.wait, 10)
    task.cancel()
    await asyncio.wait((task,), timeout=0.01)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["first"]
