"""The download that runs beside the load generator."""

import socket
import threading

import pytest

from bench.download import TOKEN, fetch, main


def serve(*answers: bytes) -> tuple[int, list[bytes], threading.Thread]:
    """A server that gives each connection the next of ``answers`` and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))
    requests: list[bytes] = []

    def run() -> None:
        with listener:
            for answer in answers:
                client, _ = listener.accept()
                with client:
                    requests.append(client.recv(4096))
                    client.sendall(answer)

    thread = threading.Thread(target=run)
    thread.start()
    return listener.getsockname()[1], requests, thread


def test_lines_and_bytes_are_counted() -> None:
    port, requests, thread = serve(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\n" + b"one,two\r\n" * 5000)
    assert fetch(port, "/x.csv", "secret") == (200, 5000, 45_000)
    thread.join(10)
    assert requests[0].startswith(b"GET /x.csv HTTP/1.0\r\n")
    assert b"Authorization: Bearer secret\r\n" in requests[0]


def test_no_answer_is_an_error() -> None:
    port, _, thread = serve(b"")
    with pytest.raises(ConnectionResetError):
        fetch(port, "/x.csv", "secret")
    thread.join(10)


def test_a_busy_server_is_asked_again(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    port, _, thread = serve(b"HTTP/1.0 503 Wait\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\na\nb\n")
    monkeypatch.setenv(TOKEN, "secret")
    monkeypatch.setattr("sys.argv", ["download", str(port), "/x.csv"])
    monkeypatch.setattr("bench.download.AGAIN_S", 0)
    assert main() == 0
    thread.join(10)
    assert capsys.readouterr().out.startswith("2 4 ")


def test_a_refusal_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    port, _, thread = serve(b"HTTP/1.0 404 Not here\r\n\r\n")
    monkeypatch.setenv(TOKEN, "secret")
    monkeypatch.setattr("sys.argv", ["download", str(port), "/x.csv"])
    assert main() == 1
    thread.join(10)
    assert "status 404" in capsys.readouterr().err
