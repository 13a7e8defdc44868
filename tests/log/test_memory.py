"""What is the reference adapter's own: its epoch, and that it keeps nothing."""

import pytest

from livevote.log import LogFailedError
from livevote.log.memory import MemoryLog
from tests.log.cases import entries, more


async def test_the_epoch_can_be_chosen() -> None:
    assert MemoryLog().epoch == "memory"
    assert MemoryLog(epoch="second").epoch == "second"


async def test_every_log_is_a_new_one() -> None:
    log = MemoryLog()
    await log.append(more("A", 1), ticket=1)
    assert len(await entries(log)) == 1
    assert await entries(MemoryLog()) == []


async def test_a_closed_log_says_so() -> None:
    log = MemoryLog()
    await log.aclose()
    with pytest.raises(LogFailedError, match=r"^the log is closed$"):
        await log.append(more("A", 1), ticket=1)


async def test_what_was_read_does_not_grow() -> None:
    log = MemoryLog()
    await log.append(more("A", 1), ticket=1)
    [chunk] = [chunk async for chunk in log.read("A")]
    await log.append(more("A", 1), ticket=2)
    assert len(chunk) == 1
