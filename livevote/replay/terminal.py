"""The replay on a terminal: one moment as text, and the whole evening as it moves.

Apart from the playhead, which knows the moments and nothing about how they look.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from livevote.clock import Clock
from livevote.domain.kinds import KINDS
from livevote.domain.text import plain
from livevote.replay.document import Mark, Replay
from livevote.replay.playhead import Moment, Playhead

_FRAME_S = 0.1
_MARKS_SHOWN = 6
_WORDS = {
    "opened": "Voting opened",
    "asked_again": "Asked again",
    "timer_set": "Timer set",
    "closed": "Voting closed",
    "revealed": "Results revealed",
    "hidden": "Results hidden",
    "erased": "An answer was erased",
    "recovered": "The log was recovered",
    "deleted": "All answers were deleted",
}


def local(at: int) -> datetime:
    """An instant on the clock of this machine, with its time zone."""
    return datetime.fromtimestamp(at / 1000).astimezone()


def _shown(at: int, form: str) -> str:
    try:
        return f"{local(at):{form}}"
    except (ValueError, OverflowError, OSError):
        return f"{at} ms"  # no calendar has it


def instant(text: str, *, begins: int) -> int:
    """The instant that somebody typed, in ms since 1970. Raises ``ValueError`` for what is none.

    ``text`` is ISO 8601, of this machine's time zone unless it names one, or HH:MM[:SS] of the day on which the evening
    ``begins``: a time before that is taken to be after midnight. On an evening that no calendar has, it is none.
    """
    try:
        return _instant(text, begins)
    except (OverflowError, OSError) as error:
        raise ValueError(f"there is no {text}") from error


def _instant(text: str, begins: int) -> int:
    try:
        clock = datetime.strptime(text, "%H:%M:%S" if text.count(":") == 2 else "%H:%M").time()
    except ValueError:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    start = local(begins).replace(tzinfo=None, microsecond=0)
    typed = datetime.combine(start, clock)
    return round((typed if typed >= start else typed + timedelta(days=1)).timestamp() * 1000)


def text(replay: Replay, moment: Moment) -> str:
    """A moment as lines of plain text."""
    lines = [f"Room {replay.room.code}  {plain(replay.room.title)}"]
    if moment.at:
        lines.append(f"{_shown(moment.at, '%Y-%m-%d %H:%M:%S %Z')}  record {moment.as_of} of {replay.as_of}")
    if moment.question is None:
        return "\n".join((*lines, "Nothing had been asked yet."))
    lines.append(f"{plain(moment.question.text)} ({_standing(moment)})")
    for option, count in zip(_options(moment), moment.counts, strict=True):
        lines.append(f"{count:>9}  {_share(moment, count):>5}  {option}")
    return "\n".join((*lines, *_ended(moment)))


def say(replay: Replay, moment: Moment, console: Console) -> None:
    """Show one moment: with bars on a terminal, as plain text elsewhere."""
    if console.is_terminal:
        console.print(_screen(replay, moment, []))
    else:
        console.out(text(replay, moment), highlight=False)


def tell(replay: Replay, console: Console) -> None:
    """The whole evening as plain text: the moment of every mark, without waiting."""
    playhead = Playhead(replay)
    for mark in replay.marks:
        console.out(f"{_line(replay, mark)}\n{text(replay, playhead.to_index(mark.as_of))}\n", highlight=False)


def play(
    replay: Replay, console: Console, *, speed: float, clock: Clock, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Play the evening ``speed`` times as fast as it was, with long pauses shortened, until its end."""
    playhead = Playhead(replay)
    ends = [playhead.position_of(mark) for mark in replay.marks]
    begun_s = clock.monotonic_s()
    with Live(console=console, auto_refresh=False) as live:
        while True:
            position_ms = (clock.monotonic_s() - begun_s) * 1000 * speed
            passed = [mark for mark, end in zip(replay.marks, ends, strict=True) if end <= position_ms]
            moment = playhead.to_position(position_ms)
            progress = min(position_ms, playhead.length_ms), playhead.length_ms
            live.update(_screen(replay, moment, passed[-_MARKS_SHOWN:], progress=progress, speed=speed), refresh=True)
            if position_ms >= playhead.length_ms:
                return
            sleep(_FRAME_S)


def _screen(
    replay: Replay,
    moment: Moment,
    marks: list[Mark],
    *,
    progress: tuple[float, int] | None = None,
    speed: float = 0,
) -> RenderableType:
    # Texts of people go through Text: square brackets in them are no markup.
    parts: list[RenderableType] = [Text(f"Room {replay.room.code}  {plain(replay.room.title)}", style="bold")]
    if moment.at:
        where = f"{_shown(moment.at, '%Y-%m-%d %H:%M:%S %Z')}   record {moment.as_of} of {replay.as_of}"
        parts.append(Text(where + (f"   {speed:g}x" if progress else ""), style="dim"))
    if progress is not None:
        done, length = progress
        parts.append(Bar(max(length, 1), 0, done, color="blue"))
    parts.append(Text())
    if moment.question is None:
        parts.append(Text("Nothing had been asked yet."))
    else:
        parts += [Text(plain(moment.question.text), style="bold"), Text(_standing(moment)), _bars(moment)]
        parts += [Text(line) for line in _ended(moment)]
    if marks:
        parts.append(Text())
        parts += [Text(_line(replay, mark), style="dim") for mark in marks]
    return Group(*parts)


def _bars(moment: Moment) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    for justify in ("right", "right", "left"):
        table.add_column(justify=justify, no_wrap=justify == "right")
    table.add_column(ratio=1)
    most = max(1, moment.voters, *moment.counts)
    for option, count in zip(_options(moment), moment.counts, strict=True):
        share = Text(_share(moment, count))
        table.add_row(Text(str(count), style="bold"), share, Text(option), Bar(most, 0, count, color="cyan"))
    return table


def _options(moment: Moment) -> tuple[str, ...]:
    """A name for each number of the result."""
    assert moment.question is not None
    options, numbers = moment.question.options, len(moment.counts)
    return (
        tuple(map(plain, options))
        if len(options) == numbers
        else tuple(f"Number {number}" for number in range(1, numbers + 1))
    )


def _ended(moment: Moment) -> list[str]:
    """What a round came to beside its counts: its figures, and the texts that voters wrote."""
    if moment.ended is None:
        return []
    figures = moment.ended.figures
    terms = [f"{count:>9}         {plain(term)}" for term, count in figures.get("texts") or figures.get("terms") or []]
    more = [f"           and {figures['more']} more"] if figures.get("more") else []
    return [*terms, *more, *(f"{plain(name)}: {plain(value)}" for name, value in moment.ended.told)]


def _standing(moment: Moment) -> str:
    phase = "open" if moment.open else "closed"
    return f"round {moment.round}, {phase}, {'revealed' if moment.revealed else 'hidden'}, {moment.voters} voted"


def _line(replay: Replay, mark: Mark) -> str:
    off = mark.what == "timer_set" and mark.closes_at is None
    line = f"{_shown(mark.at, '%H:%M:%S')}  {'Timer taken off' if off else _WORDS[mark.what]}"
    if mark.ballot is not None:
        line += f" (ballot {mark.ballot})"
    if mark.closes_at is not None:
        line += f", until {_shown(mark.closes_at, '%H:%M:%S')}"
    if mark.round is None:
        return line
    asked = replay.rounds[mark.round]
    return f"{line}: {plain(replay.questions[asked.question].text)}" + (
        f" (round {asked.round})" if asked.round > 1 else ""
    )


def _share(moment: Moment, count: int) -> str:
    assert moment.question is not None
    if KINDS[moment.question.kind].points:
        return ""
    return f"{round(100 * count / moment.voters) if moment.voters else 0} %"
