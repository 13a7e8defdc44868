"""The texts of the pages: a catalog for each language, and how a page is built from its source and a catalog.

A source has ``{{client.send}}`` where a text stands in its HTML, and ``"client.send"`` where its script says one; a
page carries those that its script may say as JSON. ``docs/languages.md`` tells how to write them.
"""

import html
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from livevote.failures import SetupError
from livevote.web.languages import LANGUAGES, Language

Catalog = Mapping[str, str]
"""Texts by key, such as ``client.send``. A text that depends on a number has a key for each form: ``X.one``."""

FORMS = ("zero", "one", "two", "few", "many", "other")
"""The plural categories of CLDR, which the browser's ``Intl.PluralRules`` knows for every language."""

TRANSLATED = "{{lang}}"
"""What stands in the source of a page that is built for each language."""

_WORDS = Path(__file__).parent / "words"
_FILLED = re.compile(r"\{\{([a-z_.]+)\}\}")
_SAID = re.compile(r'"([a-z_]+\.(?:[a-z_]+\.)*[a-z_]*)"')
# Whole lines, so that nothing in a string or in an address is taken for one.
_COMMENT = re.compile(r"//.*|/\*((?!\*/).)*\*/|<!--((?!-->).)*-->")
_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
# In a selector a colon may follow a space, which then means something, but none follows a colon.
_SPACE = re.compile(r"\s*([{};,])\s*|(?<=:)\s+")


def load() -> dict[str, Catalog]:
    """Every catalog by language. Raises ``SetupError`` for a checkout that is not complete."""
    return {code: _read(code) for code in LANGUAGES}


def _read(code: str) -> Catalog:
    try:
        return msgspec.json.decode((_WORDS / f"{code}.json").read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError) as error:
        raise SetupError(f"words/{code}.json cannot be read ({error}). Take a complete checkout.") from error


def pack(source: str) -> str:
    """A page without indentation, empty lines, lines that are comments, and the spaces of its style sheet."""
    lines = (line.strip() for line in source.splitlines())
    packed = "".join(f"{line}\n" for line in lines if line and not _COMMENT.fullmatch(line))
    return _STYLE.sub(lambda found: _SPACE.sub(r"\1", found[0]), packed)


def build(source: str, language: Language, catalog: Catalog) -> str:
    """The page in one language. Raises ``SetupError`` for a text that the catalog does not have."""
    said = {key: catalog[key] for key in said_keys(source, catalog)}
    # As text of a script element, JSON must not end it.
    given = {
        "lang": language.code,
        "dir": language.direction,
        "languages": _switch(language),
        "words": msgspec.json.encode(said).decode().replace("<", "\\u003c"),
    }

    def fill(found: re.Match[str]) -> str:
        key = found[1]
        if key in given:
            return given[key]
        if key not in catalog:
            raise SetupError(f"A page says '{key}', and words/{language.code}.json does not have it.")
        return html.escape(catalog[key])

    return _FILLED.sub(fill, source)


def filled_keys(source: str) -> list[str]:
    """The keys of the texts in the page's HTML."""
    return [key for key in _FILLED.findall(source) if "." in key]


def said_keys(source: str, catalog: Catalog) -> list[str]:
    """The keys of the texts that the page's script may say, in the catalog's order.

    A string with the whole key names one text or its plural forms; one that ends in a dot all that begin so.
    """
    said = set(_SAID.findall(source))
    families = tuple(name for name in said if name.endswith("."))
    return [key for key in catalog if key in said or stem(key) in said or key.startswith(families)]


def stem(key: str) -> str:
    """A key without its plural form."""
    start, _, form = key.rpartition(".")
    return start if form in FORMS else key


def _switch(current: Language) -> str:
    """A button for every language, named in itself."""
    return "\n".join(
        f'<button type="button" class="quiet" lang="{language.code}" data-language="{language.code}"{mark}>'
        f"{html.escape(language.name)}</button>"
        for language in LANGUAGES.values()
        for mark in (' aria-current="true"' if language is current else "",)
    )
