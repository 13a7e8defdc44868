"""What the tests of several kinds ask alike."""

from livevote.domain.kinds.base import Kind
from livevote.domain.refusals import Code, Refusal


def why(kind: Kind, options: tuple[str, ...], rules: bytes) -> str:
    """Why a question of this kind cannot be asked."""
    refusal = kind.define(options, rules)
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.BAD_QUESTION
    return refusal.detail
