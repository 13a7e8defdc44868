"""T19: a second verifier that shares no code says the same about good, tampered and rewritten bundles."""

import asyncio
import json
import os
import random
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from livevote import verify
from livevote.bundle import Bundle, NoBundleError
from livevote.domain import checker, note, room
from livevote.domain.audit import TamperedError, commitment, leaf, link
from livevote.domain.checker import Checker
from livevote.domain.commands import AddQuestion, AskAgain, CloseVoting, CreateRoom, EditQuestion, OpenVoting
from livevote.domain.kinds import KINDS
from livevote.domain.records import EmbeddingSet, Entry, Opening, QuestionDefined, QuizTerms
from livevote.domain.state import Room
from livevote.verify import verify_bundle
from tests.crash.bundles import (
    SIGNER,
    TAMPERING,
    Made,
    a_room,
    read,
    rewrite_history,
    without_a_note,
    written,
)
from tests.evidence import Record, size
from tests.history import CODE, ballot, by_code, cast
from tests.process import CHECKOUT, run_cli

pytestmark = pytest.mark.crash

EACH = size(100, 200, 2000)
"""Good ones, and as many tampered ones and as many rewritten ones."""
SEED = int(os.environ.get("LIVEVOTE_CRASH_SEED", "1"))
_PROGRAM = CHECKOUT / "tests" / "verifier" / "verify.mjs"

Verdict = dict[str, Any]


class Judged(NamedTuple):
    """A bundle, how it was made, and what the second verifier says about it."""

    path: Path
    how: str
    verdict: Verdict


OTHER_RULES = [
    ("rating", b'{"top":5}', b'{"top":10}'),
    ("estimate", b'{"max":5,"min":0}', b'{"max":10,"min":-5}'),
]


def second(*paths: Path, trusted: str | None = SIGNER.vkey) -> tuple[int, list[Verdict]]:
    """The exit code and the verdicts of the second verifier, which insists on the key ``trusted``."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node: the second verifier is a program for it")
    insists = () if trusted is None else ("--key", trusted)
    command = [node, str(_PROGRAM), *insists, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert not done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def first(path: Path) -> Verdict:
    """The verdict of livevote in the words of the second verifier."""
    try:
        with closing(Bundle(path, trusted=SIGNER)) as bundle:
            found = verify_bundle(bundle)
    except TamperedError as error:
        return {"verdict": "tampered", "why": str(error)}
    except NoBundleError as error:
        return {"verdict": "unreadable", "why": str(error)}
    except Exception as error:  # agrees with nothing
        return {"verdict": "crashed", "why": repr(error)}
    return {
        "verdict": "intact",
        "room": found.room.code,
        "records": found.records,
        "unsigned": found.unsigned,
        "root": found.root.hex(),
        "chain": found.chain.hex(),
        "results": [
            {"question": each.question, "round": each.round, "counts": list(each.counts), "voters": each.voters}
            for each in found.results
        ],
        "recoveries": [{"origin": each.origin, "kept": each.kept} for each in found.recoveries],
    }


def agree(one: Verdict, other: Verdict) -> bool:
    """Whether they say the same and, where both name a first bad record, name the same one."""
    if "intact" in (one["verdict"], other["verdict"]):
        return one == other
    named, also = (re.search(r"\brecord (\d+)", each["why"], re.IGNORECASE) for each in (one, other))
    return one["verdict"] == other["verdict"] and (named is None or also is None or named[1] == also[1])


async def make(directory: Path, rng: random.Random) -> list[tuple[Path, str]]:
    """Bundles in files, each with how it was made."""
    found: list[tuple[Path, str]] = []

    def keep(how: str, data: bytes) -> None:
        path = directory / f"{len(found)}.jsonl"
        path.write_bytes(data)
        found.append((path, how))

    for number in range(EACH):
        made = a_room(rng, steps=rng.choice((0, 5, 40, 90)))
        good = await written(made)
        keep("good", without_a_note(rng, read(good)) if number % 5 == 4 else good)
        keep("rewritten", rewrite_history(rng, read(good)))
        ways = (TAMPERING[(number + more) % len(TAMPERING)] for more in range(len(TAMPERING)))
        tampered = ((way.__name__, way(rng, good, read(good), made)) for way in ways)
        # Not every way can be gone with every log.
        how, bad = next((how, bad) for how, bad in tampered if bad is not None)
        keep(how, bad)
    return found


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[Judged]:
    made = asyncio.run(make(tmp_path_factory.mktemp("bundles"), random.Random(SEED)))
    _, verdicts = second(*(path for path, _ in made))
    return [Judged(path, how, verdict) for (path, how), verdict in zip(made, verdicts, strict=True)]


def disagreements(judged: list[Judged]) -> list[tuple[str, str, Verdict, Verdict]]:
    """Every bundle about which the two do not agree."""
    found = []
    for path, how, verdict in judged:
        own = first(path)
        if not agree(own, verdict):
            found.append((path.name, how, own, verdict))
    return found


def test_both_verifiers_agree_about_every_bundle(judged: list[Judged], tmp_path: Path) -> None:
    record = Record("T19", "two verifiers on good, tampered and rewritten bundles", directory=tmp_path, seed=SEED)
    assert disagreements(judged) == []
    verdicts = Counter((how, verdict["verdict"]) for _, how, verdict in judged)
    assert verdicts["good", "intact"] == EACH
    assert [how for how, verdict in verdicts if verdict == "intact"] == ["good", "rewritten"]
    assert verdicts["rewritten", "intact"] > 0 < verdicts["rewritten", "tampered"]
    record.write(good_bundles=EACH, tampered_bundles=EACH, rewritten_bundles=EACH, disagreements=0)


def test_both_verifiers_exit_alike_where_a_forger_left_the_first_note_alone(tmp_path: Path) -> None:
    """Whoever has no key can write any log behind a note: who insists on a key gets no such file for a whole one."""
    made = Made()
    made.do(CreateRoom(CODE, "Welcome"))
    made.sign()
    for command in (AddQuestion("single", "Forged?", ("Yes", "No")), OpenVoting("q1"), cast("eve", 1)):
        made.do(command)
    path = tmp_path / "forged.jsonl"
    path.write_bytes(asyncio.run(written(made)))
    one = run_cli("verify", str(path), "--key", SIGNER.vkey)
    assert (one.returncode, second(path)[0]) == (3, 3)
    assert one.stderr.startswith(f"NOT SHOWN  Room {CODE}: no checkpoint by {SIGNER.vkey} covers the records 2 to 4")
    made.sign()
    path.write_bytes(asyncio.run(written(made)))
    assert (run_cli("verify", str(path), "--key", SIGNER.vkey).returncode, second(path)[0]) == (0, 0)


def test_both_verifiers_count_a_round_by_the_rules_that_it_was_asked_with(tmp_path: Path) -> None:
    made = Made()
    made.do(CreateRoom(CODE, "Welcome"))
    for number, (kind, before, after) in enumerate(OTHER_RULES, 1):
        name = f"q{number}"
        made.do(AddQuestion(kind, "How much?", (), msgspec.Raw(before)))
        for command in (OpenVoting(name), cast("eve", question=name, raw=b'{"value":3}'), CloseVoting(name)):
            made.do(command)
        made.do(EditQuestion(name, rules=msgspec.Raw(after), meaning=True))
        made.do(AskAgain(name))
        made.do(cast("eve", question=name, round=2, raw=b'{"value":9}'))
        made.do(CloseVoting(name))
    made.sign()
    path = tmp_path / "changed.jsonl"
    path.write_bytes(asyncio.run(written(made)))
    code, (verdict,) = second(path)
    assert code == 0
    assert [len(each["counts"]) for each in verdict["results"]] == [5, 10, 6, 16]
    assert agree(first(path), verdict)


@pytest.mark.parametrize(
    ("rules", "answer", "verdict"),
    [
        (b"7", b'{"explanation":"","right":[]}', "intact"),
        (b"null", b'{"explanation":"","right":[],"truth":7}', "intact"),
        (b"7", b'{"explanation":"","right":[],"truth":7}', "tampered"),
        (b"null", b'{"explanation":"","right":[]}', "tampered"),
        (b"null", b'{"explanation":"","right":[],"truth":null}', "tampered"),
    ],
)
def test_both_verifiers_know_the_truth_of_older_and_newer_estimates(
    rules: bytes, answer: bytes, verdict: str, tmp_path: Path
) -> None:
    made = Made()
    made.do(CreateRoom(CODE, "Welcome"))
    opening = Opening(bytes(16), answer)
    whole = msgspec.Raw(b'{"decimals":0,"max":9,"min":0,"truth":%s,"unit":""}' % rules)
    terms = QuizTerms(commitment(opening), fading=False, points=1)
    record = QuestionDefined(made.history.entries[-1].record.at, "q1", "estimate", "?", (), whole, True, quiz=terms)
    made.entries.append(made.history.next(record, opening))
    path = tmp_path / "estimate.jsonl"
    path.write_bytes(asyncio.run(written(made)))
    _, (found,) = second(path, trusted=None)
    assert (first(path)["verdict"], found["verdict"]) == (verdict, verdict)


@pytest.mark.parametrize(
    ("sites", "verdict"),
    [
        ((), "intact"),
        (("*", "file:", "https://*.example.org", "http://192.168.1.7:8888", "http://[::1]"), "intact"),
        (tuple(f"https://{number}.example.org" for number in range(11)), "tampered"),
        (("https://slides.example.org; script-src *",), "tampered"),
        (("https://Slides.example.org",), "tampered"),
        (("https://slides.example.org/\n",), "tampered"),
        (("https://" + "a" * 193,), "tampered"),
        (("javascript:",), "tampered"),
    ],
)
def test_both_verifiers_know_which_sites_may_show_a_wall(sites: tuple[str, ...], verdict: str, tmp_path: Path) -> None:
    made = Made()
    made.do(CreateRoom(CODE, "Welcome"))
    made.entries.append(made.history.next(EmbeddingSet(made.history.entries[-1].record.at, sites)))
    path = tmp_path / "embedded.jsonl"
    path.write_bytes(asyncio.run(written(made)))
    _, (found,) = second(path, trusted=None)
    assert (first(path)["verdict"], found["verdict"]) == (verdict, verdict)
    assert agree(first(path), found)


def test_both_verifiers_name_more_voters_than_codes_that_were_entered(tmp_path: Path) -> None:
    made = Made(history=by_code(used=2))
    for voter in ("ann", "bob"):
        made.do(cast(voter, 0, code=(1, 0)))
    stuffed = ballot("eve", 1)
    made.entries.append(made.history.next(stuffed.record, stuffed.opening))
    path = tmp_path / "stuffed.jsonl"
    path.write_bytes(asyncio.run(written(made)))
    _, (found,) = second(path, trusted=None)
    own = first(path)
    assert (own["verdict"], found["verdict"]) == ("tampered", "tampered")
    assert "record 9" in own["why"]
    assert "record 9" in found["why"]
    assert "more voters than codes were entered" in found["why"]


def test_the_good_ones_hold_every_kind_of_record(judged: list[Judged]) -> None:
    text = b"".join(path.read_bytes() for path, how, _ in judged if how == "good")
    for tag in ("results_hidden", "answer_erased", "receipts_switched", "replay_published", "recovery_accepted"):
        assert tag.encode() in text
    for kind in KINDS:
        assert f'\\"kind\\":\\"{kind}\\"'.encode() in text
    for tag in ("terms_judged", "question_edited", "question_removed", "questions_ordered", "room_renamed"):
        assert tag.encode() in text
    for tag in ("language_set", "room_erased", "timer_set", "cohost_added", "cohost_revoked"):
        assert tag.encode() in text
    for tag in ("codes_issued", "code_used", '\\"kept\\":true', '\\"level\\":\\"code\\"'):
        assert tag.encode() in text
    assert any(
        each["counts"] != [0] * len(each["counts"]) for found in judged for each in found.verdict.get("results", ())
    )


def test_the_exit_code_is_that_of_the_verdict(judged: list[Judged], tmp_path: Path) -> None:
    (tmp_path / "none").write_text("no bundle")
    of = {(found.verdict["verdict"], bool(found.verdict.get("unsigned"))): found.path for found in judged}
    whole, unsigned, tampered = of["intact", False], of["intact", True], of["tampered", False]
    assert second(whole)[0] == 0
    assert second(tampered)[0] == 1
    assert second(tmp_path / "none")[0] == second(tmp_path / "nowhere")[0] == 2
    assert second(whole, tampered)[0] == 1
    assert second(unsigned)[0] == second(whole, unsigned)[0] == 3
    assert second(unsigned, trusted=None)[0] == 0


def _compare_nothing(self: Checker) -> None:
    self._open.clear()


def _miss_nothing(self: Checker) -> None:
    self._missing.clear()


_finish = Checker.finish


def _without_checkpoints(self: Checker) -> None:
    _compare_nothing(self)
    _finish(self)


def _without_erasures(self: Checker) -> None:
    _miss_nothing(self)
    _finish(self)


def _believe_the_chain(entry: Entry, _chain: bytes) -> tuple[bytes, bytes]:
    return leaf(entry.body), entry.chain


def _believe_the_answer(entry: Entry, chain: bytes) -> tuple[bytes, bytes]:
    if link(chain, entry.body) != entry.chain:
        raise TamperedError("the chain")
    return leaf(entry.body), entry.chain


def _allow(*_: object) -> None:
    pass


def _fold_anything(state: Room, entry: Entry) -> None:
    room.FOLD[type(entry.record)].fold(state, entry, entry.record)


HOLES: dict[str, tuple[object, str, Callable[..., object]]] = {
    "the chain": (checker, "check", _believe_the_chain),
    "commitments": (checker, "check", _believe_the_answer),
    "signatures": (note.Verifier, "_check", _allow),
    "checkpoints": (Checker, "finish", _without_checkpoints),
    "missing answers": (Checker, "finish", _without_erasures),
    "erasures": (Checker, "_erase", _allow),
    "the order of a question's life": (room, "_fold", _fold_anything),
    "one spelling of a text": (verify, "is_one_spelling", lambda _text: True),
    "one way to write it": (verify._Spelling, "look", _allow),
}


@pytest.mark.parametrize("hole", HOLES)
def test_the_rig_sees_a_verifier_that_does_not_look_at(
    hole: str, judged: list[Judged], monkeypatch: pytest.MonkeyPatch
) -> None:
    where, name, mutant = HOLES[hole]
    monkeypatch.setattr(where, name, mutant)
    assert disagreements(judged) != []
