"""The picture of a result that the host saves: read pixel by pixel, for every kind of question."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.e2e.crowd import crowd
from tests.e2e.pages import HostPage, eventually
from tests.e2e.rooms import Room
from tests.e2e.visitors import Visitors

pytestmark = pytest.mark.browser

Color = tuple[int, int, int]

MARGIN, INNER = 80, 1440
BLUE, ORANGE, GREEN, RED, GREY = (29, 95, 196), (180, 73, 10), (15, 122, 85), (191, 36, 64), (83, 91, 109)
LONG = (
    "A very long name of a place that nobody who has not been there could ever remember, with all that is around it "
    * 2
)
BUTTON = "Save as a picture"


def save(host: HostPage, directory: Path, *, voters: int, button: str = BUTTON) -> Image.Image:
    """Wait until the console knows of so many voters, press the button, and open the file."""
    eventually(host.page, lambda: host.page.evaluate("selected()?.voters"), voters)
    with host.page.expect_download() as coming:
        host.page.get_by_role("button", name=button).click()
    assert re.fullmatch(r"livevote-[0-9A-Z]{6}-question-\d+-round-\d+\.png", coming.value.suggested_filename)
    saved = directory / coming.value.suggested_filename
    coming.value.save_as(saved)
    with Image.open(saved) as image:
        assert image.format == "PNG"
        return image.convert("RGB")


def longest(image: Image.Image, color: Color, y: int) -> tuple[int, int]:
    """Start and length of the longest run of a colour in a line of pixels."""
    line = image.crop((0, y, image.width, y + 1)).tobytes()
    same = "".join("x" if line[at : at + 3] == bytes(color) else " " for at in range(0, len(line), 3))
    runs = [(found.start(), len(found[0])) for found in re.finditer("x+", same)]
    return max(runs, key=lambda run: run[1], default=(0, 0))


def bar(image: Image.Image, color: Color) -> tuple[int, int]:
    """Start and length of the bar of a colour, by the strip at its foot, which is ten pixels high."""
    return max((longest(image, color, y) for y in range(0, image.height, 4)), key=lambda run: run[1])


def said_in_picture(host: HostPage) -> list[str]:
    """All lines of text in the picture, as they are drawn."""
    said: list[str] = host.page.evaluate(
        """async () => {
          await loadPoster();
          const said = [];
          const write = CanvasRenderingContext2D.prototype.fillText;
          CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
            said.push(text);
            write.call(this, text, x, y);
          };
          await livevote.poster.png({ question: selected(), tally: selected(), room, words: say, picture });
          return said;
        }"""
    )
    return said


def near(start: float, length: float) -> Any:
    """A bar, but for its round corners."""
    return pytest.approx((start, length), abs=24)


def column(image: Image.Image, color: Color, place: int, places: int) -> int:
    """The height of a column."""
    # Its middle, unless a mark stands there.
    x = round(MARGIN + INNER * (place + 0.3) / places)
    return sum(image.getpixel((x, y)) == color for y in range(image.height))


def test_bars_are_as_long_as_their_shares(host: HostPage, room: Room, tmp_path: Path) -> None:
    with crowd(room, 4) as people:
        people.vote(room.ask("Which colour?", "Blue", "Orange", "Green", reveal=True), [(0,), (1,), (1,), (1,)])
        image = save(host, tmp_path, voters=4)
    expect(host.message).to_have_text("question-1-round-1.png is saved where this browser keeps downloads.")
    assert image.size == (1600, 900)
    assert bar(image, BLUE) == near(MARGIN, INNER / 4)
    assert bar(image, ORANGE) == near(MARGIN, INNER * 3 / 4)
    assert bar(image, GREEN)[1] < 100, "its badge alone"


def test_from_right_to_left_the_picture_is_so_too(room: Room, visitors: Visitors, tmp_path: Path) -> None:
    host = HostPage(visitors.enter(locale="ar").new_page())
    host.open(room.host)
    with crowd(room, 2) as people:
        people.vote(room.ask("أي لون؟", "أزرق", "برتقالي", reveal=True), [(0,), (1,)])
        image = save(host, tmp_path, voters=2, button="حفظ كصورة")
    assert bar(image, BLUE) == near(MARGIN + INNER / 2, INNER / 2)


def test_a_result_without_votes_has_no_picture(host: HostPage, room: Room, tmp_path: Path) -> None:
    button = host.page.get_by_role("button", name=BUTTON)
    expect(host.page.locator("#question-text")).to_be_visible()
    expect(button).to_be_hidden()
    question = room.ask("Which colour?", "Blue", "Orange", reveal=True)
    expect(host.question).to_have_text("Which colour?")
    expect(button).to_be_hidden()
    with crowd(room, 1) as people:
        people.vote(question, [(1,)])
        first = save(host, tmp_path, voters=1)
        assert bar(first, ORANGE) == near(MARGIN, INNER)
        room.command("close")
        room.command("ask_again")
        expect(button).to_be_hidden()
        people.vote(question, [(0,)], round_=2)
        assert bar(save(host, tmp_path, voters=1), BLUE) == near(MARGIN, INNER)


@pytest.mark.parametrize(
    ("style", "answers", "columns"),
    [
        ({"style": "stars", "top": 5}, [4, 5, 5], {3: (BLUE, 1), 4: (BLUE, 2), 0: (BLUE, 0)}),
        ({"style": "nps"}, [0, 10, 10], {0: (RED, 1), 10: (GREEN, 2), 5: (RED, 0)}),
    ],
)
def test_columns_are_as_high_as_their_counts(
    style: dict[str, Any],
    answers: list[int],
    columns: dict[int, tuple[Color, int]],
    host: HostPage,
    room: Room,
    tmp_path: Path,
) -> None:
    question = room.ask("How was it?", kind="rating", rules=style, reveal=True)
    with crowd(room, len(answers)) as people:
        people.answer(question, [{"value": value} for value in answers])
        image = save(host, tmp_path, voters=len(answers))
    places = 11 if style["style"] == "nps" else 5
    whole = max(column(image, color, place, places) for place, (color, _) in columns.items())
    assert whole > 200
    for place, (color, count) in columns.items():
        assert column(image, color, place, places) == pytest.approx(whole * count / 2, abs=4)


def test_marks_stand_where_median_and_truth_are(host: HostPage, room: Room, tmp_path: Path) -> None:
    rules = {"min": 0, "max": 9, "truth": 2}
    question = room.ask("How many?", kind="estimate", rules=rules, quiz={"points": 1000}, reveal=True)
    with crowd(room, 3) as people:
        people.answer(question, [{"value": value} for value in (6, 6, 9)])
        hidden = save(host, tmp_path, voters=3)
    x, good = round(MARGIN + INNER * 2.5 / 10), (11, 107, 69)
    assert column(hidden, BLUE, 6, 10) == pytest.approx(2 * column(hidden, BLUE, 9, 10), abs=4)
    assert max(sum(hidden.getpixel((x, y)) == (23, 28, 40) for y in range(900)) for x in range(1000, 1030)) > 80
    # The host knows the truth in any case; a picture is for others.
    assert sum(hidden.getpixel((x, y)) == good for y in range(900)) == 0
    room.command("close")
    room.command("show_solution", question)
    expect(host.page.locator("#solution-seen")).to_have_text("Everybody sees the solution.")
    shown = save(host, tmp_path, voters=3)
    assert sum(shown.getpixel((x, y)) == good for y in range(shown.height)) > 200


def test_every_other_kind_has_a_picture(host: HostPage, room: Room, tmp_path: Path) -> None:
    pictures = []
    for color in ("purple", "yellow"):
        file = io.BytesIO()
        Image.new("RGB", (90, 60), color).save(file, "PNG")
        pictures.append(room.upload(file.getvalue()))
    with crowd(room, 2) as people:
        choose: dict[str, Any] = {"choices": [0]}
        cases: list[tuple[str, tuple[str, ...], dict[str, Any], list[dict[str, Any]]]] = [
            ("multiple", ("Blue", "Orange"), {}, [choose, {"choices": [0, 1]}]),
            ("approval", ("Blue", "Orange"), {}, [choose, {"choices": [0, 1]}]),
            ("yesno", (), {"quorum_percent": 50, "eligible": 3}, [choose, {"choices": [1]}]),
            ("ranking", ("Blue", "Orange", "Green"), {}, [{"order": [0, 1, 2]}, {"order": [0, 2, 1]}]),
            ("image", ("Purple", "Yellow"), {"pictures": pictures}, [choose, {"choices": [1]}]),
            ("text", (), {"approval": False, "max_chars": 280}, [{"text": LONG}, {"text": "short"}]),
            ("cloud", (), {}, [{"terms": ["harbour", "garden"]}, {"terms": ["harbour"]}]),
        ]
        images = {}
        for kind, options, rules, answers in cases:
            question = room.ask(f"About {kind}?", *options, kind=kind, rules=rules, reveal=True)
            people.answer(question, answers)
            room.command("close", question)
            expect(host.question).to_have_text(f"About {kind}?")
            images[kind] = save(host, tmp_path, voters=2)
    for kind in ("multiple", "approval", "ranking"):
        assert bar(images[kind], BLUE) == near(MARGIN, INNER)
    assert bar(images["multiple"], ORANGE) == near(MARGIN, INNER / 2)
    assert bar(images["yesno"], GREEN) == near(MARGIN, INNER / 2)
    # Pictures are kept with a loss.
    purple = [color for color in _grid(images["image"]) if color[1] < 40 and abs(color[0] - color[2]) < 20 < color[0]]
    assert len(purple) > 20, "the picture of the option"
    strips = [y for y in range(900) if images["text"].getpixel((MARGIN + 4, y)) == BLUE]
    assert len(strips) > 50, "a card"
    # The term that two sent is larger than the other: more of its ink.
    counts = {color: count for count, color in images["cloud"].getcolors(maxcolors=1 << 24)}  # type: ignore[union-attr]
    inks = sorted(count for color, count in counts.items() if color in _PALETTE and count > 200)
    assert len(inks) == 2
    assert inks[1] > 2 * inks[0]


_PALETTE = {BLUE, ORANGE, GREEN, RED, (123, 63, 184), (13, 114, 133), (106, 102, 0), (173, 44, 128)}


def _grid(image: Image.Image) -> list[Color]:
    """The colours of some pixels all over the picture."""
    small = image.resize((image.width // 4, image.height // 4), Image.Resampling.NEAREST)
    return [small.getpixel((x, y)) for y in range(small.height) for x in range(small.width)]  # type: ignore[misc]


def test_a_long_result_makes_a_high_picture_and_nothing_is_left_out(host: HostPage, room: Room, tmp_path: Path) -> None:
    options = [f"{LONG[:90]} {number}" for number in range(50)]
    with crowd(room, 1) as people:
        people.vote(room.ask(LONG.strip(), *options, reveal=True), [(49,)])
        image = save(host, tmp_path, voters=1)
        said = said_in_picture(host)
    assert " ".join(said).startswith(LONG.strip())
    assert "\u2026" not in "".join(said)
    assert image.width == 1600
    assert image.height > 50 * 60
    # The last one has the only vote.
    foot = max(range(0, image.height, 4), key=lambda y: longest(image, ORANGE, y)[1])
    assert foot > image.height * 0.9
    assert bar(image, ORANGE) == near(MARGIN, INNER)


def test_a_picture_that_cannot_be_made_is_said_and_can_be_tried_again(
    host: HostPage, room: Room, visitors: Visitors, tmp_path: Path
) -> None:
    visitors.expect_complaints("net::ERR_FAILED")
    host.page.route(re.compile("/assets/poster"), lambda route: route.abort())
    with crowd(room, 1) as people:
        people.vote(room.ask("Which colour?", "Blue", "Orange"), [(0,)])
        host.page.get_by_role("button", name=BUTTON).click()
        expect(host.message).to_have_text("The picture could not be made. Try again.")
        host.page.unroute_all()
        assert bar(save(host, tmp_path, voters=1), BLUE) == near(MARGIN, INNER)


def test_in_a_rehearsal_the_picture_says_so(host: HostPage, room: Room) -> None:
    room.add("Which colour?", "Blue", "Orange")
    practice = room.rehearse(20)
    host.open(practice.host)
    practice.command("open", "q1")
    eventually(host.page, lambda: host.page.evaluate("selected().voters > 0"), True)
    said = said_in_picture(host)
    assert said[0] == "Which colour?"
    assert re.fullmatch(r"Rehearsal: nothing counts · \d+ voted · Town hall", said[-1])
    room.end_rehearsal()
