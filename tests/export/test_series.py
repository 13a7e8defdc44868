"""The series: as small as promised, and its last row of every round is the result."""

import csv
import io
import json

from livevote.domain.commands import AddQuestion, CloseVoting, CreateRoom, OpenVoting
from tests.export.cases import Evening, evening, exported
from tests.history import CODE, History, cast


async def series(history: History) -> list[dict[str, str]]:
    text = (await exported("series.csv", history)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def opened() -> Evening:
    held = Evening()
    held.after(0, CreateRoom(CODE, "Welcome"), AddQuestion("single", "?", ("A", "B")), OpenVoting("q1"))
    return held


async def test_a_second_has_one_row_however_many_votes() -> None:
    held = opened()
    for number in range(300):
        held.after(1000 + number, cast(f"v{number}", number % 2))
    held.after(2000, cast("last", 0))
    rows = await series(held)
    assert [(row["event"], row["voters"], row["option_1"], row["option_2"]) for row in rows] == [
        ("opened", "0", "0", "0"),
        ("", "300", "150", "150"),
        ("", "301", "151", "150"),
    ]
    assert rows[1]["as_of"] == str(held.room.head - 1)


async def test_a_second_that_changed_nothing_in_the_end_has_no_row() -> None:
    held = opened()
    held.after(1000, cast("ada", 0, id="a1"))
    held.after(2000, cast("ada", 1, id="a2"))
    held.after(2500, cast("ada", 0, id="a3"))
    held.after(3500, CloseVoting("q1"))
    rows = await series(held)
    assert [(row["event"], row["voters"], row["option_1"]) for row in rows] == [
        ("opened", "0", "0"),
        ("", "1", "1"),
        ("closed", "1", "1"),
    ]


async def test_a_clock_that_jumps_back_loses_no_row() -> None:
    held = opened()
    held.after(60_000, cast("ada", 0))
    held.after(1000, cast("bob", 1))
    held.after(60_000, cast("cem", 1))
    rows = await series(held)
    assert [row["voters"] for row in rows] == ["0", "1", "2", "3"]
    assert [int(row["as_of"]) for row in rows] == sorted(int(row["as_of"]) for row in rows)


async def test_the_last_row_of_a_round_is_its_result() -> None:
    held = evening()
    last = {(row["question"], int(row["round"])): row for row in await series(held)}
    results = json.loads(await exported("results.json", held))
    for question in results["questions"]:
        for asked in question["rounds"]:
            row = last.pop((question["id"], asked["round"]))
            assert int(row["voters"]) == asked["voters"]
            counts = [option["count"] for option in asked["options"]]
            assert [int(row[f"option_{number}"]) for number in range(1, len(counts) + 1)] == counts
    assert not last


async def test_a_room_without_questions_has_the_names_alone() -> None:
    held = History().did(CreateRoom(CODE, "Empty"))
    assert await exported("series.csv", held) == b"\xef\xbb\xbftime,as_of,question,round,event,voters\r\n"
