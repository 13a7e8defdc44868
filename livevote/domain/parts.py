"""The seam between the vote and its parts: how a module of ``domain`` says what it decides and how it folds.

Each part has a table ``DECIDE`` of its commands and a table ``FOLD`` of its records; ``room`` joins them.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from livevote.domain.records import Draft, Entry, Record
from livevote.domain.refusals import Refusal
from livevote.domain.state import Ballot, Room


class Repeat(msgspec.Struct, frozen=True):
    """The ballot is in the log already: answer the retry as it was answered the first time."""

    ballot: Ballot


class Known(msgspec.Struct, frozen=True):
    """A post or an upvote is in the log already, at ``index``: answer the retry as it was answered the first time."""

    index: int
    at: int


Decision = Draft | Repeat | Known | Refusal

Decide = Callable[[Room, Any, int], Decision | Record]
"""What the log should say about a command, given the state and the wall clock in ms; a record without an opening may
stand for its draft. Changes nothing and raises for no input."""


class Fold(msgspec.Struct, frozen=True):
    """How a record becomes state: ``require`` raises one of ``MISFITS`` where it cannot come next and changes nothing;
    ``fold`` is called after it."""

    fold: Callable[[Room, Entry, Any], None]
    require: Callable[[Room, Any], None] = lambda room, record: None  # noqa: ARG005 - most records fit anywhere


class OutOfOrderError(Exception):
    """A record cannot follow the ones before it."""


def require(condition: bool) -> None:
    """Raise ``OutOfOrderError`` unless ``condition`` holds."""
    if not condition:
        raise OutOfOrderError


MISFITS = (KeyError, IndexError, msgspec.DecodeError, RecursionError, OutOfOrderError)
"""What a record that does not fit leads to, while it is looked up or read."""
