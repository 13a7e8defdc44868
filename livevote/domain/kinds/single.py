"""Single choice: every voter chooses exactly one option, so the counts add up to the voters."""

from livevote.domain.kinds import choice
from livevote.domain.records import encode
from livevote.domain.refusals import Code, Refusal


class Single(choice.ChoiceKind):
    """Exactly one of the options. There are no rules to set."""

    name = "single"

    def define(self, options: tuple[str, ...], rules: bytes) -> bytes | Refusal:
        if rules.strip() not in (b"", b"{}", b'{"max":1,"min":1}'):
            return Refusal(Code.BAD_QUESTION, "a single choice has no rules to set; for several choices use 'multiple'")
        return choice.check_options(options) or encode(choice.ChoiceRules(max=1, min=1))


KIND = Single()
