"""The sums in docs/capacity.md are those that the command prints; LIVEVOTE_DOCS=1 writes them anew."""

import os
import re

import pytest

from bench.capacity import main
from tests.process import CHECKOUT

PAGE = CHECKOUT / "docs" / "capacity.md"
SESSION = re.compile(r"```console\n\$ \.venv/bin/python -m bench\.capacity (.*)\n([^`]*)```")


def test_the_page_shows_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    def printed(found: re.Match[str]) -> str:
        assert main(found[1].split()) == 0
        return f"```console\n$ .venv/bin/python -m bench.capacity {found[1]}\n{capsys.readouterr().out}```"

    page = PAGE.read_text()
    assert len(SESSION.findall(page)) == page.count("```console\n") >= 5
    renewed = SESSION.sub(printed, page)
    if os.environ.get("LIVEVOTE_DOCS"):
        PAGE.write_text(renewed)
    else:
        assert page == renewed
