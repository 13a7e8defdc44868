"""A question out of what a file says of it: by the fields that the command has, whichever those are.

Apart from the forms of files, which share it. A field that ``AddQuestion`` learns later can be in every file at once.
"""

from typing import Any

import msgspec

from livevote.domain.commands import AddQuestion
from livevote.plan import nodes
from livevote.plan.plan import Planned, Problem

NAMES = {"text": "question"}
"""What a field is called in a file, where that differs."""

FIELDS = {
    NAMES.get(field.name, field.name): field for field in msgspec.structs.fields(AddQuestion) if field.name != "salt"
}
"""The fields of the command by their name in a file. Its salt is made when it is used."""

DEFAULT_KIND = "single"


class Draft:
    """A question while it is read. ``take`` what the file says, then ``finish``."""

    def __init__(self, line: int) -> None:
        self._line = line
        self._rules_line = line
        self._option_lines: list[int] = []
        self._values: dict[str, Any] = {"kind": DEFAULT_KIND, "text": "", "options": ()}
        self._is_whole = True

    def take(self, name: str, line: int, node: nodes.Node) -> Problem | None:
        """Take a field; what is wrong with it."""
        problem = self._take(name, line, node)
        self._is_whole &= problem is None
        return problem

    def _take(self, name: str, line: int, node: nodes.Node) -> Problem | None:
        field = FIELDS.get(name)
        if field is None:
            return Problem(line, f"'{name}' is not known here: a question has {', '.join(FIELDS)}")
        if field.name == "options":
            return self._take_options(line, node)
        if field.name == "rules":
            self._rules_line = line
            rules = nodes.value_of(node)
            self._values["rules"] = msgspec.Raw(b"{}" if rules is None else msgspec.json.encode(rules))
            return None
        try:
            given = nodes.text_of(node) if field.type is str else nodes.value_of(node)
            self._values[field.name] = msgspec.convert(given, field.type)
        except msgspec.ValidationError as error:
            return Problem(nodes.line(node), f"'{name}' cannot be this: {error}".replace("`", ""))
        return None

    def _take_options(self, line: int, node: nodes.Node) -> Problem | None:
        found = nodes.items(node)
        if found is None:
            return Problem(line, "'options' is a list, such as [Tea, Coffee]")
        texts = [nodes.text_of(option) for option in found]
        for option, text in zip(found, texts, strict=True):
            if text is None:
                return Problem(nodes.line(option), "an option is a text; write it in quotation marks where it has a :")
        self.set_options([text or "" for text in texts], [nodes.line(option) for option in found])
        return None

    def set_text(self, text: str) -> None:
        """What the question asks."""
        self._values["text"] = text

    def set_options(self, options: list[str], lines: list[int]) -> None:
        """The options, and where each stands."""
        self._values["options"], self._option_lines = tuple(options), lines

    def finish(self) -> Planned | None:
        """The question; None where a part of it was wrong, which was said already."""
        if not self._is_whole:
            return None
        return Planned(AddQuestion(**self._values), self._line, self._rules_line, tuple(self._option_lines))
