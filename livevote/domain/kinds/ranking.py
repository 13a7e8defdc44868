"""A ranking: every voter puts options in order. Points by Borda, and beside them the run-off of the first places."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from livevote.domain.kinds import choice
from livevote.domain.kinds.base import Answer, Figures, PlainKind, PlainTally, Rules, Told, read_wanted
from livevote.domain.records import encode
from livevote.domain.refusals import Code, Refusal

MAX_RANKED = 12


class Order(Answer, frozen=True, gc=False):
    """Options as indexes from 0, the best first."""

    order: tuple[int, ...]


class _Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    top: Annotated[int, msgspec.Meta(ge=1)] | None = None


class RankingRules(Rules, frozen=True):
    """How many options a voter must put in order at least."""

    top: int


Orders = Mapping[tuple[int, ...], int]
"""How many ballots there are of each order."""

RunOff = tuple[list[dict[str, Any]], int | None]
"""The rounds of a run-off, each with the ``votes`` for every option and who went ``out``, and who won."""

_MANY = 8
"""Where more than one in so many orders is new, a run-off is held anew, because that is quicker."""

_order = msgspec.json.Decoder(Order)
_wanted = msgspec.json.Decoder(_Wanted)
_rules = msgspec.json.Decoder(RankingRules)


# As in ``choice``: of a few options there are few orders, each from many voters.
@lru_cache(maxsize=4096)
def _parse(answer: bytes, options: int, top: int) -> Order | Refusal:
    try:
        order = _order.decode(answer)
    except (msgspec.DecodeError, RecursionError):
        return Refusal(Code.BAD_ANSWER)
    if not all(0 <= place < options for place in order.order):
        return Refusal(Code.OUT_OF_RANGE, f"options count from 0 to {options - 1}")
    if len(set(order.order)) < len(order.order):
        return Refusal(Code.DUPLICATE_CHOICE)
    if len(order.order) < top:
        return Refusal(Code.TOO_FEW, f"at least {top}")
    return order


def _verdict(votes: list[int], field: set[int]) -> tuple[list[int], int | None]:
    """Who goes out in a round with these votes, or, where that is nobody, who wins: perhaps nobody either."""
    leader = max(field, key=votes.__getitem__)
    if 2 * votes[leader] > sum(votes):
        return [], leader
    fewest = min(votes[place] for place in field)
    last = sorted(place for place in field if votes[place] == fewest)
    return ([], None) if len(last) == len(field) else (last, None)


def run_off(orders: Orders, options: int) -> RunOff:
    """The instant run-off of so many ballots of each order: its rounds, and who wins it.

    In each round a ballot counts for the first option of its order that is still in, and for none where all of its
    options are out. Who has more than half of those votes wins. Else all who have the fewest go out together; where
    that would be everybody, nobody wins.
    """
    field = set(range(options))
    piles: list[list[tuple[tuple[int, ...], int]]] = [[] for _ in field]
    for order, times in orders.items():
        piles[order[0]].append((order, times))
    votes = [sum(times for _, times in pile) for pile in piles]
    rounds: list[dict[str, Any]] = []
    while any(votes):
        out, winner = _verdict(votes, field)
        rounds.append({"votes": list(votes), "out": out})
        if not out:
            return rounds, winner
        field.difference_update(out)
        for loser in out:
            votes[loser] = 0
            for order, times in piles[loser]:
                heir = _first(order, field)
                if heir is not None:
                    piles[heir].append((order, times))
                    votes[heir] += times
    return rounds, None


def run_on(before: RunOff, more: Orders, options: int) -> RunOff | None:
    """The run-off that was ``before`` with so many ``more`` ballots of some orders, which may be fewer than none.

    None where it does not take the same way to the same end: then all ballots have to be looked at.
    """
    rounds, winner = before
    if not rounds or rounds[-1]["out"]:
        return None
    field = set(range(options))
    found: list[dict[str, Any]] = []
    for each in rounds:
        votes = list(each["votes"])
        for order, times in more.items():
            heir = _first(order, field)
            if heir is not None:
                votes[heir] += times
        out = each["out"]
        if not any(votes) or _verdict(votes, field) != (out, None if out else winner):
            return None
        found.append({"votes": votes, "out": out})
        field.difference_update(out)
    return found, winner


def _first(order: tuple[int, ...], field: set[int]) -> int | None:
    return next((place for place in order if place in field), None)


class RankingTally(PlainTally):
    """Points for each option, and how often each order was given."""

    __slots__ = ("_figures", "_new", "_orders", "_points", "_run_off")

    def __init__(self, options: int) -> None:
        self._points = [0] * options
        self._orders: dict[tuple[int, ...], int] = {}
        self._figures: Figures | None = None
        self._run_off: RunOff = [], None
        # The ballots that the run-off does not know yet.
        self._new: dict[tuple[int, ...], int] = {}

    def add(self, answer: Answer) -> None:
        self._count(answer, 1)

    def remove(self, answer: Answer) -> None:
        self._count(answer, -1)

    def _count(self, answer: Answer, times: int) -> None:
        assert isinstance(answer, Order)
        order = answer.order
        for rank, place in enumerate(order, 1):
            self._points[place] += times * (len(self._points) - rank)
        left = self._orders.get(order, 0) + times
        if left:
            self._orders[order] = left
        else:
            del self._orders[order]
        self._new[order] = self._new.get(order, 0) + times
        self._figures = None

    def counts(self) -> tuple[int, ...]:
        return tuple(self._points)

    def figures(self) -> Figures:
        """Who has the most points (all of a tie), and how the run-off goes round by round."""
        if self._figures is None:
            rounds, winner = self._run_off = self._next_run_off()
            self._new.clear()
            self._figures = {
                "method": "borda",
                "winners": choice.leaders(self._points),
                "runoff": rounds,
                "runoff_winner": winner,
            }
        return self._figures

    def _next_run_off(self) -> RunOff:
        """With all ballots: most of the time, those of one tick change no more than the votes of its rounds."""
        options = len(self._points)
        few = len(self._new) * _MANY <= len(self._orders)
        found = run_on(self._run_off, self._new, options) if few else None
        return run_off(self._orders, options) if found is None else found


class Ranking(PlainKind):
    """Options in order: of n, the first gets n - 1 points, the next one less, and who is not ranked gets none."""

    name = "ranking"
    points = True

    def define(self, options: tuple[str, ...], rules: bytes) -> bytes | Refusal:
        wanted = read_wanted(_wanted, rules)
        if refusal := choice.check_options(options, most=MAX_RANKED):
            return refusal
        if isinstance(wanted, Refusal):
            return wanted
        top = len(options) if wanted.top is None else wanted.top
        if top > len(options):
            return Refusal(Code.BAD_QUESTION, f"rules need 1 <= top <= {len(options)}, not {top}")
        return encode(RankingRules(top=top))

    def rules(self, stored: bytes) -> RankingRules:
        return _rules.decode(stored)

    def parse(self, answer: bytes, options: int, rules: Rules) -> Order | Refusal:
        assert isinstance(rules, RankingRules)
        return _parse(answer, options, rules.top)

    def empty(self, options: int, rules: Rules) -> RankingTally:  # noqa: ARG002
        return RankingTally(options)

    def tally(self, counts: tuple[int, ...], rules: Rules) -> None:
        """Points do not say in which orders they were given."""

    def bins(self, options: tuple[str, ...], rules: Rules) -> tuple[str, ...]:  # noqa: ARG002
        return options

    def conserved(self, counts: tuple[int, ...], voters: int, rules: Rules) -> bool:
        """Every voter gives points to at least ``top`` options and at most all, and n - 1 to no more than one."""
        assert isinstance(rules, RankingRules)
        most = len(counts) - 1
        least_given = sum(most - place for place in range(rules.top))
        all_given = sum(range(len(counts)))
        return voters * least_given <= sum(counts) <= voters * all_given and max(counts) <= voters * most

    def words(self, answer: Answer, options: tuple[str, ...], rules: Rules) -> str:  # noqa: ARG002
        assert isinstance(answer, Order)
        return " > ".join(options[place] for place in answer.order)

    def told(self, figures: Figures, options: tuple[str, ...], rules: Rules) -> tuple[Told, ...]:  # noqa: ARG002
        def names(places: list[int]) -> str:
            return "; ".join(options[place] for place in places)

        winner = figures["runoff_winner"]
        rounds: list[Told] = []
        for number, found in enumerate(figures["runoff"], 1):
            votes = "; ".join(f"{option} {count}" for option, count in zip(options, found["votes"], strict=True))
            out = f" (out: {names(found['out'])})" if found["out"] else ""
            rounds.append((f"run-off, round {number}", votes + out))
        return (
            ("most points", names(figures["winners"])),
            ("winner of the run-off", "" if winner is None else options[winner]),
            *rounds,
        )


KIND = Ranking()
