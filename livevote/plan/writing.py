"""A room written down again: as a room file, and its questions as a sheet. Defaults are left out."""

import csv
import io
from typing import Any

import msgspec
import yaml

from livevote.domain.commands import AddQuestion, SwitchBoard
from livevote.domain.kinds import KINDS
from livevote.domain.questions import as_added
from livevote.domain.state import Room
from livevote.export.cells import BOM, is_formula
from livevote.plan.fields import FIELDS
from livevote.plan.plan import Plan, Planned
from livevote.plan.sheet import is_guarded

_PLAIN = ("kind", "text", "options")


def plan_of(room: Room, *, title: str = "") -> Plan:
    """What a copy of the room is made from; its ballots and rounds are no part of it."""
    return Plan(
        title=title or room.title,
        language=room.language,
        receipts=room.receipts,
        replay_public=room.replay_public,
        linked=room.linked,
        board=SwitchBoard(on=True, approval=room.board.approval, per_voter=room.board.per_voter)
        if room.board.on
        else None,
        reactions=room.reactions,
        embedding=room.embedding,
        questions=tuple(Planned(as_added(question), 1, 1) for question in list(room.questions.values())),
    )


def room_yaml(room: Room) -> bytes:
    """The room as a file that makes it again."""
    plan = plan_of(room)
    content: dict[str, Any] = {"title": plan.title}
    if plan.language:
        content["language"] = plan.language
    if not plan.receipts:
        content["receipts"] = False
    if plan.replay_public:
        content["replay_public"] = True
    if plan.linked:
        content["linked"] = True
    if plan.board is not None:
        content["board"] = _board(plan.board)
    if plan.reactions:
        content["reactions"] = True
    if plan.embedding:
        content["embedding"] = list(plan.embedding)
    content["questions"] = [_question(planned.command) for planned in plan.questions]
    written: bytes = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=10_000, encoding="utf-8")
    return written


def _board(board: SwitchBoard) -> dict[str, Any] | bool:
    usual = SwitchBoard(on=True)
    fields = ("approval", "per_voter")
    return {name: getattr(board, name) for name in fields if getattr(board, name) != getattr(usual, name)} or True


def _question(command: AddQuestion) -> dict[str, Any]:
    content: dict[str, Any] = {"kind": command.kind, "question": command.text}
    if command.options:
        content["options"] = list(command.options)
    return content | _further(command)


def _further(command: AddQuestion) -> dict[str, Any]:
    """The fields that differ from what they are by default, as values that every form of file can hold."""
    further: dict[str, Any] = {}
    kind, rules = KINDS[command.kind], bytes(command.rules)
    if kind.define(command.options, rules) != kind.define(command.options, b"{}"):
        further["rules"] = msgspec.json.decode(rules)
    for name, field in FIELDS.items():
        value = getattr(command, field.name)
        if field.name not in (*_PLAIN, "rules") and value != field.default:
            further[name] = msgspec.to_builtins(value)
    return further


def sheet_csv(room: Room) -> bytes:
    """The room's questions as RFC 4180 CSV in UTF-8 with a byte order mark."""
    commands = [as_added(question) for question in list(room.questions.values())]
    furthers = [_further(command) for command in commands]
    names = list(dict.fromkeys(name for further in furthers for name in further))
    width = max((len(command.options) for command in commands), default=0)
    rows = [["kind", "question", *(f"option {number}" for number in range(1, width + 1)), *names]]
    for command, further in zip(commands, furthers, strict=True):
        options = [*command.options, *[""] * (width - len(command.options))]
        cells = [_cell(further[name]) if name in further else "" for name in names]
        rows.append([_guarded(text) for text in (command.kind, command.text, *options)] + cells)
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return BOM + buffer.getvalue().encode()


def _guarded(text: str) -> str:
    return f"'{text}" if is_formula(text) or is_guarded(text) else text


def _cell(value: object) -> str:
    """A value as YAML reads it back from one line; JSON is that."""
    return msgspec.json.encode(value).decode()
