"""T11: the real writer, registry and hub in a simulated world of crashes; every promise holds for every seed.

``LIVEVOTE_SIM_SEED=n`` runs that seed alone. The planted bugs show that the simulation is not blind.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from tests.evidence import Record, size
from tests.process import CHECKOUT
from tests.simulation.bugs import BUGS, Patch
from tests.simulation.disk import Disk
from tests.simulation.venue import Venue, play, run
from tests.simulation.world import BrokenPromiseError, World

pytestmark = pytest.mark.crash

SEEDS = size(100, 300, 20_000)
BUG_SEEDS = 300
ONLY = os.environ.get("LIVEVOTE_SIM_SEED")


def test_every_promise_holds_for_every_seed(tmp_path: Path) -> None:
    record = Record("T11", "deterministic simulation of server, disk, network and pages", directory=tmp_path, seed=1)
    seeds = range(1, SEEDS + 1) if ONLY is None else (int(ONLY),)
    deaths = acked = shown = 0
    for seed in seeds:
        venue = run(seed)
        deaths += venue.deaths
        acked += sum(len(told.acked) for told in venue.witness.rooms.values())
        shown += sum(len(told.frames) for told in venue.witness.rooms.values())
    if ONLY is None:
        assert deaths > SEEDS, "a simulation in which little goes wrong shows little"
        assert acked > 5 * SEEDS
    record.write(seeds=len(seeds), deaths=deaths, acknowledged=acked, frames=shown)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_found(bug: Callable[[Patch], None]) -> None:
    for seed in range(1, BUG_SEEDS + 1):
        with pytest.MonkeyPatch.context() as patch:
            bug(patch)
            try:
                play(Venue(seed))
            except BrokenPromiseError as error:
                if re.match(BUGS[bug], str(error)):
                    return
    raise AssertionError(f"the simulation is blind to this: {bug.__doc__}")


def test_a_failing_seed_says_how_to_see_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Venue) -> None:
        raise BrokenPromiseError("I1: lost")

    monkeypatch.setattr(Venue, "run", broken)
    with pytest.raises(BrokenPromiseError, match=r"(?s)I1: lost.*LIVEVOTE_SIM_SEED=2 .*tests\.simulation 2"):
        run(2)


def test_a_seed_replays_a_run_to_the_byte() -> None:
    for seed in (3, 4, 5):
        transcripts = {_transcript_elsewhere(seed, hashing) for hashing in ("1", "2")}
        venue = Venue(seed)
        play(venue)
        assert transcripts == {venue.world.transcript()}
    assert len({sha256(venue.world.transcript().encode()).digest() for venue in map(run, range(1, 6))}) == 5


def _transcript_elsewhere(seed: int, hashing: str) -> str:
    """What another process, in which strings have other hashes, sees in this seed."""
    command = [sys.executable, "-m", "tests.simulation", str(seed)]
    environment = {**os.environ, "PYTHONHASHSEED": hashing}
    done = subprocess.run(
        command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.removesuffix("\n")


@pytest.mark.parametrize("seed", range(200))
def test_the_disk_keeps_whole_batches_in_order_and_all_that_were_synced(seed: int) -> None:
    disk = Disk(World(seed))
    file, random = disk.database, disk.world.random
    payloads = [random.randbytes(random.randrange(1, 60)) for _ in range(12)]
    synced = random.randrange(len(payloads))
    for number, payload in enumerate(payloads):
        file.append(payload)
        if number < synced:
            file.safe, file._pieces = len(file.written), []
    file.lose_power()
    left = file.frames()
    assert left == payloads[: len(left)]
    assert len(left) >= synced
