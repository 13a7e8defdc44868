"""Rooms as files: texts that people write are read into commands, and rooms are written as such texts. Pure."""

from livevote.plan.plan import Plan, Planned, Problem, Reading
from livevote.plan.reading import decoded, is_sheet, read_questions, read_room
from livevote.plan.templates import Template, templates
from livevote.plan.trial import Trial, try_out
from livevote.plan.writing import plan_of, room_yaml, sheet_csv

__all__ = [
    "Plan",
    "Planned",
    "Problem",
    "Reading",
    "Template",
    "Trial",
    "decoded",
    "is_sheet",
    "plan_of",
    "read_questions",
    "read_room",
    "room_yaml",
    "sheet_csv",
    "templates",
    "try_out",
]
