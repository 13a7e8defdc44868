"""The points and places of a quiz in every file that shows them."""

import csv
import io
import json
from typing import Any

import pytest

from livevote.domain.commands import (
    AskAgain,
    CloseVoting,
    EraseAnswer,
    OpenVoting,
    ShowLeaderboard,
    ShowSolution,
)
from livevote.export import leaderboard
from tests.export.cases import HOSTILE, exported
from tests.export.test_page import Reader
from tests.export.test_workbook import Book
from tests.history import History, cast, created, linked, named, quizzed


def vote(voter: str, choice: int, question: str = "q1", round: int = 1) -> Any:
    return cast(voter, choice, question=question, round=round, linked=True)


def quiz() -> History:
    """Two questions, the first one asked twice, with a third whose solution nobody has seen."""
    history = linked().did(
        quizzed(1, points=10, explanation="<b>Why</b>"), quizzed(0, points=5, fading=True), quizzed(2)
    )
    history.did(OpenVoting("q1"), vote("ann", 1), vote("bob", 1), CloseVoting("q1"), ShowSolution("q1"))
    history.did(AskAgain("q1"), vote("ann", 1, round=2), vote("cem", 0, round=2), CloseVoting("q1"), ShowSolution("q1"))
    history.did(OpenVoting("q2"), vote("bob", 0, "q2"), vote("cem", 0, "q2"), vote("dee", 0, "q2"))
    history.did(EraseAnswer(len(history.entries)), CloseVoting("q2"), ShowSolution("q2"))
    history.did(OpenVoting("q3"), vote("ann", 2, "q3"), CloseVoting("q3"))
    return history.did(named("ann", "Ann"), named("cem", "<Cem>"))


async def table(name: str, history: History) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((await exported(name, history)).decode("utf-8-sig"), newline="")))


async def test_everybody_has_a_row_with_points_in_each_question() -> None:
    rows = await table("leaderboard.csv", quiz())
    assert [list(row.values()) for row in rows] == [
        ["1", "Ann", "10", "1", "ann", "10", ""],
        ["2", "", "5", "1", "bob", "", "5"],
        ["2", "<Cem>", "5", "2", "cem", "0", "5"],
    ]
    assert list(rows[0]) == [*list(leaderboard.COLUMNS)[:-1], "points_q1", "points_q2"]


async def test_a_room_that_links_nothing_has_the_names_of_the_columns_alone() -> None:
    history = created().did(quizzed(1), OpenVoting("q1"), cast("ann", 1), CloseVoting("q1"), ShowSolution("q1"))
    assert await table("leaderboard.csv", history) == []
    assert b"Leaderboard" not in await exported("results.html", history)
    assert "Leaderboard" not in Book(await exported("workbook.xlsx", history)).sheets


@pytest.mark.parametrize("name", [text for text in HOSTILE if len(text) <= 20])
async def test_no_name_becomes_a_formula_or_markup(name: str) -> None:
    history = linked().did(quizzed(1), OpenVoting("q1"), vote("ann", 1), CloseVoting("q1"), ShowSolution("q1"))
    shown = history.did(named("ann", name), ShowLeaderboard(True)).room.names["ann"][0].text
    assert shown is not None
    ((_, cell, *_),) = [list(row.values()) for row in await table("leaderboard.csv", history)]
    assert cell.removeprefix("'") == shown.removeprefix("'")
    assert cell[0] not in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
    page = Reader((await exported("results.html", history)).decode())
    assert shown in page.texts
    assert "script" not in page.tags
    assert Book(await exported("workbook.xlsx", history)).sheets["Leaderboard"][1][1] == shown


async def test_more_rows_than_a_slice_are_all_there() -> None:
    history = linked().did(quizzed(1), OpenVoting("q1"), *(vote(f"v{number:03}", 1) for number in range(250)))
    rows = await table("leaderboard.csv", history.did(CloseVoting("q1"), ShowSolution("q1")))
    assert [row["voter"] for row in rows] == [f"v{number:03}" for number in range(250)]


async def test_the_sheet_has_the_rows_of_the_csv_file() -> None:
    rows = Book(await exported("workbook.xlsx", quiz())).sheets["Leaderboard"]
    assert rows == [
        ["rank", "name", "points", "answered", "voter", "points_q1", "points_q2"],
        [1.0, "Ann", 10.0, 1.0, "ann", 10.0],
        [2.0, None, 5.0, 1.0, "bob", None, 5.0],
        [2.0, "<Cem>", 5.0, 2.0, "cem", 0.0, 5.0],
    ]


async def test_results_say_what_was_right_once_it_was_shown() -> None:
    rows = await table("results.csv", quiz())
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row in rows:
        found.setdefault((row["question"], row["round"]), []).append((row["right"], row["points"]))
    assert found == {
        ("q1", "1"): [("no", "10"), ("yes", "10"), ("no", "10")],
        ("q1", "2"): [("no", "10"), ("yes", "10"), ("no", "10")],
        ("q2", "1"): [("yes", "5"), ("no", "5"), ("no", "5")],
        ("q3", "1"): [("", "")] * 3,
    }
    rounds = {each["id"]: each["rounds"] for each in json.loads(await exported("results.json", quiz()))["questions"]}
    assert rounds["q1"][0]["solution"] == {
        "right": [1], "truth": None, "points": 10, "fading": False, "explanation": "<b>Why</b>"
    }  # fmt: skip
    assert "solution" not in rounds["q3"][0]


async def test_the_page_shows_solutions_and_the_leaderboard_when_they_are_shown() -> None:
    history = quiz()
    page = (await exported("results.html", history)).decode()
    assert page.count("\u2713 right") == 3
    assert "A right answer earned 10 points.<br><bdi>&lt;b&gt;Why&lt;/b&gt;</bdi>" in page
    assert "A right answer earned up to 5 points." in page
    assert "Leaderboard" not in page
    page = (await exported("results.html", history.did(ShowLeaderboard(True)))).decode()
    assert "Leaderboard" in page
    texts = Reader(page).texts
    assert [text for text in texts if text in ("Ann", "(no name)", "<Cem>")] == ["Ann", "(no name)", "<Cem>"]
    assert "3 players" in texts
    assert "Leaderboard" not in (await exported("results.html", history.did(ShowLeaderboard(False)))).decode()


async def test_one_point_is_a_point() -> None:
    history = linked().did(quizzed(1, points=1), OpenVoting("q1"), CloseVoting("q1"), ShowSolution("q1"))
    assert b"A right answer earned 1 point.</p>" in await exported("results.html", history)


async def test_an_estimate_has_its_truth_and_distance_once_they_were_shown() -> None:
    history = linked().did(
        quizzed(kind="estimate", rules=b'{"min":0,"max":100,"truth":40}', points=10), OpenVoting("q1")
    )
    history.did(cast("ann", raw=b'{"value":50}', linked=True), CloseVoting("q1"))
    assert "truth" not in {row["figure"] for row in await table("results.csv", history)}
    (question,) = json.loads(await exported("results.json", history))["questions"]
    assert (question["rules"]["truth"], "solution" in question["rounds"][0]) == (None, False)
    history.did(ShowSolution("q1"))
    rows = await table("results.csv", history)
    assert {(row["right"], row["points"]) for row in rows if not row["figure"]} == {("", "10")}
    told = {row["figure"]: row["value"] for row in rows if row["figure"]}
    assert (told["truth"], told["distance of the median"]) == ("40", "10.00")
    (question,) = json.loads(await exported("results.json", history))["questions"]
    (asked,) = question["rounds"]
    assert (asked["figures"]["truth"], asked["solution"]["truth"], question["rules"]["truth"]) == (40, 40, None)
    assert "rules" not in asked, "they are those of the question"
    assert [row["points"] for row in await table("leaderboard.csv", history)] == ["9"]
    page = (await exported("results.html", history)).decode()
    assert "A right answer earned up to 10 points." in page
    assert "\u2713 right" not in page
