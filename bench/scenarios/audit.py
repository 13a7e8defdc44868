"""``audit``: what proofs cost: the hashing of a ballot, and the check of a log beside what SQLite takes to count it.

Hashing is what the vote path does for every ballot: commitment, leaf, chain and Merkle tree. The check is the command
``livevote verify`` on a data directory; the measure to compare with is the sqlite3 command adding up the answers of
the same file, and both are whole processes.
"""

import secrets
import shutil
import sys
import time

from bench import large_log
from bench.process import Place, took_s
from bench.sizes import Sizes
from bench.stats import percentile
from bench.table import Row
from livevote.config import Config
from livevote.domain.audit import GENESIS, commitment, leaf, link
from livevote.domain.merkle import Tree
from livevote.domain.records import BallotCast, Opening, encode

NAME = "audit"
HASHED = 100_000
REPEATS = 5
CHECKS = 3
COUNT = "SELECT answer, count(*) FROM records GROUP BY answer"


async def run(place: Place, sizes: Sizes) -> list[Row]:
    """The figures of this scenario."""
    config = Config(data=place.directory / NAME)
    hashing_us = percentile([_hashing_us() for _ in range(REPEATS)], 50)
    await large_log.write(config, sizes.ballots)
    verify = [sys.executable, "-m", "livevote.cli", "verify", str(config.data)]
    rows = [
        Row(NAME, f"hashing of a ballot, median of {REPEATS}", hashing_us, "\u00b5s", 8),
        Row(NAME, "ballots in the log", sizes.ballots),
    ]
    sqlite3 = shutil.which("sqlite3")
    if sqlite3 is None:
        return [*rows, Row(NAME, "whole check", (await took_s(verify))[0], "s")]
    count = [sqlite3, str(config.database), COUNT]
    # In turn, so that a busy moment of the machine meets both.
    pairs = [((await took_s(verify))[0], (await took_s(count))[0]) for _ in range(CHECKS)]
    return [
        *rows,
        Row(NAME, f"whole check, median of {CHECKS}", percentile([check for check, _ in pairs], 50), "s"),
        Row(NAME, f"sqlite3 counts the answers, median of {CHECKS}", percentile([base for _, base in pairs], 50), "s"),
        Row(NAME, "check / count, median of pairs", percentile([check / base for check, base in pairs], 50), "", 12),
    ]


def _hashing_us() -> float:
    """Processor time for all hashes of one ballot, without the making of its JSON."""
    ballots = []
    for number in range(HASHED):
        opening = Opening(secrets.token_bytes(16), b'{"choices":[%d]}' % (number % 4))
        cast = BallotCast(1_790_000_000_000, "b" * 22, "v" * 22, "q1", 1, 0, None, "0" * 64)
        ballots.append((opening, encode(cast)))
    chain, tree = GENESIS, Tree()
    begun_s = time.process_time()
    for opening, body in ballots:
        commitment(opening)
        chain = link(chain, body)
        tree.append(leaf(body))
    return (time.process_time() - begun_s) / HASHED * 1e6
