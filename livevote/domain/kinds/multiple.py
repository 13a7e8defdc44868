"""Multiple choice: every voter chooses between ``min`` and ``max`` options."""

import msgspec

from livevote.domain.kinds import choice
from livevote.domain.kinds.base import Rules, read_wanted
from livevote.domain.records import encode
from livevote.domain.refusals import Code, Refusal


class _Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    min: int = 1
    max: int | None = None


_wanted = msgspec.json.Decoder(_Wanted)


class Multiple(choice.ChoiceKind):
    """``min`` (default 1, 0 allows an empty answer) to ``max`` (default: all) of the options."""

    name = "multiple"

    def define(self, options: tuple[str, ...], rules: bytes) -> bytes | Refusal:
        if refusal := choice.check_options(options):
            return refusal
        wanted = read_wanted(_wanted, rules)
        if isinstance(wanted, Refusal):
            return wanted
        most = len(options) if wanted.max is None else wanted.max
        if not (0 <= wanted.min <= most <= len(options) and most >= 1):
            return Refusal(
                Code.BAD_QUESTION,
                f"rules need 0 <= min <= max <= {len(options)} and max >= 1, not min {wanted.min} and max {most}",
            )
        return encode(choice.ChoiceRules(max=most, min=wanted.min))

    def conserved(self, counts: tuple[int, ...], voters: int, rules: Rules) -> bool:
        """The counts add up to between ``min`` and ``max`` for each voter, and no option has more than all voters."""
        assert isinstance(rules, choice.ChoiceRules)
        return voters * rules.min <= sum(counts) <= voters * rules.max and max(counts) <= voters


KIND = Multiple()
