"""A vote over TLS: its connections write through Tornado's stream and not straight to the socket."""

import ssl
import subprocess
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from livevote.server import running
from tests.client import Page, ballot, config, eventually


def self_signed(directory: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key, made for this test alone."""
    certificate, key = directory / "cert.pem", directory / "key.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=livevote -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return certificate, key


async def test_a_vote_over_tls_is_counted_and_shown(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with running(config(tmp_path / "data", sample=True, tls_cert=certificate, tls_key=key)) as server:
        base, code = server.urls[0], server.registry.all()[0].code
        assert base == f"https://127.0.0.1:{server.port}"
        http = AsyncHTTPClient(force_instance=True)
        response = await http.fetch(HTTPRequest(f"{base}/{code}", ssl_options=trusting))
        cookie = response.headers["Set-Cookie"]
        assert cookie.startswith("__Host-livevote.")
        assert "Secure" in cookie
        headers = {"Cookie": cookie.split(";")[0], "Origin": base}
        url = f"wss://127.0.0.1:{server.port}/ws/{code}"
        page = Page(await websocket_connect(HTTPRequest(url, headers=headers, ssl_options=trusting)))
        await page.send(ballot("v1", 1))
        assert (await page.until_type("recorded"))["index"] == 7
        assert (await page.until_tally(7))["counts"] == [0, 1, 0, 0]
        page.close()
        await page.closed()
        http.close()
        channel = server.registry.all()[0].channel
        await eventually(lambda: not channel.subscribers())
