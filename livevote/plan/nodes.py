"""YAML as a tree in which every value knows its line. The only module that knows PyYAML's way of reading.

Nothing is made of a value before somebody says what it has to be: ``options: [Yes, No]`` are two texts and no truths.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.reader import ReaderError

from livevote.plan.plan import Problem

_TAG = "tag:yaml.org,2002:"
_KNOWN = {f"{_TAG}{kind}" for kind in ("null", "bool", "int", "float", "str", "timestamp", "value", "seq", "map")}
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}")
_TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}

_MAX_DEPTH = 20
"""Lists and objects in each other; a room needs five. PyYAML takes seconds for some thousand brackets in one line."""

Node = yaml.Node


class FileError(Exception):
    """A text cannot be read any further."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Loader(yaml.SafeLoader):
    """Stops at what is nested too deeply as soon as it comes by, and not after all of it was read."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:  # noqa: N803 - PyYAML's name
        if self.flow_level >= _MAX_DEPTH:
            self._refuse()
        super().fetch_flow_collection_start(TokenClass)

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        self._depth += 1
        if self._depth > _MAX_DEPTH + 1:  # of which the innermost is a text
            self._refuse()
        node: Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _refuse(self) -> None:
        raise FileError(Problem(self.get_mark().line + 1, "it is nested too deeply"))


def line(node: Node) -> int:
    """Where a value begins."""
    return int(node.start_mark.line) + 1


def tree(text: str) -> Node | None:
    """The one document of ``text``; None where it is empty. Raises ``FileError``."""
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise FileError(Problem(1 if mark is None else mark.line + 1, f"this is no YAML: {what}")) from None
    except ReaderError as error:
        place = text.count("\n", 0, error.position) + 1
        raise FileError(Problem(place, "a character here must not be in a text")) from None
    if root is not None:
        _refuse_aliases(root)
    return root


def _refuse_aliases(root: Node) -> None:
    """Ten lines of them can stand for a billion values, and nobody needs them to write down a room."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            raise FileError(Problem(line(node), "what is marked with & is used again with *: write it out"))
        seen.add(id(node))
        if node.tag not in _KNOWN:
            raise FileError(Problem(line(node), f"the tag {node.tag} is not known here"))
        if isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def text_of(node: Node) -> str | None:
    """A text as it was typed, also where YAML would take it for a number or a truth; None for a list or an object."""
    if not isinstance(node, yaml.ScalarNode):
        return None
    return str(node.value)


def items(node: Node) -> list[Node] | None:
    """The values of a list; None for anything else."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else None


def pairs(node: Node) -> Iterator[tuple[str, int, Node]] | None:
    """Name, line and value of each pair of an object; None for anything else."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return ((text_of(key) or "", line(key), value) for key, value in node.value)


def value_of(node: Node) -> Any:
    """What a value is to a program: an object, a list, a text, a number, a truth or nothing.

    Numbers are decimal: 010 and 1:30 stay texts.
    """
    if isinstance(node, yaml.MappingNode):
        return {text_of(key) or "": value_of(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [value_of(value) for value in node.value]
    text, tag = str(node.value), str(node.tag).removeprefix(_TAG)
    if tag == "null":
        return None
    if tag == "bool":
        return _TRUTHS.get(text.lower(), text)
    if tag == "int" and _WHOLE.fullmatch(text):
        return int(text)
    if tag == "float" and _DECIMAL.fullmatch(text):
        return float(text)
    return text
