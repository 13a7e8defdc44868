"""What the kinds have in common whose answer is one number."""

from functools import lru_cache

import msgspec

from livevote.domain.kinds.base import Answer
from livevote.domain.refusals import Code, Refusal


class Value(Answer, frozen=True, gc=False):
    """A number: a grade, or an estimate in the smallest unit that its question knows."""

    value: int


_value = msgspec.json.Decoder(Value)


# As in ``choice``: few different answers, each from many voters.
@lru_cache(maxsize=4096)
def parse(answer: bytes, low: int, high: int) -> Value | Refusal:
    """The number of a voter's JSON, from ``low`` to ``high``; or why it cannot be counted."""
    try:
        value = _value.decode(answer)
    except (msgspec.DecodeError, RecursionError):
        return Refusal(Code.BAD_ANSWER)
    if not low <= value.value <= high:
        return Refusal(Code.OUT_OF_RANGE, f"values go from {low} to {high}")
    return value
