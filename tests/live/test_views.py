"""What each role sees of the kinds: no solution, no text that was not shown, and for the host everything (I12)."""

import json
from typing import Any

import msgspec
import pytest

from livevote.domain.commands import AskAgain, CloseVoting, EditQuestion, JudgeTerms, RevealResults
from livevote.domain.kinds.written import key
from livevote.live.views import host_state, voter_state
from livevote.protocol.messages import ChecksInfo, HealthInfo
from tests.history import AT, History, cast, drafted, opened


def to_voters(history: History) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(msgspec.json.encode(voter_state(history.room, at=AT)))
    return seen


def to_host(history: History) -> dict[str, Any]:
    health = HealthInfo(online=0, reconnecting=0, delay_ms=None, oldest_unanswered_ms=0, checks=ChecksInfo())
    seen = json.loads(msgspec.json.encode(host_state(history.room, at=AT, join_url="", health=health)))
    question: dict[str, Any] = seen["questions"][0]
    return question


def test_voters_are_never_told_the_truth() -> None:
    history = opened(kind="estimate", options=(), rules=b'{"min":0,"max":99999,"truth":31415}')
    history.did(cast("ann", raw=b'{"value":31416}'), RevealResults("q1"))
    seen = to_voters(history)
    assert "31415" not in json.dumps(seen)
    assert seen["question"]["rules"]["truth"] is None
    assert seen["tally"]["figures"]["low"] == 31416
    assert to_host(history)["rules"]["truth"] == 31415


def test_a_question_says_what_its_counts_count_unless_that_is_its_options() -> None:
    assert to_voters(opened())["question"]["bins"] == []
    assert to_voters(opened(kind="yesno", options=()))["question"]["bins"] == ["yes", "no", "abstain"]
    assert to_host(opened(kind="rating", options=()))["bins"] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("revealed", [False, True])
def test_i12_a_text_is_seen_by_others_once_it_is_revealed_and_shown(revealed: bool) -> None:
    history = opened(kind="text", options=())
    for number, text in enumerate((b"Tea", b"Coffee", b"Rubbish")):
        history.did(cast(f"v{number}", raw=b'{"text":"%s"}' % text))
    history.did(JudgeTerms("q1", 1, (key("tea"),), True), JudgeTerms("q1", 1, (key("rubbish"),), False))
    if revealed:
        history.did(RevealResults("q1"))
    seen = to_voters(history)
    if revealed:
        assert seen["tally"]["figures"] == {"texts": [["Tea", 1]], "more": 0}
    else:
        assert seen["tally"] is None
    assert not [text for text in ("Coffee", "Rubbish", key("tea"), key("coffee")) if text in json.dumps(seen)]
    host = to_host(history)
    assert host["figures"] == {"texts": [["Tea", 1]], "more": 0}
    assert host["shown"] == [[key("tea"), "Tea", 1]]
    assert host["pending"] == [[key("coffee"), "Coffee", 1]]
    assert host["hidden"] == [[key("rubbish"), "Rubbish", 1]]


def test_the_host_gets_as_many_texts_as_can_be_judged_at_once() -> None:
    history = opened(kind="text", options=())
    for number in range(502):
        history.did(cast(f"v{number}", raw=b'{"text":"%03d"}' % number))
    pending = to_host(history)["pending"]
    assert (len(pending), pending[-1][1]) == (500, "499")
    history.did(JudgeTerms("q1", 1, tuple(found for found, _, _ in pending), True))
    assert [text for _, text, _ in to_host(history)["pending"]] == ["500", "501"]


def test_the_host_compares_rounds() -> None:
    history = opened(kind="rating", options=()).did(cast("ann", raw=b'{"value":5}'), CloseVoting("q1"))
    assert to_host(history)["rounds"] == []
    history.did(AskAgain("q1"), cast("ann", round=2, raw=b'{"value":3}'), cast("bob", round=2, raw=b'{"value":4}'))
    host = to_host(history)
    first = {"round": 1, "counts": [0, 0, 0, 0, 1], "voters": 1, "figures": {"mean": [5, 1]}, "wording": None}
    assert host["rounds"] == [first]
    assert (host["counts"], host["voters"], host["figures"]) == ([0, 0, 1, 1, 0], 2, {"mean": [7, 2]})


def test_a_draft_has_an_empty_result() -> None:
    host = to_host(drafted(kind="ranking"))
    assert (host["counts"], host["voters"], host["rounds"]) == ([0, 0, 0], 0, [])


def test_a_round_is_shown_with_what_was_asked_in_it_and_nobody_learns_a_truth_by_it() -> None:
    first, later = b'{"max":2,"min":0,"truth":1}', b'{"max":4,"min":0,"truth":3}'
    history = opened(kind="estimate", options=(), rules=first).did(cast("ann", raw=b'{"value":2}'))
    history.did(RevealResults("q1"), CloseVoting("q1"))
    history.did(EditQuestion("q1", text="And now?", rules=msgspec.Raw(later), meaning=True))
    seen, host = to_voters(history), to_host(history)
    assert (seen["question"]["text"], seen["question"]["bins"]) == ("What to drink?", ["0", "1", "2"])
    assert (seen["question"]["rules"]["max"], seen["question"]["rules"]["truth"]) == (2, None)
    assert seen["tally"]["counts"] == [0, 0, 1]
    assert (host["text"], host["bins"], host["rules"]["truth"]) == ("What to drink?", ["0", "1", "2"], 1)
    assert (host["edited"]["text"], host["edited"]["bins"]) == ("And now?", ["0", "1", "2", "3", "4"])
    assert host["edited"]["rules"]["truth"] == 3
    history.did(AskAgain("q1"), cast("ann", round=2, raw=b'{"value":4}'))
    seen, host = to_voters(history), to_host(history)
    assert (seen["question"]["text"], seen["question"]["rules"]["max"]) == ("And now?", 4)
    assert seen["question"]["rules"]["truth"] is None
    assert (host["counts"], host["edited"]) == ([0, 0, 0, 0, 1], None)
    (earlier,) = host["rounds"]
    assert (earlier["counts"], earlier["wording"]["text"]) == ([0, 0, 1], "What to drink?")
    assert (earlier["wording"]["bins"], earlier["wording"]["rules"]["truth"]) == (["0", "1", "2"], 1)
