"""``results.html``: the results as one page that needs no server, no network and no script.

Its charts are SVG bars inside the tables, so that picture and numbers cannot part.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Iterator
from datetime import date
from hashlib import sha256
from html import escape
from pathlib import Path

from livevote.domain.kinds.choice import ChoiceRules
from livevote.domain.quiz import name_of
from livevote.domain.standings import Standings
from livevote.domain.state import Post, Question, Room
from livevote.export.cells import instant, moment
from livevote.export.results import Fold, Option, RoundResult, Solved, folded, recovered
from livevote.export.source import Source

_STYLE = Path(__file__).with_name("page.css").read_text()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'"
)

_KINDS = {
    "approval": "Approval voting",
    "cloud": "Word cloud",
    "estimate": "Estimate",
    "image": "Choice of a picture",
    "multiple": "Multiple choice",
    "ranking": "Ranking",
    "rating": "Rating",
    "single": "Single choice",
    "text": "Texts",
    "yesno": "Motion",
}

# Those of client.html: no two of the 50 options that a question may have share both.
_SHAPES = 7
_COLORS = 8


async def results_html(source: Source) -> AsyncGenerator[bytes, None]:
    """All results of a room as one HTML page."""
    fold = await folded(source)
    yield _head(fold).encode()
    for number, question in enumerate(fold.room.questions.values(), 1):
        yield "".join(_question(fold, question, number)).encode()
        await asyncio.sleep(0)
    if fold.room.leaderboard:
        standings = Standings()
        for _ in standings.update(fold.room):
            await source.turn()
        yield _leaderboard(fold.room, standings).encode()
    for part in _board(fold.room):
        yield part.encode()
        await asyncio.sleep(0)
    yield _foot(fold).encode()


def _head(fold: Fold) -> str:
    room = fold.room
    title = escape(room.title)
    asked = sum(len(question.rounds) for question in room.questions.values())
    counts = ", ".join(
        (
            _plural(len(room.questions), "question", "questions"),
            _plural(asked, "round", "rounds"),
            _plural(fold.ballots, "ballot in the log", "ballots in the log"),
        )
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Results: {title}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<p class="brand"><svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">\
<rect width="32" height="32" rx="8"/><path d="M8 24V14M16 24V8M24 24v-6"/></svg>livevote results</p>
<h1 dir="auto">{title}</h1>
<p class="about">Room {escape(room.code)}, as of {_time(fold.at)} UTC (record {room.head:,})<br>{counts}</p>
{_recoveries(room)}</header>
<main>
{_contents(fold)}"""


def _recoveries(room: Room) -> str:
    return "".join(
        f'<p class="recovered"><strong>Recovered.</strong> An operator went on with a log that contradicted its '
        f"checkpoints, at {_time(each.at)} (UTC): {recovered(each)}.</p>\n"
        for each in room.recoveries
    )


def _contents(fold: Fold) -> str:
    questions = fold.room.questions.values()
    if not questions:
        return '<p class="card none">No question was added to this room.</p>\n'
    if len(questions) == 1:
        return ""
    items = "".join(
        f'<li><a href="#{escape(question.id)}"><bdi>{escape(question.text)}</bdi></a></li>\n' for question in questions
    )
    return f'<nav class="card" aria-labelledby="contents"><h2 id="contents">Questions</h2>\n<ol>\n{items}</ol></nav>\n'


def _question(fold: Fold, question: Question, number: int) -> Iterator[str]:
    heading = escape(question.id)
    yield f'<section class="card" id="{heading}" aria-labelledby="{heading}-text">\n'
    yield f'<p class="rule">Question {number} <span>{escape(_rule(question))}</span></p>\n'
    yield f'<h2 id="{heading}-text" dir="auto">{escape(question.text)}</h2>\n'
    if not question.rounds:
        yield from _never_asked(question)
    for result in fold.rounds(question):
        yield from _round(question, result)
    yield "</section>\n"


def _never_asked(question: Question) -> Iterator[str]:
    if not question.options:
        yield '<p class="none">Never asked.</p>\n'
        return
    yield '<p class="none">Never asked. It has these options:</p>\n<ol class="options">\n'
    for place, text in enumerate(question.options):
        yield f"<li>{_badge(place)}<bdi>{escape(text)}</bdi></li>\n"
    yield "</ol>\n"


def _round(question: Question, result: RoundResult) -> Iterator[str]:
    if len(question.rounds) > 1:
        yield f"<h3>Round {result.number}</h3>\n"
    if result.text != question.text:
        yield f'<p class="times">Asked in other words: <bdi>{escape(result.text)}</bdi></p>\n'
    yield f'<p class="voters">{_plural(result.voters, "person voted", "people voted")}</p>\n'
    right = () if result.solution is None else result.solution.right
    if result.options:
        first = "Option" if question.options else "Answer"
        # Points have no share of anything; their bars are as long as the most that somebody could have.
        if question.kind.points:
            yield from _table(result.options, result.voters * (len(result.options) - 1), (first, "Points", ""))
        else:
            yield from _table(result.options, result.voters, (first, "Votes", "Share"), right=right)
    if result.terms:
        yield from _table(result.terms, result.voters, ("Text", "Votes", "Share"))
    yield from _figures(result)
    if result.solution is not None:
        yield _solution(result.solution)
    yield f'<p class="times">{_times(result)}</p>\n'
    if result.withheld:
        withheld = _plural(result.withheld, "text is", "texts are")
        yield f'<p class="times">{withheld} not shown, because the host has not shown or has hidden them.</p>\n'
    if result.erased:
        erased = _plural(result.erased, "answer was erased on demand and is", "answers were erased on demand and are")
        yield f'<p class="times">{erased} in no count.</p>\n'


def _table(
    options: tuple[Option, ...], most: int, columns: tuple[str, str, str], *, right: tuple[int, ...] = ()
) -> Iterator[str]:
    heads = "".join(f'<th scope="col">{column}</th>' for column in columns)
    yield f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"
    for place, option in enumerate(options):
        yield _option(place, option, most, shares=columns[-1] != "", right=place in right)
    yield "</tbody>\n</table>\n"


def _figures(result: RoundResult) -> Iterator[str]:
    if result.told:
        yield '<dl class="figures">\n'
        for name, value in result.told:
            shown = escape(str(value)) or "\u2013"
            yield f'<div><dt>{escape(name)}</dt><dd dir="auto">{shown}</dd></div>\n'
        yield "</dl>\n"


def _solution(solution: Solved) -> str:
    most = f"up to {solution.points:,}" if solution.fading or solution.truth is not None else f"{solution.points:,}"
    worth = f"A right answer earned {most} {'point' if solution.points == 1 else 'points'}."
    why = f"<br><bdi>{escape(solution.explanation)}</bdi>" if solution.explanation else ""
    return f'<p class="solution">{worth}{why}</p>\n'


def _leaderboard(room: Room, standings: Standings) -> str:
    places = "".join(
        f'<tr><th scope="row"><span class="option"><bdi>{escape(name_of(room, voter) or "(no name)")}</bdi></span></th>'
        f"<td>{-points:,}</td><td>{standings.rank(voter)}</td></tr>\n"
        for points, voter in standings.top
    )
    return f"""<section class="card" id="leaderboard" aria-labelledby="places">
<h2 id="places">Leaderboard</h2>
<p class="voters">{_plural(standings.players, "player", "players")}</p>
<table>
<thead><tr><th scope="col">Name</th><th scope="col">Points</th><th scope="col">Place</th></tr></thead>
<tbody>
{places}</tbody>
</table>
</section>
"""


def _option(place: int, option: Option, most: int, *, shares: bool, right: bool) -> str:
    # Halves go up, as on the voters' page.
    percent = f"{(200 * option.count + most) // (2 * most)}%" if most else "\u2013"
    width = round(100 * option.count / most, 2) if most else 0
    mark = '<strong class="right">\u2713 right</strong>' if right else ""
    return (
        f'<tr><th scope="row"><span class="option">{_badge(place)}<bdi>{escape(option.text)}</bdi>{mark}</span>'
        f'<svg class="bar" width="100%" height="14" data-color="{place % _COLORS}" aria-hidden="true">'
        '<rect class="track" width="100%" height="14" rx="5"/>'
        f'<rect class="fill" width="{width:g}%" height="14" rx="5"/>'
        f"</svg></th><td>{option.count:,}</td><td>{percent if shares else ''}</td></tr>\n"
    )


def _badge(place: int) -> str:
    look = f'data-shape="{place % _SHAPES}" data-color="{place % _COLORS}"'
    return f'<span class="badge" {look} aria-hidden="true">{_letter(place)}</span>'


def _letter(place: int) -> str:
    """A to Z, then AA and so on."""
    last = chr(ord("A") + place % 26)
    return last if place < 26 else _letter(place // 26 - 1) + last


def _board(room: Room) -> Iterator[str]:
    """The posts that everybody could read: those with most votes first, open ones before answered ones."""
    public = sorted(
        (post for post in room.board.posts.values() if post.public), key=lambda post: (-post.votes, post.index)
    )
    if not public:
        return
    yield '<section class="card" aria-labelledby="the-board">\n<h2 id="the-board">Board</h2>\n'
    for title, answered in (("Open", False), ("Answered", True)):
        if posts := [post for post in public if post.answered is answered]:
            yield f'<h3>{title}</h3>\n<table>\n<thead><tr><th scope="col">Post</th>'
            yield '<th scope="col">Votes</th></tr></thead>\n<tbody>\n'
            yield from map(_post, posts)
            yield "</tbody>\n</table>\n"
    yield "</section>\n"


def _post(post: Post) -> str:
    return f'<tr><th scope="row"><bdi>{escape(post.text or "")}</bdi></th><td>{post.votes:,}</td></tr>\n'


def _rule(question: Question) -> str:
    rules = question.rules
    text = _KINDS[question.kind.name]
    if question.kind.name == "multiple" and isinstance(rules, ChoiceRules):
        text += f", {rules.min}" if rules.min == rules.max else f", {rules.min} to {rules.max}"
    text += " · one vote a code" if question.level == "code" else ""
    return text + (" · answers could be changed" if question.changeable else "")


def _times(result: RoundResult) -> str:
    def then(at: int) -> str:
        """The day only where it is another one."""
        return _time(at, day=_day(at) != _day(result.opened_at))

    parts = [f"Opened {_time(result.opened_at)}"]
    if result.closes_at is not None:
        parts.append(f"planned until {then(result.closes_at)}")
    parts.append("still open" if result.closed_at is None else f"closed {then(result.closed_at)}")
    if result.revealed_at is None:
        parts.append("never revealed")
    else:
        parts.append(f"revealed {then(result.revealed_at)}" + ("" if result.revealed else ", hidden again since"))
    return " \u00b7 ".join(parts) + " (UTC)"


def _time(at: int, *, day: bool = True) -> str:
    when = moment(at)
    if isinstance(when, str):
        return when
    shown = f"{when.day} {when:%b %Y, %H:%M:%S}" if day else f"{when:%H:%M:%S}"
    return f'<time datetime="{instant(at)}">{shown}</time>'


def _day(at: int) -> date | str:
    when = moment(at)
    return when if isinstance(when, str) else when.date()


def _plural(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _foot(fold: Fold) -> str:
    room = fold.room
    return f"""<section class="card check" aria-labelledby="check">
<h2 id="check">How to check these numbers</h2>
<p>Every vote is a record in a log, and each record seals those before it. These two fingerprints are those of the \
{room.head:,} records that this page was made from:</p>
<dl>
<div><dt>Merkle root (RFC 6962)</dt><dd><code>{fold.root.hex()}</code></dd></div>
<div><dt>Chain</dt><dd><code>{fold.chain.hex()}</code></dd></div>
<div><dt>Log</dt><dd><code>{escape(room.origin)}</code></dd></div>
</dl>
<p>Ask the room's host for its bundle and run <code>livevote verify BUNDLE</code>. It recomputes every seal, adds the \
votes up again, and prints fingerprints and counts to compare with this page. A log that has grown since has other \
fingerprints.</p>
<p>The page itself is not signed: trust it as far as whoever gave it to you, or check.</p>
</section>
</main>
</body>
</html>
"""
