"""T10: any order of votes and host commands, against a model that is written from the words of the rules.

The model is plain lists and dicts and shares no code with the rules. A new command takes a method of the model, a rule
of the machine, what it changes in ``rounds_agree``, and a mutant. ``LIVEVOTE_MACHINE_SEED`` takes other examples. The
board has a machine of its own in ``test_board``.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from livevote.domain.audit import GENESIS, check
from livevote.domain.commands import (
    AddCohost,
    AddQuestion,
    AsCohost,
    AskAgain,
    CloseVoting,
    Command,
    EditQuestion,
    EraseAnswer,
    HideResults,
    LinkPseudonyms,
    OpenVoting,
    OrderQuestions,
    PublishReplay,
    Quiz,
    RemoveQuestion,
    RevealResults,
    RevokeCohost,
    SetTimer,
    ShowLeaderboard,
    ShowSolution,
    SwitchReceipts,
)
from livevote.domain.records import BallotCast, Draft, PlayerNamed
from livevote.domain.refusals import Refusal
from livevote.domain.room import BrokenLogError, Decision, Repeat
from livevote.domain.standings import Standings
from livevote.domain.tally import fold
from livevote.log import finish
from tests.domain.mutants import MUTANTS, Patch
from tests.evidence import Record, size
from tests.history import AT, SALT, cast, created, dump, named, stored

pytestmark = pytest.mark.crash

EXAMPLES = size(200, 500, 20_000)
MUTANT_EXAMPLES = 500
STEPS = 50
SEED = int(os.environ.get("LIVEVOTE_MACHINE_SEED", "1"))
OPTIONS = 4


class Model:
    """What a room is, in words: questions with rounds, and in a round each voter's ballots, the last of which counts.

    Every method says what must become of a command: a refusal's code, "repeat", or "ok".
    """

    def __init__(self) -> None:
        self.questions: dict[str, dict[str, Any]] = {}
        self.settings = {"receipts": True, "replay": False, "linked": False, "leaderboard": False}
        self.cohosts: list[str | None] = []
        self.added = 0
        self.names: dict[str, list[tuple[str, str | None]]] = {}

    def add(self, low: int, high: int, changeable: bool, right: int | None = None) -> None:
        self.added += 1
        wording = {"text": "Which?", "version": 1, "right": right}
        rules = {"low": low, "high": high, "changeable": changeable}
        self.questions[f"q{self.added}"] = {**rules, **wording, "rounds": []}

    def edit(self, name: str, text: str, changeable: bool, *, meaning: bool) -> str:
        """Wording changes at any time, for all rounds of its version; the rest only as the next version.

        What is right has to be said anew with another meaning.
        """
        if name not in self.questions:
            return "unknown_question"
        question = self.questions[name]
        rounds = question["rounds"]
        if rounds and meaning and rounds[-1]["open"]:
            return "still_open"
        if rounds and meaning and question["right"] is not None:
            return "bad_question"
        if rounds and not meaning and changeable != question["changeable"]:
            return "other_meaning"
        wanted = {"text": text, "changeable": changeable}
        if wanted == {key: question[key] for key in wanted}:
            return "already_so"
        self._edited(question, wanted, meaning=meaning)
        return "ok"

    def edit_quiz(self, name: str, right: int | None, *, meaning: bool) -> str:
        """What is right changes like everything else that is not wording; none: it is no quiz."""
        if name not in self.questions:
            return "unknown_question"
        question = self.questions[name]
        rounds = question["rounds"]
        if rounds and meaning and rounds[-1]["open"]:
            return "still_open"
        if right is not None and not question["low"] <= 1 <= question["high"]:
            return "bad_question"
        if right == question["right"]:
            return "already_so"
        if rounds and not meaning:
            return "other_meaning"
        self._edited(question, {"right": right}, meaning=meaning)
        return "ok"

    def _edited(self, question: dict[str, Any], wanted: dict[str, Any], *, meaning: bool) -> None:
        rounds = question["rounds"]
        question.update(wanted, version=question["version"] + bool(rounds and meaning))
        for asked in rounds:
            if asked["version"] == question["version"]:
                asked["text"] = question["text"]

    def remove(self, name: str) -> str:
        """Only what was never asked goes."""
        if name not in self.questions:
            return "unknown_question"
        if self.questions[name]["rounds"]:
            return "was_asked"
        del self.questions[name]
        return "ok"

    def order(self, wanted: list[str]) -> str:
        """The order is that of the list, which names all."""
        if wanted == list(self.questions):
            return "already_so"
        if sorted(wanted) != sorted(self.questions):
            return "bad_order"
        self.questions = {name: self.questions[name] for name in wanted}
        return "ok"

    def begin(self, name: str, *, first: bool, at: int, seconds: int | None = None) -> str:
        """A first round is for drafts, another one for closed questions, and no two questions are open."""
        if name not in self.questions:
            return "unknown_question"
        rounds = self.questions[name]["rounds"]
        if first == bool(rounds):
            return "already_opened" if first else "not_open"
        latest = {other: question["rounds"][-1] for other, question in self.questions.items() if question["rounds"]}
        for other, asked in latest.items():
            if asked["open"]:
                return "still_open" if other == name else "another_open"
        if seconds is not None and not 5 <= seconds <= 24 * 60 * 60:
            return "bad_timer"
        ends = None if seconds is None else at + seconds * 1000
        wording = {key: self.questions[name][key] for key in ("text", "version", "right")}
        rounds.append({"open": True, "revealed": False, "solved": False, "ballots": {}, "ends": ends, **wording})
        return "ok"

    def set_timer(self, name: str, seconds: int | None, *, at: int) -> str:
        """The open round gets another planned end, or none."""
        if name not in self.questions:
            return "unknown_question"
        if not self.questions[name]["rounds"]:
            return "not_open"
        asked = self.questions[name]["rounds"][-1]
        if not asked["open"]:
            return "closed"
        if seconds is not None and seconds not in range(5, 86_401):
            return "bad_timer"
        ends = None if seconds is None else at + seconds * 1000
        if asked["ends"] == ends:
            return "already_so"
        asked["ends"] = ends
        return "ok"

    def close_on_time(self, name: str, number: int, ends: int) -> str:
        """A timer closes the round that it was set for, if that still is to end then, and no other one."""
        rounds = self.questions[name]["rounds"]
        if number != len(rounds):
            return "wrong_round"
        if not rounds[-1]["open"]:
            return "closed"
        if rounds[-1]["ends"] != ends:
            return "timer_moved"
        rounds[-1]["open"] = False
        return "ok"

    def add_cohost(self, name: str) -> str:
        """Co-hosts are numbered from 1, for ever."""
        if len([known for known in self.cohosts if known]) == 20:
            return "too_many_cohosts"
        self.cohosts.append(name)
        return "ok"

    def revoke_cohost(self, number: int) -> str:
        """Whoever is revoked stays so."""
        if not self.is_cohost(number):
            return "no_such_cohost"
        self.cohosts[number - 1] = None
        return "ok"

    def is_cohost(self, number: int) -> bool:
        return 1 <= number <= len(self.cohosts) and self.cohosts[number - 1] is not None

    def switch(self, name: str, what: str, wanted: bool, already: str) -> str:
        """Close, reveal and hide change the latest round unless it is like that already."""
        if name not in self.questions:
            return "unknown_question"
        if not self.questions[name]["rounds"]:
            return "not_open"
        asked = self.questions[name]["rounds"][-1]
        if asked[what] is wanted:
            return already
        asked[what] = wanted
        return "ok"

    def link(self) -> str:
        """Pseudonyms are linked once, and before anything was opened."""
        if self.settings["linked"]:
            return "already_so"
        if any(question["rounds"] for question in self.questions.values()):
            return "too_late"
        self.settings["linked"] = True
        return "ok"

    def solve(self, name: str) -> str:
        """A solution is shown once, of a quiz whose newest round is closed."""
        if name not in self.questions:
            return "unknown_question"
        question = self.questions[name]
        if (question["rounds"] or [question])[-1]["right"] is None:
            return "no_solution"
        if not question["rounds"] or question["rounds"][-1]["open"]:
            return "not_closed"
        if question["rounds"][-1]["solved"]:
            return "already_shown"
        question["rounds"][-1]["solved"] = True
        return "ok"

    def name(self, voter: str, id: str, name: str) -> str:
        """A name is one voter's until that voter takes another; a known id keeps its name for ever."""
        if not self.settings["linked"]:
            return "not_linked"
        mine = self.names.setdefault(voter, [])
        for known, before in mine:
            if known == id:
                return "repeat" if before in (None, name) else "conflict"
        others = [names[-1][1] for other, names in self.names.items() if names and other != voter]
        if name.lower() in [other.lower() for other in others if other is not None]:
            return "name_taken"
        if len(mine) == 5:
            return "too_many_names"
        mine.append((id, name))
        return "ok"

    def erase_name(self, voter: str, id: str) -> str:
        """An erased name is nobody's any more, and what was sent under its id was sent."""
        mine = self.names[voter]
        place = [known for known, _ in mine].index(id)
        if mine[place][1] is None:
            return "already_erased"
        mine[place] = (id, None)
        return "ok"

    def points(self) -> dict[str, int]:
        """What each voter has earned: a thousand in the newest round of a quiz whose solution was shown."""
        found: dict[str, int] = {}
        for question in self.questions.values():
            for asked in [asked for asked in question["rounds"] if asked["solved"]][-1:]:
                for voter, ballots in asked["ballots"].items():
                    if ballots[-1][1] is not None:
                        found[voter] = found.get(voter, 0) + 1000 * (ballots[-1][1] == [asked["right"]])
        return found

    def set(self, what: str, wanted: bool) -> str:
        """A setting of the room changes unless it is like that already."""
        if self.settings[what] is wanted:
            return "already_so"
        self.settings[what] = wanted
        return "ok"

    def erase(self, name: str, number: int, voter: str, id: str) -> str:
        """An erased ballot stays where it was, and says nothing any more."""
        mine = self.questions[name]["rounds"][number - 1]["ballots"][voter]
        place = [known for known, _ in mine].index(id)
        if mine[place][1] is None:
            return "already_erased"
        mine[place] = (id, None)
        return "ok"

    def vote(self, name: str, number: int, voter: str, id: str, choices: list[int] | None) -> str:
        """A known ballot keeps its answer for ever; a new one needs the open round and an answer by the rules."""
        if name not in self.questions:
            return "unknown_question"
        question = self.questions[name]
        rounds = question["rounds"]
        if not rounds:
            return "not_open"
        if number not in range(1, len(rounds) + 1):
            return "wrong_round"
        mine = rounds[number - 1]["ballots"].get(voter, [])
        for known, before in mine:
            if known == id:
                same = before is None or (choices is not None and sorted(choices) == before)
                return "repeat" if same else "conflict"
        if number < len(rounds):
            return "wrong_round"
        if not rounds[-1]["open"]:
            return "closed"
        if choices is None:
            return "bad_answer"
        if any(choice not in range(OPTIONS) for choice in choices):
            return "out_of_range"
        if any(choices.count(choice) > 1 for choice in choices):
            return "duplicate_choice"
        if not question["low"] <= len(choices) <= question["high"]:
            return "too_few" if len(choices) < question["low"] else "too_many"
        if mine and not question["changeable"]:
            return "already_voted"
        rounds[-1]["ballots"].setdefault(voter, []).append((id, sorted(choices)))
        return "ok"


seconds = st.none() | st.sampled_from([4, 5, 60, 86_400, 86_401])
names = st.sampled_from(["q1", "q1", "q1", "q2", "q2", "q3", "q4"])
answers = st.one_of(
    st.integers(0, OPTIONS - 1).map(lambda choice: [choice]),
    st.lists(st.integers(0, OPTIONS - 1), max_size=3, unique=True),
    st.lists(st.integers(-1, OPTIONS), max_size=5),
)
junk = st.sampled_from([b"", b"[", b"null", b"[0]", b'{"choices":0}', b'{"choices":["0"]}', b'{"choices":[0.5]}'])


class Voting(RuleBasedStateMachine):
    """Does every command to the room and to the model, and compares what they say and what they hold."""

    def __init__(self) -> None:
        super().__init__()
        self.history = created()
        self.model = Model()
        self.sent: list[tuple[str, int, str, str, list[int]]] = []
        self.answered: dict[tuple[str, int, str, str], tuple[int, int, int]] = {}
        self.planned: list[tuple[str, int, int]] = []

    def check(self, command: Command, expected: str) -> Decision:
        decision = self.history.do(command)
        if isinstance(decision, Refusal):
            assert decision.code == expected
        else:
            assert ("repeat" if isinstance(decision, Repeat) else "ok") == expected
        return decision

    @property
    def replaced(self) -> list[tuple[str, int, str, str, list[int]]]:
        """Recorded ballots that do not count any more."""
        return [
            (name, number, voter, id, choices)
            for name, question in self.model.questions.items()
            for number, asked in enumerate(question["rounds"], 1)
            for voter, ballots in asked["ballots"].items()
            for id, choices in ballots[:-1]
        ]

    @rule()
    def link(self) -> None:
        self.check(LinkPseudonyms(), self.model.link())

    @initialize(
        linked=st.booleans(),
        right=st.none() | st.integers(0, OPTIONS - 1),
        changeable=st.booleans(),
        low=st.integers(0, 2),
        high=st.integers(2, OPTIONS),
    )
    def two_questions(self, linked: bool, right: int | None, changeable: bool, low: int, high: int) -> None:
        if linked:
            self.link()
        if right is None:
            self.add_single(changeable=changeable)
        else:
            self.add_quiz(right=right, changeable=changeable)
        self.add_multiple(changeable=not changeable, low=low, high=high)
        self.begin("q1", first=True, after=60)

    @precondition(lambda self: len(self.model.questions) < 4)
    @rule(changeable=st.booleans())
    def add_single(self, changeable: bool) -> None:
        self.model.add(1, 1, changeable)
        self.check(AddQuestion("single", "Which?", tuple("abcd"), changeable=changeable), "ok")

    @precondition(lambda self: len(self.model.questions) < 4)
    @rule(changeable=st.booleans(), low=st.integers(0, 2), high=st.integers(2, OPTIONS))
    def add_multiple(self, changeable: bool, low: int, high: int) -> None:
        self.model.add(low, high, changeable)
        rules = msgspec.Raw(msgspec.json.encode({"min": low, "max": high}))
        self.check(AddQuestion("multiple", "Which?", tuple("abcd"), rules, changeable), "ok")

    @property
    def now(self) -> int:
        """The instant at which the next command is decided."""
        return AT + len(self.history.entries)

    def plan(self) -> None:
        """Note the planned end of every round: a timer that runs for it may ring at any time later."""
        for name, question in self.model.questions.items():
            for number, asked in enumerate(question["rounds"], 1):
                if asked["ends"] is not None and (name, number, asked["ends"]) not in self.planned:
                    self.planned.append((name, number, asked["ends"]))

    @rule(name=names, first=st.booleans(), after=seconds)
    def begin(self, name: str, first: bool, after: int | None = None) -> None:
        expected = self.model.begin(name, first=first, at=self.now, seconds=after)
        self.check(OpenVoting(name, after) if first else AskAgain(name, after), expected)
        self.plan()

    @rule(name=names, after=seconds)
    def set_timer(self, name: str, after: int | None) -> None:
        self.check(SetTimer(name, after), self.model.set_timer(name, after, at=self.now))
        self.plan()

    @precondition(lambda self: self.planned)
    @rule(data=st.data())
    def ring(self, data: st.DataObject) -> None:
        """I8: however late a timer is, it closes its own round or nothing."""
        name, number, ends = data.draw(st.sampled_from(self.planned))
        command = CloseVoting(name, round=number, closes_at=ends)
        self.check(command, self.model.close_on_time(name, number, ends))

    @rule(name=st.sampled_from(["Ann", "Bob"]))
    def add_cohost(self, name: str) -> None:
        self.check(AddCohost(name), self.model.add_cohost(name))

    @rule(number=st.integers(0, 5))
    def revoke_cohost(self, number: int) -> None:
        self.check(RevokeCohost(f"c{number}"), self.model.revoke_cohost(number))

    @rule(number=st.integers(0, 5), on=st.booleans())
    def switch_receipts_as_a_cohost(self, number: int, on: bool) -> None:
        expected = self.model.set("receipts", on) if self.model.is_cohost(number) else "no_such_cohost"
        self.check(AsCohost(f"c{number}", SwitchReceipts(on=on)), expected)

    @precondition(lambda self: len(self.model.questions) < 4)
    @rule(right=st.integers(0, OPTIONS - 1), changeable=st.booleans())
    def add_quiz(self, right: int, changeable: bool) -> None:
        self.model.add(1, 1, changeable, right)
        quiz = Quiz((right,))
        self.check(AddQuestion("single", "Which?", tuple("abcd"), changeable=changeable, quiz=quiz, salt=SALT), "ok")

    @rule(name=names, voter=st.sampled_from("abc"), choice=st.integers(0, OPTIONS - 1))
    def play(self, name: str, voter: str, choice: int) -> None:
        """A whole round, which random commands seldom come to."""
        self.begin(name, first=not self.model.questions.get(name, {}).get("rounds"))
        self.vote_where_voting_is_open(voter, [choice])
        self.close(name)
        self.solve(name)

    @rule(name=names)
    def solve(self, name: str) -> None:
        self.check(ShowSolution(name), self.model.solve(name))

    @rule(on=st.booleans())
    def show_leaderboard(self, on: bool) -> None:
        linked = self.model.settings["linked"]
        self.check(ShowLeaderboard(on), self.model.set("leaderboard", on) if linked else "not_linked")

    @rule(voter=st.sampled_from("abc"), id=st.sampled_from("12345678"), name=st.sampled_from(["Ann", "ANN", "Bob"]))
    def take_a_name(self, voter: str, id: str, name: str) -> None:
        self.check(named(voter, name, id=id), self.model.name(voter, id, name))

    @rule(name=names)
    def close(self, name: str) -> None:
        self.check(CloseVoting(name), self.model.switch(name, "open", False, "closed"))

    @rule(name=names)
    def reveal(self, name: str) -> None:
        self.check(RevealResults(name), self.model.switch(name, "revealed", True, "already_revealed"))

    @rule(name=names)
    def hide(self, name: str) -> None:
        self.check(HideResults(name), self.model.switch(name, "revealed", False, "already_hidden"))

    def vote(self, name: str, number: int, voter: str, id: str, choices: list[int]) -> None:
        """I6: a ballot that was recorded is answered as it was the first time, however late it is sent again."""
        self.sent.append((name, number, voter, id, choices))
        expected = self.model.vote(name, number, voter, id, choices)
        linked = self.history.room.linked
        decision = self.check(cast(voter, *choices, id=id, question=name, round=number, linked=linked), expected)
        if isinstance(decision, Repeat):
            ballot = decision.ballot
            assert (ballot.index, ballot.rev, ballot.at) == self.answered[name, number, voter, id]
        elif isinstance(decision, Draft):
            record = decision.record
            assert isinstance(record, BallotCast)
            self.answered[name, number, voter, id] = len(self.history.entries), record.rev, record.at

    @rule(voter=st.sampled_from("abc"), choices=answers)
    def vote_where_voting_is_open(self, voter: str, choices: list[int]) -> None:
        for name, question in self.model.questions.items():
            if question["rounds"] and question["rounds"][-1]["open"]:
                self.vote(name, len(question["rounds"]), voter, f"b{len(self.sent)}", choices)

    @rule(choice=st.integers(0, OPTIONS - 1))
    def everybody_votes_again_where_voting_is_open(self, choice: int) -> None:
        for name, question in self.model.questions.items():
            if question["rounds"] and question["rounds"][-1]["open"]:
                for voter in list(question["rounds"][-1]["ballots"]):
                    self.vote(name, len(question["rounds"]), voter, f"b{len(self.sent)}", [choice])

    @rule(name=names, number=st.integers(-1, 4), voter=st.sampled_from("abcde"), choices=answers)
    def vote_anywhere(self, name: str, number: int, voter: str, choices: list[int]) -> None:
        self.vote(name, number, voter, f"b{len(self.sent)}", choices)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        self.vote(*data.draw(st.sampled_from(self.sent)))

    @precondition(lambda self: self.replaced)
    @rule(data=st.data())
    def send_again_what_was_replaced(self, data: st.DataObject) -> None:
        name, number, voter, id, choices = data.draw(st.sampled_from(self.replaced))
        # What an erased ballot said, nobody knows any more: whatever is sent under its id is a retry.
        self.vote(name, number, voter, id, [0] if choices is None else choices)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), choices=answers)
    def send_other_content_under_a_used_id(self, data: st.DataObject, choices: list[int]) -> None:
        name, number, voter, id, _ = data.draw(st.sampled_from(self.sent))
        self.vote(name, number, voter, id, choices)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), voter=st.sampled_from("abcde"))
    def send_the_id_of_somebody_else(self, data: st.DataObject, voter: str) -> None:
        name, number, _, id, choices = data.draw(st.sampled_from(self.sent))
        self.vote(name, number, voter, id, choices)

    @rule(name=names, number=st.integers(0, 3), id=st.sampled_from(["b0", "b1", "b2", "new"]), raw=junk)
    def send_junk(self, name: str, number: int, id: str, raw: bytes) -> None:
        expected = self.model.vote(name, number, "a", id, None)
        linked = self.history.room.linked
        self.check(cast("a", id=id, question=name, round=number, raw=raw, linked=linked), expected)

    @rule(on=st.booleans())
    def switch_receipts(self, on: bool) -> None:
        self.check(SwitchReceipts(on=on), self.model.set("receipts", on))

    @rule(public=st.booleans())
    def publish_replay(self, public: bool) -> None:
        self.check(PublishReplay(public=public), self.model.set("replay", public))

    @rule(
        name=names, text=st.sampled_from(["Which?", "What?", "Who?"]), changeable=st.booleans(), meaning=st.booleans()
    )
    def edit(self, name: str, text: str, changeable: bool, meaning: bool) -> None:
        command = EditQuestion(name, text=text, changeable=changeable, meaning=meaning)
        self.check(command, self.model.edit(name, text, changeable, meaning=meaning))

    @rule(name=names, right=st.none() | st.integers(0, OPTIONS - 1), meaning=st.booleans())
    def edit_quiz(self, name: str, right: int | None, meaning: bool) -> None:
        quiz = None if right is None else Quiz((right,))
        command = EditQuestion(name, quiz=quiz, meaning=meaning, salt=SALT)
        self.check(command, self.model.edit_quiz(name, right, meaning=meaning))

    @rule(name=names)
    def remove(self, name: str) -> None:
        self.check(RemoveQuestion(name), self.model.remove(name))

    @rule(data=st.data())
    def order(self, data: st.DataObject) -> None:
        wanted = data.draw(st.permutations(list(self.model.questions)) | st.lists(names, max_size=3))
        self.check(OrderQuestions(tuple(wanted)), self.model.order(list(wanted)))

    @rule(data=st.data())
    def erase_an_answer(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.history.entries) + 1))
        found = [entry.record for entry in self.history.entries if entry.index == index]
        if found and isinstance(record := found[0], BallotCast):
            expected = self.model.erase(record.question, record.round, record.voter, record.id)
        elif found and isinstance(record := found[0], PlayerNamed):
            expected = self.model.erase_name(record.voter, record.id)
        else:
            expected = "no_such_ballot"
        self.check(EraseAnswer(index), expected)

    @rule()
    def start_again_from_the_log(self) -> None:
        """I4, I7, I19: the log as it was stored is sealed, and folds into the state that grew with it."""
        chain = GENESIS
        for entry in stored(self.history.entries):
            _, chain = check(entry, chain)
        folded = fold(stored(self.history.entries))
        assert dump(folded) == dump(self.history.state)
        self.history.state = folded

    @invariant()
    def rounds_agree(self) -> None:
        """I3, I5, I8: phases, visibility, revs, voters and counts are those of the model."""
        room = self.history.room
        assert {
            "receipts": room.receipts,
            "replay": room.replay_public,
            "linked": room.linked,
            "leaderboard": room.leaderboard,
        } == self.model.settings
        assert room.cohosts == {f"c{number}": name for number, name in enumerate(self.model.cohosts, 1)}
        assert list(room.questions) == list(self.model.questions)
        for name, expected in self.model.questions.items():
            question = self.history.question(name)
            wording = {"text": question.text, "version": question.version, "changeable": question.changeable}
            assert wording == {key: expected[key] for key in wording}
            assert len(question.rounds) == len(expected["rounds"])
            for asked, wanted in zip(question.rounds, expected["rounds"], strict=True):
                counting = [ballots[-1] for ballots in wanted["ballots"].values() if ballots[-1][1] is not None]
                counts = tuple(sum(choice in choices for _, choices in counting) for choice in range(OPTIONS))
                assert (asked.closed_at is None, asked.revealed) == (wanted["open"], wanted["revealed"])
                assert asked.closes_at == wanted["ends"]
                assert (asked.wording.text, asked.wording.version) == (wanted["text"], wanted["version"])
                assert asked.solved == wanted["solved"]
                assert (asked.tally.counts(), asked.voters) == (counts, len(counting))
                assert question.kind.conserved(counts, len(counting), question.rules)
                assert {voter: (found.id, found.rev) for voter, found in asked.ballots.items()} == {
                    voter: (ballots[-1][0], len(ballots) - 1) for voter, ballots in wanted["ballots"].items()
                }

    @invariant()
    def points_agree(self) -> None:
        """Points are those of the newest solved rounds, added up by voter, and names are those that were taken."""
        standings = Standings()
        finish(standings.update(self.history.room))
        found = {voter: points for points, voters in standings.ranked() for voter in voters}
        assert found == self.model.points()
        assert {
            voter: [(name.id, name.text) for name in names] for voter, names in self.history.room.names.items()
        } == {voter: names for voter, names in self.model.names.items() if names}

    @invariant()
    def the_log_holds_what_was_recorded(self) -> None:
        """I2, I3: one record a ballot, indexes without a gap."""
        entries = self.history.entries
        assert [entry.index for entry in entries] == list(range(1, len(entries) + 1))
        recorded = [entry.record.id for entry in entries if isinstance(entry.record, BallotCast)]
        rounds = [asked for question in self.model.questions.values() for asked in question["rounds"]]
        expected = [id for asked in rounds for ballots in asked["ballots"].values() for id, _ in ballots]
        assert sorted(recorded) == sorted(expected)


def test_any_order_of_votes_and_commands(tmp_path: Path) -> None:
    record = Record("T10", "state machine on decide and apply against a model", directory=tmp_path, seed=SEED)
    run_state_machine_as_test(
        seed(SEED)(Voting),
        settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS, database=None),
    )
    record.write(examples=EXAMPLES, steps_at_most=EXAMPLES * STEPS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_mutant_is_found(mutant: Callable[[Patch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    mutant(monkeypatch)
    found = settings(
        max_examples=MUTANT_EXAMPLES,
        stateful_step_count=STEPS,
        database=None,
        phases=(Phase.generate,),
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        print_blob=False,
    )
    with pytest.raises((AssertionError, BrokenLogError)):
        run_state_machine_as_test(seed(SEED)(Voting), settings=found)
