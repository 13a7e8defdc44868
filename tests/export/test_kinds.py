"""Every kind of question in every format: nothing is missing, and no text that the host has hidden is in a result."""

import csv
import io
import json
from functools import cache

import msgspec

from livevote.domain.commands import AddQuestion, AskAgain, CloseVoting, EditQuestion, JudgeTerms, OpenVoting
from livevote.domain.kinds import KINDS
from livevote.domain.kinds.written import key
from tests.export.cases import exported
from tests.export.test_workbook import Book
from tests.history import History, cast, created

PICTURES = ["0a" * 32, "1b" * 32]

ASKED: list[tuple[str, tuple[str, ...], dict[str, object], list[str]]] = [
    ("single", ("Tea", "Coffee"), {}, ['{"choices":[0]}', '{"choices":[0]}']),
    ("multiple", ("Tea", "Coffee"), {}, ['{"choices":[0,1]}']),
    ("approval", ("Tea", "Coffee"), {}, ['{"choices":[0,1]}', '{"choices":[1]}', '{"choices":[]}']),
    (
        "yesno",
        (),
        {"majority": "absolute", "eligible": 4, "quorum_percent": 50},
        ['{"choices":[0]}', '{"choices":[2]}'],
    ),
    ("rating", (), {"style": "nps"}, ['{"value":10}', '{"value":3}', '{"value":9}']),
    (
        "estimate",
        (),
        {"min": 0, "max": 1000, "decimals": 1, "unit": "kg", "truth": 55},
        ['{"value":15}', '{"value":20}'],
    ),
    ("ranking", ("Tea", "Coffee", "Water"), {}, ['{"order":[2,1,0]}', '{"order":[2,0,1]}']),
    ("text", (), {}, ['{"text":"=1+1"}', '{"text":"Rubbish"}', '{"text":"<b>More"}']),
    ("cloud", (), {"language": "en"}, ['{"terms":["Tea","the"]}', '{"terms":["tea","TEA!"]}']),
    ("image", ("Cat", "Dog"), {"pictures": PICTURES}, ['{"choices":[1]}']),
]


@cache
def evening() -> History:
    """A room with a question of every kind; the first is asked twice and each in the end closed."""
    history = created()
    for number, (kind, options, rules, answers) in enumerate(ASKED, 1):
        name = f"q{number}"
        history.did(
            AddQuestion(kind, f"About {kind}?", options, msgspec.Raw(msgspec.json.encode(rules))), OpenVoting(name)
        )
        history.did(*(cast(f"v{each}", question=name, raw=sent.encode()) for each, sent in enumerate(answers)))
        history.did(CloseVoting(name))
    history.did(JudgeTerms("q8", 1, (key("=1+1"), key("<b>more")), True))
    history.did(JudgeTerms("q8", 1, (key("rubbish"),), False), AskAgain("q5"), CloseVoting("q5"))
    return history.did(AddQuestion("text", "Never asked?"))


async def rows(name: str) -> list[dict[str, str]]:
    text = (await exported(name, evening())).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def of(found: list[dict[str, str]], kind: str, *columns: str) -> list[tuple[str, ...]]:
    return [tuple(row[column] for column in columns) for row in found if row["question_text"] == f"About {kind}?"]


def test_there_is_a_question_of_every_kind() -> None:
    assert sorted(kind for kind, *_ in ASKED) == sorted(KINDS)


async def test_the_results_have_a_row_for_each_count_text_and_figure() -> None:
    found = await rows("results.csv")
    columns = ("option", "option_text", "count", "share", "figure", "value")
    assert of(found, "approval", *columns) == [
        ("1", "Tea", "1", "0.3333", "", ""),
        ("2", "Coffee", "2", "0.6667", "", ""),
        ("", "", "", "", "most approved", "Coffee"),
    ]
    assert of(found, "yesno", *columns) == [
        ("1", "yes", "1", "0.5000", "", ""),
        ("2", "no", "0", "0.0000", "", ""),
        ("3", "abstain", "1", "0.5000", "", ""),
        ("", "", "", "", "passed", "no"),
        ("", "", "", "", "yes votes needed", "2"),
        ("", "", "", "", "quorum", "reached"),
    ]
    rated = of(found, "rating", "round", *columns)
    assert len(rated) == 2 * (11 + 2)
    assert rated[10:13] == [
        ("1", "11", "10", "1", "0.3333", "", ""),
        ("1", "", "", "", "", "mean", "7.33"),
        ("1", "", "", "", "", "Net Promoter Score", "33.3"),
    ]
    assert rated[-1] == ("2", "", "", "", "", "Net Promoter Score", "")
    estimated = of(found, "estimate", *columns)
    assert estimated[0] == ("1", "0.0\u20134.9", "2", "1.0000", "", "")
    assert [row[-2:] for row in estimated[20:]] == [
        ("median (kg)", "1.750"),
        ("mean (kg)", "1.750"),
        ("lowest (kg)", "1.5"),
        ("highest (kg)", "2.0"),
    ]
    ranked = of(found, "ranking", *columns)
    assert ranked[2:5] == [
        ("3", "Water", "4", "", "", ""),
        ("", "", "", "", "most points", "Water"),
        ("", "", "", "", "winner of the run-off", "Water"),
    ]
    assert of(found, "text", *columns) == [
        ("1", "<b>More", "1", "0.3333", "", ""),
        ("2", "'=1+1", "1", "0.3333", "", ""),
        ("", "", "", "", "texts not shown", "1"),
    ]
    assert of(found, "cloud", *columns) == [
        ("1", "Tea", "2", "1.0000", "", ""),
        ("2", "TEA!", "1", "0.5000", "", ""),
        ("", "", "", "", "texts not shown", "0"),
    ]
    assert [row["option_text"] for row in found if row["question_text"] == "Never asked?"] == [""]


async def test_the_json_has_counts_texts_and_figures() -> None:
    found = json.loads(await exported("results.json", evening()))["questions"]
    for question in found[:-1]:
        history = evening().question(question["id"])
        for asked, shown in zip(history.rounds, question["rounds"], strict=True):
            assert shown["figures"] == asked.tally.figures()
            assert [option["count"] for option in shown["options"]] == list(asked.tally.counts())
    text = found[7]["rounds"][0]
    assert text["terms"] == [
        {"text": "<b>More", "count": 1, "share": 0.3333},
        {"text": "=1+1", "count": 1, "share": 0.3333},
    ]
    assert text["withheld"] == 1
    assert [option["share"] for option in found[6]["rounds"][0]["options"]] == [None] * 3
    assert found[5]["rules"]["truth"] == 55, "these files are the host's"


async def test_every_ballot_is_there_in_words() -> None:
    found = await rows("ballots.csv")
    assert len(found) == sum(len(answers) for *_, answers in ASKED)
    words = {kind: [row["answer_text"] for row in found if row["question_text"] == f"About {kind}?"] for kind in KINDS}
    assert words == {
        "single": ["Tea", "Tea"],
        "multiple": ["Tea; Coffee"],
        "approval": ["Tea; Coffee", "Coffee", ""],
        "yesno": ["yes", "abstain"],
        "rating": ["10", "3", "9"],
        "estimate": ["1.5 kg", "2.0 kg"],
        "ranking": ["Water > Coffee > Tea", "Water > Tea > Coffee"],
        "text": ["'=1+1", "Rubbish", "<b>More"],
        "cloud": ["Tea; the", "tea; TEA!"],
        "image": ["Dog"],
    }


async def test_the_series_has_a_column_for_each_count() -> None:
    found = await rows("series.csv")
    assert list(found[0])[-1] == "option_20"
    closed = {row["question"]: row for row in found if row["event"] == "closed" and row["round"] == "1"}
    for name, row in closed.items():
        counts = evening().question(name).rounds[0].tally.counts()
        assert [row[f"option_{place}"] for place in range(1, 21)] == [
            *map(str, counts),
            *[""] * (20 - len(counts)),
        ]
    assert closed["q8"]["voters"] == "3"


async def test_the_page_shows_texts_and_figures_and_nothing_that_is_hidden() -> None:
    page = (await exported("results.html", evening())).decode()
    for shown in (
        *("Approval voting", "Word cloud", "Estimate", "Choice of a picture", "Multiple choice, 1 to 2"),
        *("Ranking", "Rating", "Single choice", "Texts", "Motion"),
        *('<dt>most approved</dt><dd dir="auto">Coffee</dd>', '<dt>Net Promoter Score</dt><dd dir="auto">33.3</dd>'),
        *("&lt;b&gt;More", "<bdi>=1+1</bdi>", "1 text is not shown", '<th scope="col">Points</th>', "0.0\u20134.9"),
        *('<dt>Net Promoter Score</dt><dd dir="auto">\u2013</dd>', "Never asked.</p>"),
    ):
        assert shown in page
    assert "Rubbish" not in page
    assert "55" not in page.partition("About estimate?")[2].partition("</section>")[0], "nobody was shown the solution"


async def test_the_workbook_has_the_rows_of_the_other_files() -> None:
    book = Book(await exported("workbook.xlsx", evening()))
    for sheet, name in (("Results", "results.csv"), ("Ballots", "ballots.csv"), ("Series", "series.csv")):
        assert len(book.sheets[sheet]) == 1 + len(await rows(name))
    figures = {row[-2]: row[-1] for row in book.sheets["Results"] if len(row) == 16}
    assert figures["median (kg)"] == 1.75
    assert figures["most points"] == "Water"


async def test_a_round_is_told_by_the_rules_that_it_was_asked_with() -> None:
    asked = AddQuestion("estimate", "How much?", (), msgspec.Raw(b'{"max":3,"min":0,"unit":"kg"}'))
    history = created().did(asked, OpenVoting("q1"), cast("ann", raw=b'{"value":2}'), CloseVoting("q1"))
    other = msgspec.Raw(b'{"decimals":1,"max":30,"min":20,"unit":"t"}')
    history.did(EditQuestion("q1", text="How heavy?", rules=other, meaning=True))
    history.did(AskAgain("q1"), cast("ann", round=2, raw=b'{"value":25}'), CloseVoting("q1"))
    text = (await exported("results.csv", history)).decode("utf-8-sig")
    found = [
        (row["round"], row["question_text"], row["option_text"] or row["figure"], row["count"] or row["value"])
        for row in csv.DictReader(io.StringIO(text, newline=""))
        if row["count"] == "1" or row["figure"].startswith("median")
    ]
    assert found == [
        *(("1", "How much?", "2", "1"), ("1", "How much?", "median (kg)", "2.00")),
        *(("2", "How heavy?", "2.5", "1"), ("2", "How heavy?", "median (t)", "2.500")),
    ]
    (question,) = json.loads(await exported("results.json", history))["questions"]
    first, later = question["rounds"]
    assert (first["text"], first["rules"]["unit"], first["options"][2]["text"]) == ("How much?", "kg", "2")
    assert ("text" in later, "rules" in later, later["options"][5]["text"]) == (False, False, "2.5")
    ballots = (await exported("ballots.csv", history)).decode("utf-8-sig")
    told = [(row["question_text"], row["answer_text"]) for row in csv.DictReader(io.StringIO(ballots, newline=""))]
    assert told == [("How much?", "2 kg"), ("How heavy?", "2.5 t")]
    series = (await exported("series.csv", history)).decode("utf-8-sig")
    assert "option_11" in series.splitlines()[0]
    page = (await exported("results.html", history)).decode()
    assert "Asked in other words: <bdi>How much?</bdi>" in page
