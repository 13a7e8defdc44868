"""The score of Lighthouse, with a real browser and a stand-in for Lighthouse, which the tests do not install."""

import json
import shutil
from pathlib import Path

import pytest

from bench import lighthouse
from bench.expected import BenchError

# It asks the browser who it is, as Lighthouse would, and says what it is told to.
STAND_IN = """
const port = process.argv.find((one) => one.startsWith("--port=")).slice(7);
const { Browser } = await (await fetch(`http://127.0.0.1:${port}/json/version`)).json();
if (!/Chrom/.test(Browser)) process.exit(3);
SAID
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, chromium: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = tmp_path / ".browser"
    noted.write_text(f"{chromium}\n", encoding="utf-8")
    monkeypatch.setattr(lighthouse, "_NOTED", noted)
    monkeypatch.setattr(lighthouse, "_PROGRAM", tmp_path / "index.mjs")


def say(tmp_path: Path, said: str) -> None:
    (tmp_path / "index.mjs").write_text(STAND_IN.replace("SAID", said), encoding="utf-8")


@pytest.mark.browser
async def test_every_run_gives_a_score(tmp_path: Path) -> None:
    say(tmp_path, "console.log(JSON.stringify({categories: {performance: {score: 0.97}}}));")
    assert not lighthouse.missing()
    assert (
        await lighthouse.judge("http://127.0.0.1/", 2) == [lighthouse.Judgement({"performance": 97}, frozenset())] * 2
    )


@pytest.mark.browser
async def test_what_costs_points_is_named(tmp_path: Path) -> None:
    report = {
        "categories": {
            "performance": {"score": 0.5, "auditRefs": [{"id": "slow", "weight": 25}]},
            "accessibility": {
                "score": 0.9,
                "auditRefs": [{"id": "color-contrast", "weight": 7}, {"id": "image-alt", "weight": 10}],
            },
            "best-practices": {
                "score": 1,
                "auditRefs": [{"id": "nothing-to-see", "weight": 1}, {"id": "no-weight", "weight": 0}],
            },
        },
        "audits": {
            "slow": {"score": 0},
            "color-contrast": {"score": 0},
            "image-alt": {"score": 1},
            "nothing-to-see": {"score": None},
            "no-weight": {"score": 0},
        },
    }
    say(tmp_path, f"console.log({json.dumps(json.dumps(report))});")
    (judged,) = await lighthouse.judge("http://127.0.0.1/", 1, lighthouse.CATEGORIES)
    assert judged.scores == {"performance": 50, "accessibility": 90, "best-practices": 100}
    assert judged.short == {"color-contrast"}


@pytest.mark.browser
@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("console.log(JSON.stringify({categories: {performance: {score: null}}}));", "could not judge"),
        ('console.error("no page"); process.exit(1);', "failed: no page"),
    ],
)
async def test_a_run_without_a_score_is_an_error(tmp_path: Path, said: str, sentence: str) -> None:
    say(tmp_path, said)
    with pytest.raises(BenchError, match=sentence):
        await lighthouse.judge("http://127.0.0.1/", 1)


async def test_a_browser_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".browser").write_text(shutil.which("true") or "/bin/true", encoding="utf-8")
    with pytest.raises(BenchError, match="ended before"):
        await lighthouse.judge("http://127.0.0.1/", 1)


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "lighthouse is missing" in lighthouse.missing()
    say(tmp_path, "")
    monkeypatch.setattr(lighthouse, "_NOTED", tmp_path / "none")
    monkeypatch.setattr(shutil, "which", lambda name: "node" if name == "node" else None)
    assert "no Chromium" in lighthouse.missing()
