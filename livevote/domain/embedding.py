"""Embedding: which sites may show the room's wall in a frame of theirs."""

import re

from livevote.domain.commands import SetEmbedding
from livevote.domain.parts import Decide, Fold, require
from livevote.domain.records import EmbeddingSet, Entry, Record
from livevote.domain.refusals import Code, Refusal
from livevote.domain.state import Room

MAX_ANCESTORS = 10
_MAX_CHARS = 200
ANYBODY = "*"
LOCAL_FILES = "file:"
"""Slides that are opened from a disk."""

# No more than this goes into a page's security policy, where a blank or a semicolon would begin something else.
_ORIGIN = re.compile(r"https?://(?:\*\.)?(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")


def _is_ancestor(text: str) -> bool:
    return text in (ANYBODY, LOCAL_FILES) or (len(text) <= _MAX_CHARS and _ORIGIN.fullmatch(text) is not None)


def _set(room: Room, command: SetEmbedding, at: int) -> Record | Refusal:
    ancestors = tuple(dict.fromkeys(each.strip().lower().removesuffix("/") for each in command.ancestors))
    if len(ancestors) > MAX_ANCESTORS:
        return Refusal(Code.BAD_ORIGIN, f"a room names at most {MAX_ANCESTORS} sites")
    for number, each in enumerate(ancestors, 1):
        if not _is_ancestor(each):
            example = "https://slides.example.org"
            return Refusal(
                Code.BAD_ORIGIN,
                f"site {number} is no address such as {example}, and not '{ANYBODY}' or '{LOCAL_FILES}'",
            )
    return Refusal(Code.ALREADY_SO) if ancestors == room.embedding else EmbeddingSet(at=at, ancestors=ancestors)


def _require_ancestors(room: Room, record: EmbeddingSet) -> None:  # noqa: ARG001
    # A room from elsewhere must not write into the policy of this server's pages.
    require(len(record.ancestors) <= MAX_ANCESTORS and all(map(_is_ancestor, record.ancestors)))


def _embed(room: Room, entry: Entry, record: EmbeddingSet) -> None:  # noqa: ARG001
    room.embedding = record.ancestors


DECIDE: dict[type, Decide] = {SetEmbedding: _set}
FOLD: dict[type, Fold] = {EmbeddingSet: Fold(_embed, _require_ancestors)}
