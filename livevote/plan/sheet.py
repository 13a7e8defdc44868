"""Questions as a sheet that people make in a spreadsheet: CSV with the columns kind, question and one for each option.

Further columns are further fields, written as in a room file.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence

from livevote.export.cells import is_formula
from livevote.plan import nodes
from livevote.plan.fields import FIELDS, Draft
from livevote.plan.plan import Plan, Planned, Problem, Reading

_DELIMITERS = ",;\t"
_OPTION = re.compile(r"options?[ _]?\d*")


def read(text: str) -> Reading:
    """The questions of a sheet. Its errors name lines; it never raises."""
    errors: list[Problem] = []
    questions = tuple(_questions(_rows(text, errors), errors))
    return Reading(Plan(title="", questions=questions), tuple(sorted(errors)))


def _rows(text: str, errors: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    """The rows that have anything in them, each with the line on which it begins."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=_delimiter(text), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            errors.append(Problem(line, f"this is no CSV: {error}"))
            return
        if any(cell.strip() for cell in row):
            yield line, [_plain(cell) for cell in row]


def _delimiter(text: str) -> str:
    """What stands between the cells: a spreadsheet writes ; where a comma is part of numbers."""
    head = next((line for line in text.removeprefix("\ufeff").splitlines() if line.strip()), "")
    return max(_DELIMITERS, key=head.count)


def _plain(cell: str) -> str:
    """A text without the apostrophe that keeps a spreadsheet from running it."""
    text = cell.strip()
    return text[1:] if is_guarded(text) else text


def is_guarded(text: str) -> bool:
    """Whether the apostrophe before ``text`` is there for a spreadsheet."""
    return text.startswith("'") and is_formula(text.lstrip("'"))


def _questions(rows: Iterator[tuple[int, list[str]]], errors: list[Problem]) -> Iterator[Planned]:
    first = next(rows, None)
    if first is None:
        if not errors:
            errors.append(Problem(1, "the sheet is empty"))
        return
    line, head = first
    columns = [_column(cell) for cell in head]
    if "question" not in columns:
        errors.append(Problem(line, "the first row names the columns: kind, question, option 1, option 2 ..."))
        return
    for place, (name, cell) in enumerate(zip(columns, head, strict=True)):
        if name and name not in FIELDS:
            errors.append(Problem(line, f"the column '{cell}' is not known: there are {', '.join(FIELDS)}"))
        elif name not in ("", "options") and columns.index(name) < place:
            errors.append(Problem(line, f"the column '{cell}' is here twice"))
    if errors:
        return
    for line, row in rows:
        if (planned := _question(line, columns, row, errors)) is not None:
            yield planned


def _column(cell: str) -> str:
    name = " ".join(cell.split()).lower()
    return "options" if _OPTION.fullmatch(name) else name.replace(" ", "_")


def _question(line: int, columns: Sequence[str], row: Sequence[str], errors: list[Problem]) -> Planned | None:
    if len(row) > len(columns) and any(row[len(columns) :]):
        errors.append(Problem(line, f"the row has more cells than the {len(columns)} columns that the first row names"))
        return None
    draft = Draft(line)
    options = [cell for name, cell in zip(columns, row, strict=False) if name == "options"]
    while options and not options[-1]:
        del options[-1]
    draft.set_options(options, [line] * len(options))
    is_whole = True
    for name, cell in zip(columns, row, strict=False):
        if not cell or name in ("", "options"):
            continue
        if name == "question":
            draft.set_text(cell)
        elif (problem := _take(draft, name, line, cell)) is not None:
            errors.append(problem)
            is_whole = False
    return draft.finish() if is_whole else None


def _take(draft: Draft, name: str, line: int, cell: str) -> Problem | None:
    try:
        node = nodes.tree(cell)
    except nodes.FileError as error:
        return Problem(line, f"column '{name}': {error.problem.text}")
    if node is None:
        return None
    problem = draft.take(name, line, node)
    return None if problem is None else Problem(line, problem.text)
