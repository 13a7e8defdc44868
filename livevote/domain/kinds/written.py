"""What the kinds have in common whose voters write: which texts are the same, how often each came, and who sees it."""

import unicodedata
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from heapq import heapify, heappop, heappush, merge

from livevote.domain.kinds.base import Figures, PlainKind, PlainTally, Standing, Term

_KEY_DIGITS = 32
_MANY = 8
"""Where more than one in so many texts has changed, all of them are put in order anew, because that is quicker."""
_SPARE = 8
"""So many ranks that are true no longer are kept in any case."""

_Rank = tuple[int, str]
"""By what texts are put in order: how many wrote one, negative, and its common form, or one spelling of it."""


@lru_cache(maxsize=4096)
def form(text: str) -> str:
    """What texts have in common that are the same: they differ in upper and lower case only. ``text`` is cleaned."""
    return unicodedata.normalize("NFC", text.casefold())


def key(text: str) -> str:
    """The name of all texts that are the same as ``text``: hex of half of a SHA-256 of their common form."""
    return sha256(form(text).encode()).hexdigest()[:_KEY_DIGITS]


class _Same:
    """Texts that are the same: how often each spelling came."""

    __slots__ = ("_ranks", "_spellings", "_term", "count", "key")

    def __init__(self, text: str) -> None:
        self.key = key(text)
        self.count = 0
        self._spellings: dict[str, int] = {}
        # A heap, because a word can be spelled in a hundred thousand ways, and each tick wants the first. There are
        # ranks in it that were true once.
        self._ranks: list[_Rank] = []
        self._term: Term | None = None

    def add(self, text: str, times: int) -> None:
        self.count += times
        self._term = None
        left = self._spellings.get(text, 0) + times
        if left:
            self._spellings[text] = left
            heappush(self._ranks, (-left, text))
        else:
            del self._spellings[text]
        if len(self._ranks) > 2 * len(self._spellings) + _SPARE:
            self._ranks = [(-times, spelling) for spelling, times in self._spellings.items()]
            heapify(self._ranks)

    def term(self, standing: Standing) -> Term:
        """With the spelling that most chose, of several the first by its characters."""
        if self._term is None or self._term.standing != standing:
            while self._spellings.get(self._ranks[0][1]) != -self._ranks[0][0]:
                heappop(self._ranks)
            self._term = Term(self.key, self._ranks[0][1], self.count, standing)
        return self._term


class TermTally(PlainTally):
    """How often each text came, and which of them may be seen. ``approval``: only what the host has shown.

    In the figures, texts stand under ``name``, at most ``most`` of them. Those in ``unseen`` forms are in no result.

    Texts are kept in order from one time of asking to the next: a tick comes after a few ballots, and putting ten
    thousand texts in order for each would hold up the votes of everybody.
    """

    __slots__ = (
        "_approval",
        "_changed",
        "_figures",
        "_judged",
        "_most",
        "_name",
        "_order",
        "_placed",
        "_rejudged",
        "_same",
        "_unseen",
    )

    def __init__(self, name: str, *, most: int, approval: bool, unseen: frozenset[str] = frozenset()) -> None:
        self._name = name
        self._most = most
        self._approval = approval
        self._unseen = unseen
        self._same: dict[str, _Same] = {}
        self._judged: dict[str, bool] = {}
        self._figures: Figures | None = None
        self._order: dict[Standing, list[_Rank]] = {}
        self._placed: dict[str, tuple[Standing, _Rank]] = {}
        # The forms and keys of what has another place since the texts were put in order.
        self._changed: set[str] = set()
        self._rejudged: set[str] = set()

    def count(self, texts: Iterable[str], times: int) -> None:
        """Add, or take back, what one voter wrote."""
        for text in texts:
            alike = form(text)
            if alike in self._unseen:
                continue
            same = self._same.get(alike)
            if same is None:
                same = self._same[alike] = _Same(text)
            same.add(text, times)
            if not same.count:
                del self._same[alike]
            self._changed.add(alike)
        self._figures = None

    def counts(self) -> tuple[int, ...]:
        return ()

    def terms(self) -> tuple[Term, ...]:
        order = self._in_order()
        return tuple(self._same[alike].term(self._placed[alike][0]) for _, alike in merge(*order.values()))

    def first_terms(self, standing: Standing, most: int) -> tuple[Term, ...]:
        return tuple(self._same[alike].term(standing) for _, alike in self._in_order()[standing][:most])

    def _in_order(self) -> Mapping[Standing, list[_Rank]]:
        """The ranks of all texts by their standing, from the first to the last."""
        if self._rejudged:
            self._changed.update(alike for alike, same in self._same.items() if same.key in self._rejudged)
            self._rejudged.clear()
        if not self._order or len(self._changed) * _MANY > len(self._same):
            self._order = {"shown": [], "pending": [], "hidden": []}
            self._placed = {alike: self._place(alike, same) for alike, same in self._same.items()}
            for standing, rank in self._placed.values():
                self._order[standing].append(rank)
            for ranks in self._order.values():
                ranks.sort()
        else:
            for alike in self._changed:
                self._move(alike)
        self._changed.clear()
        return self._order

    def _move(self, alike: str) -> None:
        """Take a text from where it stood and put it where it stands now, if it was and is there."""
        before, same = self._placed.pop(alike, None), self._same.get(alike)
        if before is not None:
            ranks = self._order[before[0]]
            del ranks[bisect_left(ranks, before[1])]
        if same is not None:
            place = self._placed[alike] = self._place(alike, same)
            insort(self._order[place[0]], place[1])

    def _place(self, alike: str, same: _Same) -> tuple[Standing, _Rank]:
        return self._standing(same.key), (-same.count, alike)

    def _standing(self, name: str) -> Standing:
        shown = self._judged.get(name)
        if shown is None:
            return "pending" if self._approval else "shown"
        return "shown" if shown else "hidden"

    def figures(self) -> Figures:
        """The texts that are shown with how often they came, and how many ``more`` of them there are."""
        if self._figures is None:
            first = self.first_terms("shown", self._most)
            more = len(self._order["shown"]) - len(first)
            self._figures = {self._name: [[term.text, term.count] for term in first], "more": more}
        return self._figures

    def judge(self, keys: Iterable[str], *, shown: bool) -> None:
        judged = dict.fromkeys(keys, shown)
        self._judged.update(judged)
        self._rejudged.update(judged)
        self._figures = None

    @property
    def judged(self) -> Mapping[str, bool]:
        return self._judged


class WrittenKind(PlainKind):
    """What the kinds themselves have in common."""

    written = True

    def tally(self, counts: tuple[int, ...], rules: object) -> None:
        """There are no counts."""

    def bins(self, options: tuple[str, ...], rules: object) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def conserved(self, counts: tuple[int, ...], voters: int, rules: object) -> bool:  # noqa: ARG002
        """There is nothing to add up."""
        return counts == ()


def once(texts: Iterable[str]) -> Iterator[str]:
    """The texts without those that are the same as an earlier one."""
    seen: set[str] = set()
    for text in texts:
        if form(text) not in seen:
            seen.add(form(text))
            yield text
