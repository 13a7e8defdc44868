"""The load generator without a library, with real sockets and the peers that need nothing but what the tests have."""

import contextlib
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench import lines as lines_module
from bench.expected import BenchError
from bench.frames import Votes, from_client
from bench.lines import Lines, as_of_in, index_in
from bench.peers import BARE, TORNADO, Peer
from bench.process import Place, started

HANDSHAKE = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


@asynccontextmanager
async def lines_to(peer: Peer, directory: Path, number: int) -> AsyncIterator[Lines]:
    command = [sys.executable, *peer.command()[1:]]
    async with started(command, place=Place(directory, None), name="peer") as process:
        lines = Lines(process.port)
        try:
            lines.gather(number)
            yield lines
        finally:
            lines.close()


@contextlib.contextmanager
def a_server(*answers: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server for one client: it sends each of ``answers`` after one read, and keeps what it has read."""
    read: list[bytes] = []

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            for answer in answers:
                read.append(client.recv(4096))
                client.sendall(answer)
            read.append(client.recv(4096))
            enough.wait(10)

    enough = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], read
        finally:
            enough.set()
            thread.join(10)


async def test_votes_come_back_from_an_echo(tmp_path: Path) -> None:
    async with lines_to(TORNADO, tmp_path, 20) as lines:
        votes = Votes("q1", 1, options=4)
        rest = lines.race(votes, during_s=0.2)
        answered = rest()
        numbers = [line.number for line in lines.open]
        assert answered > 20
        assert min(numbers) > 0
        # Of all that were sent, each line's last one was answered, too.
        assert max(numbers) == lines.sent
        assert answered <= lines.sent <= answered + 20
        # The next lap goes on with new numbers.
        lines.race(votes, during_s=0.05)()
        assert min(line.number for line in lines.open) > max(numbers)


async def test_lines_take_turns_when_fewer_votes_are_under_way_than_there_are_lines(tmp_path: Path) -> None:
    async with lines_to(TORNADO, tmp_path, 20) as lines:
        rest = lines.race(Votes("q1", 1, options=4), during_s=0.2, under_way=3)
        answered = rest()
        assert answered <= lines.sent <= answered + 3
        # The last votes of all lines are the last votes of all.
        assert sorted(line.number for line in lines.open) == list(range(lines.sent - 19, lines.sent + 1))


async def test_an_answer_without_the_right_words_fails_the_race(tmp_path: Path) -> None:
    async with lines_to(TORNADO, tmp_path, 1) as lines:
        with pytest.raises(BenchError, match="no answer to the vote 00000001"):
            lines.race(Votes("q1", 1, options=4), during_s=5, answer=b'"recorded"')


@pytest.mark.parametrize("peer", [TORNADO, BARE], ids=lambda peer: peer.program)
@pytest.mark.parametrize("size", [20, 200])
async def test_a_fan_out_reaches_everybody(peer: Peer, size: int, tmp_path: Path) -> None:
    payload = b'{"to":"' + b"x" * size + b'"}'
    async with lines_to(peer, tmp_path, 30) as lines:
        for _ in range(3):
            assert lines.fan_out(from_client(b"!" + payload), kind=b'"to"') == payload


async def test_steady_votes_are_all_answered(tmp_path: Path) -> None:
    async with lines_to(TORNADO, tmp_path, 5) as lines:
        votes = Votes("q1", 1, options=4)
        took_s = lines.steady(votes, [number / 100 for number in range(30)])
        assert len(took_s) == 30
        assert min(took_s) > 0
        took_s = lines.steady(votes, [0.0] * 10, until=lambda: True, least=4)
        assert 4 <= len(took_s) <= 10


def test_a_vote_that_a_busy_server_did_not_take_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "AGAIN_S", 0)
    votes = Votes("q1", 1, options=4)
    (id_,) = votes.ids([1])
    answers = (b'{"type":"%s","id":"%s"}' % (kind, id_) for kind in (b"unknown", b"recorded"))
    with a_server(HANDSHAKE, *(bytes((0x81, len(text))) + text for text in answers)) as (port, read):
        lines = Lines(port)
        lines.arrive(1)
        assert len(lines.steady(votes, [0.0], answer=b"recorded")) == 1
        lines.close()
    assert read[1] == read[2] == votes.frame(1)


def test_a_ping_is_answered() -> None:
    with a_server(HANDSHAKE, b"\x89\x02hi") as (port, read):
        lines = Lines(port)
        lines.arrive(1)
        lines.say(from_client(b"hello"))
        lines.settle(0.5)
        lines.close()
    assert read[2] == from_client(b"hi", 0x8A)


@pytest.mark.parametrize(("frame", "sentence"), [(b"\x88\x02\x0f\xa1", "with code 4001"), (b"", "without a word")])
def test_a_server_that_hangs_up_fails_the_run(frame: bytes, sentence: str) -> None:
    with a_server(HANDSHAKE) as (port, _):
        lines = Lines(port)
        lines.arrive(1)
        # Not over the wire: the order in which the server's last bytes and its end arrive is the kernel's business.
        with pytest.raises(BenchError, match=sentence):
            lines._frames(lines.open[0], frame)
        lines.close()


def test_a_visitor_loads_the_page_and_brings_its_cookie() -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b; Path=/\r\n\r\nhi"
    requests: list[bytes] = []

    def serve() -> None:
        for answer in (page, HANDSHAKE + b"\x81\x02{}\x81"):
            client, _ = listener.accept()
            with client:
                requests.append(client.recv(4096))
                client.sendall(answer)
                client.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        lines = Lines(listener.getsockname()[1])
        took_s = lines.arrive(
            1, page=b"GET / HTTP/1.1\r\n\r\n", upgrade_with=lambda cookies: cookies.encode(), greeted=True
        )
        lines_open = list(lines.open)
        lines.close()
        thread.join(10)
    assert requests == [b"GET / HTTP/1.1\r\n\r\n", b"a=b"]
    assert len(took_s) == 1
    # The greeting was read; what has begun after it is kept.
    assert lines_open[0].rest == b"\x81"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b""])
def test_a_refusal_fails_the_run(answer: bytes) -> None:
    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(4096)
            client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(BenchError, match="refused"):
            Lines(listener.getsockname()[1]).arrive(1)
        thread.join(10)


def test_nobody_listening_fails_the_run() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(BenchError, match=r"could not connect|refused"):
        Lines(port).arrive(1)


def test_numbers_are_found_in_answers() -> None:
    assert index_in(b'{"type":"recorded","index":17,"rev":0}') == 17
    assert as_of_in(b'{"type":"tally","as_of":4}') == 4
    with pytest.raises(BenchError, match="no number"):
        index_in(b"{}")
