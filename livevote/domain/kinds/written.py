"""What the kinds have in common whose voters write: which texts are the same, how often each came, and who sees it."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import sha256

from livevote.domain.kinds.base import Figures, PlainKind, PlainTally, Standing, Term

_KEY_DIGITS = 32


@lru_cache(maxsize=4096)
def form(text: str) -> str:
    """What texts have in common that are the same: they differ in upper and lower case only. ``text`` is cleaned."""
    return unicodedata.normalize("NFC", text.casefold())


def key(text: str) -> str:
    """The name of all texts that are the same as ``text``: hex of half of a SHA-256 of their common form."""
    return sha256(form(text).encode()).hexdigest()[:_KEY_DIGITS]


class _Same:
    """Texts that are the same: how often each spelling came."""

    __slots__ = ("count", "key", "spellings")

    def __init__(self, text: str) -> None:
        self.key = key(text)
        self.count = 0
        self.spellings: dict[str, int] = {}

    @property
    def text(self) -> str:
        """The spelling that most chose, of several the first by its characters."""
        return min(self.spellings, key=lambda spelling: (-self.spellings[spelling], spelling))


class TermTally(PlainTally):
    """How often each text came, and which of them may be seen. ``approval``: only what the host has shown.

    In the figures, texts stand under ``name``, at most ``most`` of them. Those in ``unseen`` forms are in no result.
    """

    __slots__ = ("_approval", "_judged", "_most", "_name", "_same", "_terms", "_unseen")

    def __init__(self, name: str, *, most: int, approval: bool, unseen: frozenset[str] = frozenset()) -> None:
        self._name = name
        self._most = most
        self._approval = approval
        self._unseen = unseen
        self._same: dict[str, _Same] = {}
        self._judged: dict[str, bool] = {}
        self._terms: tuple[Term, ...] | None = None

    def count(self, texts: Iterable[str], times: int) -> None:
        """Add, or take back, what one voter wrote."""
        for text in texts:
            alike = form(text)
            if alike in self._unseen:
                continue
            same = self._same.get(alike)
            if same is None:
                same = self._same[alike] = _Same(text)
            same.count += times
            left = same.spellings.get(text, 0) + times
            if left:
                same.spellings[text] = left
            else:
                del same.spellings[text]
            if not same.count:
                del self._same[alike]
        self._terms = None

    def counts(self) -> tuple[int, ...]:
        return ()

    def terms(self) -> tuple[Term, ...]:
        if self._terms is None:
            order = sorted(self._same.items(), key=lambda item: (-item[1].count, item[0]))
            self._terms = tuple(Term(same.key, same.text, same.count, self._standing(same.key)) for _, same in order)
        return self._terms

    def _standing(self, name: str) -> Standing:
        shown = self._judged.get(name)
        if shown is None:
            return "pending" if self._approval else "shown"
        return "shown" if shown else "hidden"

    def figures(self) -> Figures:
        """The texts that are shown with how often they came, and how many ``more`` of them there are."""
        shown = [[term.text, term.count] for term in self.terms() if term.standing == "shown"]
        return {self._name: shown[: self._most], "more": len(shown[self._most :])}

    def judge(self, keys: Iterable[str], *, shown: bool) -> None:
        self._judged.update(dict.fromkeys(keys, shown))
        self._terms = None

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
