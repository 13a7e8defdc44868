"""The pages as a browser gets them: headers, cookies, compression, policies, and addresses that lead nowhere."""

import gzip
import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from livevote.protocol.codes import CLOSES
from livevote.web import catalogs
from livevote.web.assets import SCRIPTS
from livevote.web.base import HEADERS
from livevote.web.languages import LANGUAGES
from tests.client import venue

CHECKOUT = Path(__file__).parent.parent.parent
CATALOGS = catalogs.load()
PAGES = [CHECKOUT / "client.html", *sorted((CHECKOUT / "livevote" / "web" / "pages").glob("*.html"))]


@pytest.mark.parametrize("path", ["/", "/host", "/{code}", "/host/{code}"])
async def test_pages_carry_their_policy_and_set_one_session(tmp_path: Path, path: str) -> None:
    async with venue(tmp_path) as at:
        response = await at.fetch(path.format(code=at.code.lower()))
        assert response.code == 200
        for name, value in HEADERS.items():
            if name != "Cache-Control":
                assert response.headers[name] == value
        policy = response.headers["Content-Security-Policy"]
        script = re.findall(rb"<script>(.*?)</script>", response.body, flags=re.DOTALL)
        assert len(script) == 1
        assert f"'sha256-{b64encode(sha256(script[0]).digest()).decode()}'" in policy
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert f"connect-src 'self' ws://127.0.0.1:{at.server.port};" in policy
        cookie = response.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Secure" not in cookie
        again = await at.fetch(path.format(code=at.code), headers={"Cookie": cookie.split(";")[0]})
        assert "Set-Cookie" not in again.headers


async def test_under_tls_cookies_are_secure_and_bound_to_the_host(tmp_path: Path) -> None:
    async with venue(tmp_path, url="https://vote.example.org") as at:
        response = await at.fetch("/", headers={"Host": "vote.example.org"})
        cookie = response.headers["Set-Cookie"]
        assert cookie.startswith("__Host-livevote.")
        assert "Secure" in cookie
        assert response.headers["Strict-Transport-Security"]
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "connect-src 'self' wss://vote.example.org;" in response.headers["Content-Security-Policy"]
        page = await at.open(await at.cookie(), Origin="https://vote.example.org")
        assert await page.receive()


async def test_pages_are_compressed_once_and_not_sent_again_unchanged(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        client = at.server.services.assets.client.find("en").body
        plain = await at.fetch("/", decompress_response=False)
        assert plain.body == client
        packed = await at.fetch("/", decompress_response=False, headers={"Accept-Encoding": "br, gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.body) == client
        etag = plain.headers["Etag"]
        unchanged = await at.fetch("/", headers={"If-None-Match": etag, "Cookie": await at.cookie()})
        assert (unchanged.code, unchanged.body) == (304, b"")
        stranger = await at.fetch("/", headers={"If-None-Match": etag})
        assert stranger.code == 200, "who has no session needs the answer that sets one"
        assert stranger.headers["Cache-Control"] == "private, no-cache", "or a cache gives two people one session"
        assert (await at.fetch("/", method="HEAD")).headers["Etag"] == etag
        chart = await at.fetch("/assets/chart.js", decompress_response=False)
        assert chart.headers["Content-Type"].startswith("text/javascript")
        assert b"Chart" in chart.body


async def test_the_voters_page_is_small_in_every_language(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        for code in LANGUAGES:
            asked = {"Accept-Encoding": "gzip", "Accept-Language": code}
            page = await at.fetch(f"/{at.code}", decompress_response=False, headers=asked)
            headers = sum(len(f"{name}: {value}\r\n") for name, value in page.headers.get_all())
            assert page.headers["Content-Language"] == code
            assert len(page.body) + headers < 30_000, code


async def test_results_are_drawn_in_the_language_of_the_page(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        for asked, code in (*((code, code) for code in LANGUAGES), ("xx", "en"), ("", "en")):
            script = await at.fetch(f"/assets/results.js?language={asked}")
            source, _, words = script.body.decode().rpartition("\nlivevote.results.words = ")
            catalog = {key: text for key, text in CATALOGS[code].items() if key.startswith("results.")}
            assert json.loads(words.strip().removesuffix(";")) == catalog
            english = re.search(r"const TEXTS = (\{.*?\n\});", source, flags=re.DOTALL)
            assert english is not None
            assert json.loads(re.sub(r",(\s*\})$", r"\1", english[1])) == {
                key: text for key, text in CATALOGS["en"].items() if key.startswith("results.")
            }
            again = await at.fetch(
                f"/assets/results.js?language={asked}", headers={"If-None-Match": script.headers["Etag"]}
            )
            assert again.code == 304


@pytest.mark.parametrize("name", SCRIPTS)
async def test_a_late_script_brings_its_texts_in_the_language_of_the_page(tmp_path: Path, name: str) -> None:
    async with venue(tmp_path) as at:
        etags = set()
        for code in LANGUAGES:
            script = await at.fetch(f"/assets/{name}.js?language={code}")
            assert script.headers["Content-Type"].startswith("text/javascript")
            source, _, words = script.body.decode().rpartition(f"\nlivevote.{name}.words = ")
            assert source
            said = json.loads(words.strip().removesuffix(";"))
            assert said
            assert said == {key: CATALOGS[code][key] for key in said}
            etags.add(script.headers["Etag"])
        assert len(etags) == len(LANGUAGES)
        packed = {"Accept-Encoding": "gzip", "If-None-Match": "x"}
        answer = await at.fetch(f"/assets/{name}.js", headers=packed, decompress_response=False)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert (await at.fetch(f"/assets/{name}s.js")).code == 404


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_late_script_keeps_to_the_pages_policy(name: str) -> None:
    text = (CHECKOUT / "livevote" / "web" / "pages" / f"{name}.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|cssText", text)
    assert not re.search(r"https?:", text), "everything comes from this server"


async def test_a_page_is_another_one_in_every_language(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        cookie, etags = await at.cookie(), set()
        for code, language in LANGUAGES.items():
            asked = {"Accept-Language": f"{code}-XX, en;q=0.5"}
            page = await at.fetch(f"/{at.code}", headers=asked)
            assert page.headers["Content-Language"] == code
            assert page.headers["Vary"] == "Accept-Encoding, Accept-Language, Cookie"
            assert f'<html lang="{code}" dir="{language.direction}">'.encode() in page.body
            etag = page.headers["Etag"]
            etags.add(etag)
            again = await at.fetch(f"/{at.code}", headers={**asked, "If-None-Match": etag, "Cookie": cookie})
            assert (again.code, again.body) == (304, b"")
            chosen = {"If-None-Match": etag, "Cookie": f"{cookie}; livevote-language={'ja' if code != 'ja' else 'de'}"}
            other = await at.fetch(f"/{at.code}", headers={**asked, **chosen})
            assert (other.code, other.headers["Content-Language"]) == (200, "ja" if code != "ja" else "de")
            missing = await at.fetch("/XXXXXX", headers=asked)
            assert (missing.code, missing.headers["Content-Language"]) == (404, code)
            host = await at.fetch("/host", headers=asked)
            assert (host.code, host.headers["Content-Language"]) == (200, code)
            for path in ("wall", "replay"):
                shown = await at.fetch(f"/{path}/{at.code}", headers=asked)
                assert (shown.code, shown.headers["Content-Language"]) == (200, code)
        assert len(etags) == len(LANGUAGES)
        chart = await at.fetch("/assets/chart.js", headers={"Accept-Language": "de"})
        assert chart.headers["Vary"] == "Accept-Encoding"
        assert "Content-Language" not in chart.headers


async def test_a_rooms_language_goes_before_the_browsers(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        for chosen, shown in (("fr", "fr"), ("ar", "ar"), ("", "de")):
            await at.command("set_language", language=chosen)
            rooms = [f"{page}/{at.code}" for page in ("", "/wall", "/replay", "/host", "/check")]
            for path, language in (*((path, shown) for path in rooms), ("/", "de")):
                assert (await at.fetch(path, headers={"Accept-Language": "de"})).headers["Content-Language"] == language


async def test_an_unknown_code_gets_a_page_in_plain_words(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        for path in ("/XXXXXX", "/host/XXXXXX", "/no/such/page", "/favicon.ico"):
            response = await at.fetch(path)
            assert response.code == 404
            assert response.headers["Content-Type"] == "text/html; charset=utf-8"
            assert b"no room with" in response.body.lower()
            assert "Set-Cookie" not in response.headers
        response = await at.fetch("/api/nothing")
        assert response.code == 404
        assert b"no_such_route" in response.body


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:1", 200),
        ("127.0.0.1", 200),
        ("192.168.1.7:8888", 200),
        ("[::1]:8888", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("user@127.0.0.1", 400),
        ("127.0.0.1:port", 421),
        ("", 421),
    ],
)
async def test_only_own_names_are_answered(tmp_path: Path, host: str, status: int) -> None:
    async with venue(tmp_path) as at:
        for path in ("/", "/nothing", "/healthz"):
            response = await at.fetch(path, headers={"Host": host})
            assert response.code == (404 if path == "/nothing" and status == 200 else status), path


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_is_one_file_that_keeps_to_its_policy(page: Path) -> None:
    text = page.read_text()
    data = '<script type="application/json" id="words">{{words}}</script>'
    assert len(re.findall(r"<script", text)) == len(re.findall(r"<script>", text)) + text.count(data)
    assert len(re.findall(r"<script>", text)) <= 1 >= text.count(data)
    assert len(re.findall(r"<style", text)) == len(re.findall(r"<style>", text)) <= 1
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text), "inline handlers are blocked"
    elements = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"<[a-z][^>]*\sstyle=", elements), "style attributes are blocked"
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text), "everything comes from this server"


@pytest.mark.parametrize("name", ["client.html", "host.html"])
def test_pages_know_every_close_code(name: str) -> None:
    page = next(path for path in PAGES if path.name == name)
    found = re.search(r"/\* close-codes \*/(.*?)/\* end close-codes \*/", page.read_text(), flags=re.DOTALL)
    assert found is not None
    table = json.loads(found[1].strip().removesuffix(";").removesuffix(","))
    assert table == {str(close.code): {"retry": close.retry, "name": close.name} for close in CLOSES}
