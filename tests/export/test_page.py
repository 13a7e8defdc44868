"""The page of results: its policy, its escaping, and that it says what the results are."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

from livevote.domain.commands import (
    AcceptRecovery,
    AddQuestion,
    AskAgain,
    CloseVoting,
    CreateRoom,
    OpenVoting,
    SetTimer,
)
from livevote.export import instant
from tests.export.cases import HOSTILE, Evening, evening, exported, hostile
from tests.history import CODE, History, cast

_VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Tags, attributes and texts of a page, which must be well nested."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


async def test_the_policy_allows_the_one_style_and_nothing_else() -> None:
    page = (await exported("results.html", evening())).decode()
    (style,) = re.findall("<style>(.*?)</style>", page, flags=re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f'content="{policy}"'.replace("'", "&#x27;") in page
    assert "url(" not in style
    assert "@import" not in style


async def test_no_text_becomes_markup() -> None:
    plain = Reader((await exported("results.html", evening())).decode())
    attacked = Reader((await exported("results.html", hostile())).decode())
    assert attacked.tags <= plain.tags
    assert attacked.attributes <= plain.attributes
    assert not attacked.attributes & {"style", "src", "srcset", "onerror", "onload"}
    assert set(attacked.texts) >= set(HOSTILE)


async def test_a_round_says_how_many_and_when() -> None:
    held = evening()
    page = (await exported("results.html", held)).decode()
    text = "".join(Reader(page).texts)
    for phrase in (
        "as of 22 Sep 2026, 15:13:23 UTC (record 32)",
        "2 questions, 2 rounds, 6 ballots in the log",
        "3 people voted",
        "1 person voted",
        "Opened 21 Sep 2026, 14:13:21 \u00b7 closed 14:13:27 \u00b7 revealed 14:13:25, hidden again since (UTC)",
        "Opened 22 Sep 2026, 15:13:20 \u00b7 still open \u00b7 never revealed (UTC)",
        "1 answer was erased on demand and is in no count.",
        "Never asked. It has these options:",
        "livevote verify BUNDLE",
        held.entries[-1].chain.hex(),
        held.room.origin,
    ):
        assert phrase in text, phrase


async def test_the_board_has_what_everybody_could_read_and_nothing_else() -> None:
    page = (await exported("results.html", evening())).decode()
    board = page.partition('<h2 id="the-board">')[2].partition("</section>")[0]
    texts = [text for text in Reader(board.removeprefix("Board</h2>")).texts if text.strip()]
    assert texts == [
        *("Open", "Post", "Votes", "=1+1, really?", "1"),
        *("Answered", "Post", "Votes", 'Who <pays> for "it"?', "1"),
    ]
    assert not [text for text in ("Silly", "I am Cem", "Too late") if text in page]
    assert "the-board" not in (await exported("results.html", History().did(CreateRoom(CODE, "?")))).decode()


async def test_shares_are_rounded_as_on_the_other_pages_and_nobody_is_no_share() -> None:
    held = History().did(CreateRoom(CODE, "?"), AddQuestion("single", "?", ("A", "B")), OpenVoting("q1"))
    assert (await exported("results.html", held)).count("<td>\u2013</td>".encode()) == 2
    for number in range(8):
        held.did(cast(f"v{number}", int(number == 0)))
    held.did(CloseVoting("q1"))
    page = (await exported("results.html", held)).decode()
    assert re.findall(r"<td>(\d+)</td><td>(\d+%)</td>", page) == [("7", "88%"), ("1", "13%")]
    assert re.findall(r'class="fill" width="([\d.]+%)"', page) == ["87.5%", "12.5%"]
    assert "<nav" not in page, "one question needs no list"


async def test_a_planned_end_is_told_beside_the_end() -> None:
    held = Evening()
    held.after(0, CreateRoom(CODE, "?"), AddQuestion("single", "?", ("A", "B")), OpenVoting("q1", seconds=60))
    held.after(10_000, SetTimer("q1", 20))
    held.after(25_000, CloseVoting("q1"))
    text = "".join(Reader((await exported("results.html", held)).decode()).texts)
    assert "Opened 21 Sep 2026, 14:13:20 \u00b7 planned until 14:13:50 \u00b7 closed 14:13:45 \u00b7 never" in text
    (asked,) = json.loads(await exported("results.json", held))["questions"][0]["rounds"]
    assert (asked["closed_at"], asked["closes_at"]) == ("2026-09-21T14:13:45.000Z", "2026-09-21T14:13:50.000Z")
    held.after(100_000, AskAgain("q1"))
    assert json.loads(await exported("results.json", held))["questions"][0]["rounds"][1]["closes_at"] is None


async def test_a_room_without_questions_says_so() -> None:
    page = (await exported("results.html", History().did(CreateRoom(CODE, "Empty")))).decode()
    assert "No question was added to this room." in page


async def test_more_options_than_letters_go_on_with_two() -> None:
    options = tuple(f"Option {number}" for number in range(50))
    held = History().did(CreateRoom(CODE, "?"), AddQuestion("multiple", "?", options))
    page = (await exported("results.html", held)).decode()
    badges = re.findall(r'data-shape="(\d)" data-color="(\d)" aria-hidden="true">([A-Z]+)<', page)
    assert [letter for _, _, letter in badges][-25:] == ["Z", *(f"A{chr(65 + place)}" for place in range(24))]
    assert len({(shape, color) for shape, color, _ in badges}) == 50


async def test_an_accepted_recovery_is_told_on_the_page_and_in_the_json() -> None:
    held = evening()
    assert "Recovered" not in (await exported("results.html", held)).decode()
    assert json.loads(await exported("results.json", held))["recoveries"] == []
    held.did(AcceptRecovery(held.room.origin, 9, 12, "00" * 32))
    at = held.entries[-1].record.at
    text = "".join(Reader((await exported("results.html", held)).decode()).texts)
    assert "An operator went on with a log that contradicted its checkpoints, at 22 Sep 2026, 15:13:2" in text
    assert "the log had 12 records by its checkpoints, of which those after 9 may be lost or changed." in text
    told = json.loads(await exported("results.json", held))["recoveries"]
    assert told == [{"at": instant(at), "by_checkpoints": 12, "kept": 9}]
