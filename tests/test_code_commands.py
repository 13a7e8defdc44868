"""``livevote codes``: codes for an operator who has a terminal, while no server runs."""

import csv
import json
import re
import stat
from pathlib import Path

from livevote.domain.code_text import shown
from livevote.live.codebook import draw
from tests.client import Venue, venue
from tests.process import process, run_cli


async def a_room(data: Path) -> str:
    async with venue(data) as at:
        return at.code


async def enter(at: Venue, code: str) -> int:
    return (await at.post(f"/api/rooms/{at.code}/code", {"code": code}, Cookie=await at.cookie())).code


async def test_codes_are_made_printed_and_entered(tmp_path: Path) -> None:
    data, made, page = tmp_path / "data", tmp_path / "codes.csv", tmp_path / "codes.html"
    code = await a_room(data)
    own = ("--data", str(data), "--url", "https://vote.example.org/")
    done = run_cli("codes", "make", code.lower(), "3", "-o", str(made), *own)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(f"Issued 3 codes to room {code} as list 1, root [0-9a-f]{{64}}\n", done.stdout)
    with made.open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["code"] for row in rows}) == 3
    assert all(row["link"].startswith(f"https://vote.example.org/{code}#k=") for row in rows)
    done = run_cli("codes", "print", code, str(made), "-o", str(page), "--title", "Chess & Go", *own)
    assert (done.returncode, done.stderr) == (0, "")
    text = page.read_text()
    assert re.findall("<li>.*?<b>(.*?)</b>", text) == [row["code"] for row in rows]
    assert text.count("Chess &amp; Go") == 5
    assert "<title>Codes for Chess &amp; Go</title>" in text
    arabic = tmp_path / "arabic.html"
    done = run_cli(
        "codes", "print", code, str(made), "-o", str(arabic), "--title", "{address}", "--language", "ar", *own
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert '<html lang="ar" dir="rtl">' in arabic.read_text()
    assert '<h1 dir="auto">رموز <bdi>{address}</bdi></h1>' in arabic.read_text(), "a title is no place for another"
    assert f"vote.example.org/{code}" in text
    for path in (made, page):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with venue(data) as at:
        assert [await enter(at, row["code"]) for row in rows] == [200] * 3
        assert await enter(at, draw(1)[0]) == 409


async def test_codes_that_were_made_elsewhere_are_brought_along(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "list.csv"
    code, codes = await a_room(data), draw(4)
    file.write_text("\ufeffcode;name\n" + "".join(f"{shown(each).lower()};Ann\n" for each in codes[:2]))
    done = run_cli("codes", "import", code, str(file), "--data", str(data))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Issued 2 codes" in done.stdout
    file.write_text("\n".join(codes[2:]) + "\n\n")
    assert "as list 2" in run_cli("codes", "import", code, str(file), "--data", str(data)).stdout
    async with venue(data) as at:
        assert [await enter(at, each) for each in codes] == [200] * 4
        response = await at.fetch(f"/api/rooms/{code}/codes", headers={"Authorization": f"Bearer {at.host_token}"})
        assert [each["used"] for each in json.loads(response.body)["lists"]] == [2, 2]


async def test_what_cannot_be_issued_leaves_nothing_behind(tmp_path: Path) -> None:
    data, made, file = tmp_path / "data", tmp_path / "codes.csv", tmp_path / "list.csv"
    code = await a_room(data)
    at = ("--data", str(data))
    done = run_cli("codes", "make", "XXXXXX", "3", "-o", str(made), *at)
    assert (done.returncode, made.exists()) == (66, False)
    assert "no room XXXXXX" in done.stderr
    file.write_text("0000-0000-000\nhello\n")
    done = run_cli("codes", "import", code, str(file), *at)
    assert (done.returncode, "Number 2 is not written like a code" in done.stderr) == (2, True)
    codes = draw(2)
    for text, said in (("", "a list has 1 to"), (f"{codes[0]}\n{codes[0]}\n", "or here twice")):
        file.write_text(text)
        done = run_cli("codes", "import", code, str(file), *at)
        assert (done.returncode, said in done.stderr) == (66, True)
    assert not list((data / "keys").glob("codes/*"))
    file.write_text(f"{codes[1]}\n")
    assert run_cli("codes", "import", code, str(file), *at).returncode == 0
    made.write_text("mine")
    done = run_cli("codes", "make", code, "3", "-o", str(made), *at)
    assert (done.returncode, made.read_text()) == (73, "mine")


def test_beside_a_running_server_only_printing_works(tmp_path: Path) -> None:
    made = tmp_path / "codes.csv"
    with process(tmp_path / "data") as server:
        code = server.read_until("Votes are kept.").partition("code ")[2][:6]
        done = run_cli("codes", "make", code, "3", "-o", str(made), "--data", str(tmp_path / "data"))
        assert (done.returncode, made.exists()) == (75, False)
        made.write_text(shown(draw(1)[0]))
        page = tmp_path / "codes.html"
        done = run_cli("codes", "print", code, str(made), "-o", str(page), "--data", str(tmp_path / "data"))
        assert done.returncode == 0
        assert f"127.0.0.1:{server.port}/{code}" in page.read_text()
        server.terminate()
