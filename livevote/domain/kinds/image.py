"""A choice of pictures: every voter chooses exactly one of the options, each of which has a picture."""

from typing import Annotated

import msgspec

from livevote.domain.kinds import choice
from livevote.domain.kinds.base import read_wanted
from livevote.domain.records import encode
from livevote.domain.refusals import Code, Refusal

MAX_PICTURES = 12

Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class _Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pictures: tuple[Digest, ...]
    max: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1
    min: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1


class ImageRules(choice.ChoiceRules, frozen=True):
    """``pictures`` are the SHA-256 of the options' picture files in hex, which is their name as well."""

    pictures: tuple[str, ...]


_wanted = msgspec.json.Decoder(_Wanted)
_rules = msgspec.json.Decoder(ImageRules)


class Image(choice.ChoiceKind):
    """Exactly one of the options. Their texts say what the pictures show, to those who cannot see them too."""

    name = "image"

    def define(self, options: tuple[str, ...], rules: bytes) -> bytes | Refusal:
        wanted = read_wanted(_wanted, rules)
        if refusal := choice.check_options(options, most=MAX_PICTURES):
            return refusal
        if isinstance(wanted, Refusal):
            return wanted
        if len(wanted.pictures) != len(options):
            return Refusal(
                Code.BAD_QUESTION, f"every option needs a picture: {len(options)} have {len(wanted.pictures)}"
            )
        return encode(ImageRules(max=1, min=1, pictures=wanted.pictures))

    def rules(self, stored: bytes) -> ImageRules:
        return _rules.decode(stored)


KIND = Image()
