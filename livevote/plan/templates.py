"""The rooms that come with livevote, as room files that anybody can read and change."""

from functools import cache
from pathlib import Path

import msgspec

from livevote.plan import room_file

_DIRECTORY = Path(__file__).parent.parent / "templates"


class Template(msgspec.Struct, frozen=True):
    """A room to begin with. ``about`` is what its file says of itself, ``text`` the file."""

    name: str
    title: str
    about: str
    questions: int
    text: str


@cache
def templates() -> tuple[Template, ...]:
    """All of them, by name."""
    return tuple(_template(path) for path in sorted(_DIRECTORY.glob("*.yaml")))


def _template(path: Path) -> Template:
    text = path.read_text(encoding="utf-8")
    plan = room_file.read(text).plan
    about = " ".join(line[1:].strip() for line in text.splitlines() if line.startswith("#"))
    return Template(path.stem, plan.title, about, len(plan.questions), text)
