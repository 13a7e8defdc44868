"""The sums in docs/capacity.md are those that the command prints; LIVEVOTE_DOCS=1 writes them anew."""

import os
import re
from pathlib import Path

import pytest

from bench.capacity import main

PAGE = Path(__file__).parent.parent.parent / "docs" / "capacity.md"
SESSION = re.compile(r"```console\n\$ \.venv/bin/python -m bench\.capacity (.*)\n([^`]*)```")


def test_the_page_shows_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    def printed(found: re.Match[str]) -> str:
        assert main(found[1].split()) == 0
        return f"```console\n$ .venv/bin/python -m bench.capacity {found[1]}\n{capsys.readouterr().out}```"

    page = PAGE.read_text()
    assert len(SESSION.findall(page)) >= 4
    renewed = SESSION.sub(printed, page)
    if os.environ.get("LIVEVOTE_DOCS"):
        PAGE.write_text(renewed)
    assert page == renewed
