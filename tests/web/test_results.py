"""What ``results.js`` makes of a result, kind by kind, against examples that were worked out by hand; in node."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from livevote.web import catalogs

CATALOGS = catalogs.load()
WORDS = {
    code: {key: text for key, text in catalog.items() if key.startswith("results.")}
    for code, catalog in CATALOGS.items()
}
"""What comes with the script."""
SCRIPT = Path(__file__).parent.parent.parent / "livevote" / "web" / "pages" / "results.js"
PROGRAM = """
const fs = require("fs"), vm = require("vm");
const lang = process.argv[2];
const context = vm.createContext({ Intl, document: { documentElement: { lang } } });
vm.runInContext(fs.readFileSync(process.argv[1], "utf8"), context);
context.livevote.results.words = JSON.parse(process.argv[3]);
const [name, ...given] = JSON.parse(fs.readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(context.livevote.results[name](...given)));
"""
OPTIONS = ["Oslo", "Bergen", "Tromsø"]

Model = dict[str, Any]


def call(name: str, *given: Any, language: str = "en") -> Any:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node: it runs the script without a browser")
    done = subprocess.run(
        [node, "-e", PROGRAM, str(SCRIPT), language, json.dumps(WORDS[language])],
        input=json.dumps([name, *given]),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def model(
    kind: str,
    counts: list[int] | None,
    voters: int = 0,
    *,
    figures: dict[str, Any] | None = None,
    options: list[str] = OPTIONS,
    own: dict[str, Any] | None = None,
    language: str = "en",
    rules: dict[str, Any] | None = None,
    **question: Any,
) -> Model:
    asked = {"id": "q1", "kind": kind, "text": "?", "options": options, "rules": rules or {}, "round": 1}
    tally = None if counts is None else {"counts": counts, "voters": voters, "figures": figures or {}}
    found: Model = call(
        "model",
        {"question": {"phase": "closed", "revealed": True, **asked, **question}, "tally": tally, "own": own},
        language=language,
    )
    return found


def rows(found: Model) -> list[list[str]]:
    return [row["cells"] for row in found["table"]["rows"]]


def head(found: Model) -> list[tuple[str, str]]:
    return [(chip.get("label", ""), chip.get("value", "")) for chip in found["head"]]


def test_choices_have_counts_and_the_share_of_all_who_voted() -> None:
    found = model("single", [7, 4, 1], 12, own={"choices": [1]})
    assert rows(found) == [["Oslo", "7", "58%"], ["Bergen", "4", "33%"], ["Tromsø", "1", "8%"]]
    assert found["table"]["head"] == ["Option", "Votes", "Share"]
    assert (found["form"], found["most"]) == ("bars", 12)
    assert [bar["value"] for bar in found["bars"]] == [7, 4, 1]
    assert [bar["mine"] for bar in found["bars"]] == ["", "✓ your vote", ""]
    assert [bar["sign"] for bar in found["bars"]] == ["A", "B", "C"]
    several = model("multiple", [12, 6, 0], 12, own={"choices": [0, 2]})
    assert rows(several) == [["Oslo", "12", "100%"], ["Bergen", "6", "50%"], ["Tromsø", "0", "0%"]]
    assert [bool(bar["mine"]) for bar in several["bars"]] == [True, False, True]


@pytest.mark.parametrize(
    ("language", "count", "share"),
    [
        ("en", "1,234", "67%"),
        ("de", "1.234", "67\u00a0%"),
        ("fr", "1\u202f234", "67\u00a0%"),
        ("ja", "1,234", "67%"),
    ],
)
def test_numbers_and_shares_are_written_as_the_language_does(language: str, count: str, share: str) -> None:
    found = model("single", [1234, 617, 0], 1851, language=language)
    assert rows(found)[0][1:] == [count, share]
    assert found["table"]["head"][0] == CATALOGS[language]["results.option"]


def test_texts_without_the_pages_help_are_in_its_language() -> None:
    figures = {"passed": True, "quorum": None, "needed": 3}
    found = model("yesno", [5, 3, 0], 8, figures=figures, options=[], language="ar")
    words = CATALOGS["ar"]
    assert [bar["label"] for bar in found["bars"]] == [words[f"results.{name}"] for name in ("yes", "no", "abstain")]
    assert head(found)[1][0] == words["results.needed.few"].replace("{n}", "3")
    tied = {"winners": [0, 1], "runoff": [], "runoff_winner": None}
    assert head(model("ranking", [3, 3, 0], 2, figures=tied, language="ja"))[0][1] == "Oslo\u3001Bergen"


def test_a_result_of_nobody_divides_by_nothing() -> None:
    assert rows(model("single", [0, 0, 0], 0)) == [[option, "0", "0%"] for option in OPTIONS]
    assert model("rating", [0] * 5, 0, figures={"mean": [0, 0]}, rules={"top": 5, "style": "stars"})["head"] == []
    assert model("approval", [0, 0, 0], 0, figures={"winners": [0, 1, 2]})["bars"][0].get("ahead") is None
    nobody: Model = {"winners": [], "runoff": [], "runoff_winner": None}
    assert model("ranking", [0, 0, 0], 0, figures=nobody)["head"] == []


def test_before_there_is_a_result_there_are_options_without_numbers() -> None:
    found = model("single", None)
    assert [(bar["label"], bar["count"], bar["share"]) for bar in found["bars"]] == [(each, "", "") for each in OPTIONS]
    assert found["table"] is None
    assert [column["count"] for column in model("rating", None, rules={"top": 3, "style": "stars"})["columns"]] == [
        ""
    ] * 3


def test_no_two_of_fifty_options_share_letter_shape_and_colour() -> None:
    bars = model("single", None, options=[f"Option {number}" for number in range(50)])["bars"]
    assert len({(bar["shape"], bar["color"]) for bar in bars}) == 50
    assert [bars[place]["sign"] for place in (0, 25, 26, 49)] == ["A", "Z", "AA", "AX"]


def test_approval_says_who_is_ahead() -> None:
    found = model("approval", [5, 5, 2], 9, figures={"winners": [0, 1]})
    assert [bar.get("ahead") for bar in found["bars"]] == ["Ahead", "Ahead", None]
    assert rows(found)[0] == ["Oslo", "5", "56%"]


@pytest.mark.parametrize(
    ("figures", "phase", "expected"),
    [
        ({"passed": True, "quorum": True, "needed": 21}, "closed", ["Passed", "Quorum reached", "21 yes were needed"]),
        ({"passed": False, "quorum": None, "needed": 1}, "closed", ["Not passed", "1 yes was needed"]),
        ({"passed": False, "quorum": False, "needed": 21}, "closed", ["Not passed", "No quorum", "21 yes were needed"]),
        ({"passed": True, "quorum": True, "needed": 21}, "open", []),
    ],
)
def test_a_motion_has_passed_when_its_vote_is_over(figures: Model, phase: str, expected: list[str]) -> None:
    found = model("yesno", [24, 15, 2], 41, figures=figures, options=[], own={"choices": [2]}, phase=phase)
    assert rows(found) == [["Yes", "24", "59%"], ["No", "15", "37%"], ["Abstain", "2", "5%"]]
    assert [label or value for label, value in head(found)] == expected
    assert [bool(bar["mine"]) for bar in found["bars"]] == [False, False, True]


def test_stars_have_a_mean() -> None:
    # 1 + 2*2 + 3*0 + 4*5 + 5*2 = 35 in 10 ratings.
    found = model(
        "rating", [1, 2, 0, 5, 2], 10, figures={"mean": [35, 10]}, rules={"top": 5, "style": "stars"}, own={"value": 4}
    )
    assert head(found) == [("Average", "3.5 of 5")]
    assert rows(found)[3] == ["4\u2009★", "5", "50%"]
    assert [bool(column["mine"]) for column in found["columns"]] == [False, False, False, True, False]


def test_promoters_less_detractors() -> None:
    # Six promoters, three passives and one detractor of ten: 60 % - 10 % = 50.
    counts = [0, 0, 1, 0, 0, 0, 0, 2, 1, 4, 2]
    figures = {"mean": [80, 10], "nps": [500, 10]}
    found = model("rating", counts, 10, figures=figures, rules={"style": "nps", "top": 10})
    assert head(found) == [("Net promoter score", "+50"), ("Average", "8.0")]
    assert [column["color"] for column in found["columns"]] == ["4"] * 7 + ["6"] * 2 + ["2"] * 2
    assert rows(found)[9] == ["9", "4", "40%"]
    worse = model("rating", counts, 10, figures={"nps": [-335, 10]}, rules={"style": "nps", "top": 10})
    assert head(worse)[0] == ("Net promoter score", "\u221233")


def test_an_estimate_has_a_scale_and_where_the_median_stands() -> None:
    rules = {"min": 0, "max": 99, "decimals": 1, "unit": "kg"}
    assert call("binsOf", rules) == [{"low": low, "high": low + 4} for low in range(0, 100, 5)]
    counts = [0] * 20
    counts[9] = counts[10] = 2
    figures = {"median": [99, 2], "mean": [200, 4], "low": 45, "high": 54, "truth": 60, "distance": [21, 2]}
    found = model("estimate", counts, 4, figures=figures, rules=rules, own={"value": 47})
    assert head(found) == [
        ("Median", "4.95\u00a0kg"),
        ("Average", "5.0\u00a0kg"),
        ("All between", "4.5 to 5.4\u00a0kg"),
        ("True value", "6.0\u00a0kg"),
        ("Off by", "1.05\u00a0kg"),
    ]
    assert rows(found)[9] == ["4.5 to 4.9\u00a0kg", "2", "50%"]
    assert [place for place, column in enumerate(found["columns"]) if column["mine"]] == [9]
    # The middle of a hundred steps is between the 50th and the 51st.
    assert [(mark["label"], mark["at"]) for mark in found["marks"]] == [("Median", 0.5), ("True value", 0.605)]


@pytest.mark.parametrize(
    ("low", "high", "bins", "last"),
    [
        (0, 10, 11, (10, 10)),
        (0, 19, 20, (19, 19)),
        (0, 20, 10, (18, 20)),
        (0, 100, 20, (95, 100)),
        (-50, 50, 20, (45, 50)),
    ],
)
def test_bins_cover_every_value_once(low: int, high: int, bins: int, last: tuple[int, int]) -> None:
    found = call("binsOf", {"min": low, "max": high})
    assert (len(found), (found[-1]["low"], found[-1]["high"])) == (bins, last)
    assert [value for bin_ in found for value in range(bin_["low"], bin_["high"] + 1)] == list(range(low, high + 1))


def test_an_unknown_truth_is_not_shown() -> None:
    rules = {"min": 0, "max": 10, "decimals": 0, "unit": ""}
    found = model("estimate", [0] * 11, 3, figures={"median": [8, 2], "mean": [12, 3]}, rules=rules)
    assert head(found) == [("Median", "4"), ("Average", "4")]
    assert [mark["label"] for mark in found["marks"]] == ["Median"]


def test_a_ranking_has_points_and_the_rounds_of_its_run_off() -> None:
    # 4 voters O > B > T, 3 voters B > O > T, 2 voters T > B > O: Borda 8+3, 4+6+2, 4 = 11, 12, 4;
    # in the run-off Tromsø goes first and its two go to Bergen: 4 to 5.
    runoff = [{"votes": [4, 3, 2], "out": [2]}, {"votes": [4, 5, 0], "out": [0]}]
    figures = {"method": "borda", "winners": [1], "runoff": runoff, "runoff_winner": 1}
    found = model("ranking", [11, 12, 4], 9, figures=figures, own={"order": [2, 0]})
    assert head(found) == [("Borda count", "Bergen"), ("Instant run-off", "Bergen")]
    assert found["table"]["head"] == ["Option", "Points", "Round 1", "Round 2"]
    assert rows(found) == [["Oslo", "11", "4", "4"], ["Bergen", "12", "3", "5"], ["Tromsø", "4", "2", "\u2013"]]
    assert found["most"] == 18
    assert [bar["mine"] for bar in found["bars"]] == ["✓ your choice 2", "", "✓ your choice 1"]
    tied = model("ranking", [3, 3, 0], 2, figures={"winners": [0, 1], "runoff": [], "runoff_winner": None})
    assert head(tied) == [("Borda count", "Oslo, Bergen"), ("Instant run-off", "Nobody")]


def test_words_are_shown_with_how_often_they_came() -> None:
    found = model(
        "text", [], 4, figures={"texts": [["More breaks", 2], ["Less talk", 1]], "more": 3}, own={"text": "Less talk"}
    )
    assert (found["form"], found["more"]) == ("cards", 3)
    assert rows(found) == [["More breaks", "2"], ["Less talk", "1"]]
    assert [item["mine"] for item in found["items"]] == ["", "✓ your vote"]
    cloud = model(
        "cloud", [], 4, figures={"terms": [["zebra", 5], ["ant", 2], ["Bee", 1]], "more": 0}, own={"terms": ["ant"]}
    )
    assert [item["text"] for item in cloud["items"]] == ["ant", "Bee", "zebra"], "a term keeps its place"
    assert rows(cloud)[0] == ["zebra", "5"], "the table is sorted by count"
    assert model("cloud", None)["items"] == []


def test_the_solution_marks_what_is_right() -> None:
    found = model("single", [7, 4, 1], 12, solution={"right": [1], "explanation": ""})
    assert [bar["right"] for bar in found["bars"]] == ["", "✓ Right", ""]
    assert [row["right"] for row in found["table"]["rows"]] == ["", "✓ Right", ""]
    assert [bar["right"] for bar in model("single", [7, 4, 1], 12, solution=None)["bars"]] == [None] * 3


def test_pictures_go_with_their_options() -> None:
    found = model("image", [1, 2], 3, options=["Cat", "Dog"], rules={"pictures": ["aa", "bb"]})
    assert [bar["picture"] for bar in found["bars"]] == ["aa", "bb"]


def test_a_kind_of_tomorrow_is_drawn_by_its_counts() -> None:
    assert rows(model("dotmocracy", [1, 2, 3], 6))[2] == ["Tromsø", "3", "50%"]


def test_every_text_that_is_used_is_there_and_no_other() -> None:
    script = SCRIPT.read_text()
    table, code = script.split("const TEXTS = {", 1)[1].split("};", 1)
    keys = {line.split('"')[1] for line in table.splitlines() if '": "' in line}
    plain = {key.removesuffix(".one").removesuffix(".other") for key in keys}
    used = set(re.findall(r'"(results\.[a-z_]+)"', code))
    assert used == plain
