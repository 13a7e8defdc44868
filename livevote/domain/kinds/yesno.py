"""A motion: yes, no or abstain, with the majority that it needs and, where it is asked for, a quorum."""

from typing import Annotated, Literal

import msgspec

from livevote.domain.kinds import choice
from livevote.domain.kinds.base import Answer, Figures, PlainKind, Rules, Told, read_alone
from livevote.domain.records import encode
from livevote.domain.refusals import Refusal

BINS = ("yes", "no", "abstain")

_ONE_OF_THREE = choice.ChoiceRules(max=1, min=1)


class YesNoRules(Rules, frozen=True, forbid_unknown_fields=True):
    """``quorum_percent`` of the ``eligible`` must have voted, if only to abstain; 0 eligible: nobody knows how many.

    ``majority``: "simple" is more yes than no, "absolute" yes from more than half of all who voted, "two_thirds" yes
    from at least two thirds of those who did not abstain. Without a single yes no motion is passed.
    """

    eligible: Annotated[int, msgspec.Meta(ge=0, le=10**9)] = 0
    majority: Literal["simple", "absolute", "two_thirds"] = "simple"
    quorum_percent: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None


_rules = msgspec.json.Decoder(YesNoRules)


class YesNoTally(choice.ChoiceTally):
    """Yes, no and abstentions, and what they come to."""

    __slots__ = ("_rules",)

    def __init__(self, counts: tuple[int, ...], rules: YesNoRules) -> None:
        super().__init__(counts)
        self._rules = rules

    def figures(self) -> Figures:
        """``needed`` is how many yes it takes, given how the others voted; ``quorum`` is None where there is none to
        reach, or nobody knows of how many."""
        needed, quorum = self._needed(), self._quorum()
        return {"quorum": quorum, "passed": self._counts[0] >= needed and quorum is not False, "needed": needed}

    def _needed(self) -> int:
        yes, no, abstain = self._counts
        match self._rules.majority:
            case "simple":
                return no + 1
            case "absolute":
                return (yes + no + abstain) // 2 + 1
            case _:
                return max(1, (2 * (yes + no) + 2) // 3)

    def _quorum(self) -> bool | None:
        rules = self._rules
        if rules.quorum_percent is None or rules.eligible == 0:
            return None
        return 100 * sum(self._counts) >= rules.quorum_percent * rules.eligible


class YesNo(PlainKind):
    """Yes, no or abstain: exactly one of them."""

    name = "yesno"

    def define(self, options: tuple[str, ...], rules: bytes) -> bytes | Refusal:
        wanted = read_alone(self.name, options, _rules, rules)
        return wanted if isinstance(wanted, Refusal) else encode(wanted)

    def rules(self, stored: bytes) -> YesNoRules:
        return _rules.decode(stored)

    def parse(self, answer: bytes, options: int, rules: Rules) -> choice.Choices | Refusal:  # noqa: ARG002
        return choice.parse(answer, len(BINS), _ONE_OF_THREE)

    def empty(self, options: int, rules: Rules) -> YesNoTally:  # noqa: ARG002
        return self.tally((0, 0, 0), rules)

    def tally(self, counts: tuple[int, ...], rules: Rules) -> YesNoTally:
        assert isinstance(rules, YesNoRules)
        return YesNoTally(counts, rules)

    def bins(self, options: tuple[str, ...], rules: Rules) -> tuple[str, ...]:  # noqa: ARG002
        return BINS

    def words(self, answer: Answer, options: tuple[str, ...], rules: Rules) -> str:  # noqa: ARG002
        assert isinstance(answer, choice.Choices)
        return BINS[answer.choices[0]]

    def told(self, figures: Figures, options: tuple[str, ...], rules: Rules) -> tuple[Told, ...]:  # noqa: ARG002
        assert isinstance(rules, YesNoRules)
        quorum = {True: "reached", False: "not reached", None: "none"}[figures["quorum"]]
        if rules.quorum_percent is not None and rules.eligible == 0:
            quorum = "nobody knows, for want of the number of the eligible"
        return (
            ("passed", "yes" if figures["passed"] else "no"),
            ("yes votes needed", figures["needed"]),
            ("quorum", quorum),
        )


KIND = YesNo()
