"""Multiple choice: every voter chooses between ``min`` and ``max`` options."""

import msgspec

from livevote.domain.kinds import choice
from livevote.domain.kinds.base import Answer, Rules
from livevote.domain.records import encode
from livevote.domain.refusals import Code, Refusal


class _Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    min: int = 1
    max: int | None = None


_wanted = msgspec.json.Decoder(_Wanted)


class Multiple:
    """``min`` (default 1, 0 allows an empty answer) to ``max`` (default: all) of the options."""

    name = "multiple"
    parse = staticmethod(choice.parse)

    def define(self, options: tuple[str, ...], rules: bytes) -> bytes | Refusal:
        if refusal := choice.check_options(options):
            return refusal
        try:
            wanted = _wanted.decode(rules or b"{}")
        except (msgspec.DecodeError, UnicodeError) as error:
            return Refusal(Code.BAD_QUESTION, f"rules are an object with min and max as whole numbers ({error})")
        most = len(options) if wanted.max is None else wanted.max
        if not (0 <= wanted.min <= most <= len(options) and most >= 1):
            return Refusal(
                Code.BAD_QUESTION,
                f"rules need 0 <= min <= max <= {len(options)} and max >= 1, not min {wanted.min} and max {most}",
            )
        return encode(choice.ChoiceRules(max=most, min=wanted.min))

    def rules(self, stored: bytes) -> choice.ChoiceRules:
        return choice.read_rules(stored)

    def empty(self, options: int) -> choice.ChoiceTally:
        return choice.ChoiceTally([0] * options)

    def tally(self, counts: tuple[int, ...]) -> choice.ChoiceTally:
        return choice.ChoiceTally(counts)

    def conserved(self, counts: tuple[int, ...], voters: int, rules: Rules) -> bool:
        """The counts add up to between ``min`` and ``max`` for each voter, and no option has more than all voters."""
        assert isinstance(rules, choice.ChoiceRules)
        return voters * rules.min <= sum(counts) <= voters * rules.max and max(counts) <= voters

    def words(self, answer: Answer, options: tuple[str, ...]) -> str:
        return choice.words(answer, options)


KIND = Multiple()
