"""Axe looks for breaches of WCAG in a page as it stands.

What it cannot decide counts as a breach, but for the contrast of what is under something else: under a strip that
stays while the page scrolls. Nobody reads it there, and the same words are judged where they are seen.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
"""WCAG 2.2 on the levels A and AA, as far as a program can tell."""

_CHECKOUT = Path(__file__).parent.parent.parent

# Axe's own options but for the first two: a single letter or sign is a text like any other.
_CONFIGURE = """() => axe.configure({ checks: [{ id: "color-contrast", options: {
  ignoreLength: true, ignoreUnicode: false, ignorePseudo: false, boldValue: 700, boldTextPt: 14, largeTextPt: 18,
  contrastRatio: { normal: { expected: 4.5 }, large: { expected: 3 } },
  pseudoSizeThreshold: 0.25, shadowOutlineEmMax: 0.2, textStrokeEmMin: 0.03,
} }] })"""
# Axe knows no ground that a canvas paints. Bars behind words have a test of their own.
_RUN = """async ([type, values]) => {
  const layers = [...document.querySelectorAll(".r-canvas")];
  for (const layer of layers) layer.hidden = true;
  const options = { runOnly: { type, values }, resultTypes: ["violations", "incomplete"] };
  const { violations, incomplete } = await axe.run(document, options);
  for (const layer of layers) layer.hidden = false;
  const UNDER = ["bgOverlap", "elmPartiallyObscured", "elmPartiallyObscuring"];
  const covered = ({ any }) => any.length > 0 && any.every(({ data }) => UNDER.includes(data?.messageKey));
  const told = (word, { id, nodes }) => nodes.map(({ target, any, all, none }) =>
    [word, id, target.join(" "), [...any, ...all, ...none].map(({ message }) => message).join(" ")]);
  const unsure = incomplete.map((rule) => ({ ...rule, nodes: rule.nodes.filter((node) => !covered(node)) }));
  return [...violations.flatMap((rule) => told("breaks", rule)), ...unsure.flatMap((rule) => told("may break", rule))];
}"""


def script() -> Path:
    """The script of axe that ``tools/setup chart`` installed, or ``LIVEVOTE_AXE``. Without it, the test is skipped."""
    told = os.environ.get("LIVEVOTE_AXE")
    path = Path(told) if told else _CHECKOUT / "node_modules" / "axe-core" / "axe.min.js"
    if not path.exists():
        pytest.skip("no axe-core: 'make test' installs it")
    return path


def breaches(page: Page, *, of_colour: bool = False) -> list[str]:
    """Each breach of ``TAGS`` that is on the page at this moment: the rule, the element and the reason.

    ``of_colour`` asks for the contrast alone, the only thing in which two themes of a page differ.
    """
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(script().read_text(encoding="utf-8"))
        page.evaluate(_CONFIGURE)
    found: list[list[Any]] = page.evaluate(_RUN, ["rule", ["color-contrast"]] if of_colour else ["tag", TAGS])
    return [f"{word} {rule}: {element}: {reason}" for word, rule, element, reason in found]
