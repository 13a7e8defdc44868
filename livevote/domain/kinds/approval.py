"""Approval voting: every voter approves of any number of options, also of none, and whom most approve of wins."""

from livevote.domain.kinds import choice
from livevote.domain.kinds.base import Figures, Rules, Told
from livevote.domain.records import encode
from livevote.domain.refusals import Code, Refusal


class ApprovalTally(choice.ChoiceTally):
    """One count for each option, and who has the most of them."""

    __slots__ = ()

    def figures(self) -> Figures:
        return {"winners": choice.leaders(self._counts)}


class Approval(choice.ChoiceKind):
    """Any number of the options. There are no rules to set."""

    name = "approval"

    def define(self, options: tuple[str, ...], rules: bytes) -> bytes | Refusal:
        stored = encode(choice.ChoiceRules(max=len(options), min=0))
        if rules.strip() not in (b"", b"{}", stored):
            return Refusal(Code.BAD_QUESTION, "approval has no rules to set; for limits use 'multiple'")
        return choice.check_options(options) or stored

    def empty(self, options: int, rules: Rules) -> ApprovalTally:  # noqa: ARG002
        return ApprovalTally([0] * options)

    def tally(self, counts: tuple[int, ...], rules: Rules) -> ApprovalTally:  # noqa: ARG002
        return ApprovalTally(counts)

    def conserved(self, counts: tuple[int, ...], voters: int, rules: Rules) -> bool:  # noqa: ARG002
        """No option is approved of by more than all voters."""
        return max(counts) <= voters

    def told(self, figures: Figures, options: tuple[str, ...], rules: Rules) -> tuple[Told, ...]:  # noqa: ARG002
        return (("most approved", "; ".join(options[place] for place in figures["winners"])),)


KIND = Approval()
