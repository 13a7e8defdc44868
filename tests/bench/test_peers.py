"""What livevote is compared with."""

import json
from pathlib import Path

import pytest

from bench import peers
from bench.frames import TEXT, from_client, whole_frames
from bench.peers import BARE, SOCKET_IO, SOCKETIFY, TORNADO, WEBSOCKETS, WS, Peer
from bench.peers.bare_send import accepted, fan_out_frame

ALL = [TORNADO, WS, WEBSOCKETS, SOCKETIFY, SOCKET_IO, BARE]
TOP = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("peer", ALL, ids=lambda peer: peer.name)
def test_every_peer_has_a_program_and_is_started_by_its_language(peer: Peer) -> None:
    runs, program, argument = peer.command("x")
    assert Path(program).is_file()
    assert argument == "x"
    assert runs == ("node" if peer.of_node else str(peers.PYTHON))


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peers, "PYTHON", tmp_path / "bin" / "python")
    assert "websockets is missing, see tools/setup bench" in WEBSOCKETS.missing()
    assert "Python is missing" in BARE.missing()
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert WS.missing() == "not measured: there is no node on this machine"


def test_what_is_there_is_not_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    packages = tmp_path / "lib" / "python3.99" / "site-packages"
    (packages / "websockets").mkdir(parents=True)
    (packages / "websockets-17.4.dist-info").mkdir()
    monkeypatch.setattr(peers, "PYTHON", tmp_path / "bin" / "python")
    assert WEBSOCKETS.missing() == ""
    assert BARE.missing() == ""
    assert "tornado is missing" in TORNADO.missing()
    assert ("Python peers", "websockets 17.4") in peers.versions()


def test_node_peers_are_pinned_with_hashes_and_without_addresses() -> None:
    text = (TOP / "bench" / "peers" / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in text
    lock = json.loads(text)
    packages = {name: facts for name, facts in lock["packages"].items() if name}
    assert {"node_modules/ws", "node_modules/socket.io"} <= set(packages)
    assert all("integrity" in facts and "resolved" not in facts for facts in packages.values())


@pytest.mark.parametrize("name", ["bench", "socketify"])
def test_python_peers_are_pinned_with_hashes_and_without_addresses(name: str) -> None:
    lock = (TOP / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert "://" not in lock
    pins = [line for line in lock.splitlines() if "==" in line and not line.startswith("#")]
    assert pins
    assert all(line.endswith("\\") for line in pins)


def test_the_same_tornado_is_compared_as_is_used() -> None:
    pins = [
        [line for line in (TOP / "requirements" / name).read_text().splitlines() if line.startswith("tornado==")]
        for name in ("run.txt", "bench.txt")
    ]
    assert pins[0] == pins[1] != []


def test_the_bare_peer_shakes_hands_as_the_standard_says() -> None:
    request = b"GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in accepted(request)


@pytest.mark.parametrize("size", [3, 125, 126, 300])
def test_the_bare_peer_builds_the_frame_for_everybody(size: int) -> None:
    payload = b"x" * size
    assert whole_frames(fan_out_frame(from_client(b"!" + payload))) == ([(TEXT, payload)], b"")
