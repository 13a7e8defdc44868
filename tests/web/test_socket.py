"""The socket against a server that really listens: votes, refusals, close codes, what is sent and what is hidden."""

import asyncio
import json
from pathlib import Path

import pytest

from livevote.protocol.codes import CLOSE, REJECTED, Wire
from tests.client import Message, ballot, eventually, venue

pytestmark = pytest.mark.usefixtures("wire")


async def test_a_vote_is_recorded_and_everybody_sees_it(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask(reveal=True)
        first, second = await at.open(), await at.open()
        state = await first.until_type("state")
        assert state["question"]["text"] == "Which?"
        assert state["tally"] == {
            "type": "tally",
            "question": "q1",
            "round": 1,
            "counts": [0, 0, 0],
            "voters": 0,
            "as_of": 4,
            "figures": {},
        }
        recorded = await first.vote("v1", 1)
        assert recorded == {
            "type": "recorded", "id": "v1", "question": "q1", "round": 1, "index": 5, "rev": 0, "at": recorded["at"],
            "receipt": recorded["receipt"]
        }  # fmt: skip
        for page in (first, second):
            tally = await page.until_tally(5)
            assert (tally["counts"], tally["voters"], tally["as_of"]) == ([0, 1, 0], 1, 5)


async def test_a_changed_vote_moves_and_does_not_add(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask(reveal=True)
        page = await at.open()
        assert (await page.vote("v1", 0))["rev"] == 0
        assert (await page.vote("v2", 2))["rev"] == 1
        tally = await page.until_tally(6)
        assert (tally["counts"], tally["voters"]) == ([0, 0, 1], 1)


async def test_i6_the_same_id_gets_the_same_answer_over_any_socket_and_after_a_restart(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        cookie = await at.cookie()
        page = await at.open(cookie)
        recorded = await page.vote("v1", 1)
        assert await page.vote("v1", 1) == recorded
        assert (await page.vote("v1", 2))["code"] == "conflict"
        assert await (await at.open(cookie)).vote("v1", 1) == recorded
        await at.command("close")
        assert await page.vote("v1", 1) == recorded
    async with venue(tmp_path) as at:
        page = await at.open(cookie)
        assert await page.vote("v1", 1) == recorded
        assert (await page.vote("v2", 1))["code"] == "closed"


async def test_several_tabs_are_one_voter(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask(reveal=True)
        cookie = await at.cookie()
        one, other = await at.open(cookie), await at.open(cookie)
        await one.vote("v1", 1)
        mine = await other.until(lambda message: message["type"] == "mine" and message["id"] is not None)
        assert (mine["id"], mine["answer"], mine["rev"]) == ("v1", {"choices": [1]}, 0)
        assert (await other.vote("v2", 0))["rev"] == 1
        tally = await one.until_tally(6)
        assert (tally["counts"], tally["voters"]) == ([1, 0, 0], 1)


async def test_i3_a_storm_of_votes_from_one_session_leaves_one_ballot(tmp_path: Path) -> None:
    async with venue(tmp_path, sockets_per_session=20) as at:
        await at.ask(changeable=False)
        cookie = await at.cookie()
        pages = [await at.open(cookie) for _ in range(20)]
        answers = await asyncio.gather(*(page.vote(f"v{n}", n % 3) for n, page in enumerate(pages)))
        types = [answer["type"] for answer in answers]
        assert types.count("recorded") == 1
        assert set(types) <= {"recorded", "rejected", "unknown"}, "those who are told to try again have not voted"
        room = at.server.registry.get(at.code)
        assert room is not None
        assert room.state.head == 4


async def test_who_reconnects_gets_the_state_and_the_own_ballot_at_once(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        cookie = await at.cookie()
        page = await at.open(cookie)
        recorded = await page.vote("v1", 2)
        page.close()
        again = await at.open(cookie)
        state, mine = await again.receive(), await again.receive()
        assert state is not None
        assert (state["type"], state["tally"]) == ("state", None)
        assert mine == {
            "type": "mine", "question": "q1", "round": 1, "id": "v1", "index": recorded["index"], "rev": 0,
            "at": recorded["at"], "answer": {"choices": [2]},
        }  # fmt: skip
        await again.send({"type": "sync"})
        assert (await again.until_type("state"))["as_of"] == recorded["index"]
        assert (await again.until_type("mine"))["id"] == "v1"


async def test_i12_hidden_means_that_no_byte_depends_on_the_answers_of_others(tmp_path: Path) -> None:
    transcripts = []
    for choices in ((0, 0, 0), (2, 1, 2)):
        async with venue(tmp_path / str(choices)) as at:
            await at.ask()
            watcher = await at.open()
            for number, choice in enumerate(choices):
                await (await at.open()).vote(f"v{number}", choice)
            await at.command("close")
            heard: list[Message] = []
            while not heard or heard[-1]["question"]["phase"] != "closed":
                message = await watcher.until_type("state")
                # Which ticks a state falls into is a matter of time, and as_of counts ballots, not answers.
                message.update(at=0, as_of=0, epoch="", room="")
                if message not in heard:
                    heard.append(message)
            transcripts.append(heard)
    assert transcripts[0] == transcripts[1]
    assert "counts" not in json.dumps(transcripts)


async def test_reveal_shows_the_result_and_hide_takes_it_back(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        page = await at.open()
        await page.vote("v1", 1)
        await at.command("close")
        await at.command("reveal")
        shown = await page.until(lambda message: message["type"] == "state" and message["question"]["revealed"])
        assert shown["tally"]["counts"] == [0, 1, 0]
        await at.command("hide")
        hidden = await page.until(lambda message: message["type"] == "state" and not message["question"]["revealed"])
        assert hidden["tally"] is None


async def test_asking_again_begins_an_empty_round(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        page = await at.open()
        await page.vote("v1", 1)
        await at.command("close")
        await at.command("ask_again")
        state = await page.until(lambda message: message["type"] == "state" and message["question"]["round"] == 2)
        assert (state["question"]["phase"], state["tally"]) == ("open", None)
        assert (await page.vote("v2", 0))["code"] == "wrong_round"
        assert (await page.vote("v3", 0, round_=2))["type"] == "recorded"


BAD_MESSAGES = {
    "text that is not JSON": ("hello", None),
    "an array": ("[]", None),
    "deep nesting": ("[" * 4000, None),
    "an unknown type": ('{"type":"dance","id":"v1"}', "v1"),
    "no type": ('{"id":"v1"}', "v1"),
    "NaN": ('{"type":"vote","id":"v1","question":"q1","round":NaN,"answer":{"choices":[0]}}', None),
    "a fraction": ('{"type":"vote","id":"v1","question":"q1","round":1.5,"answer":{"choices":[0]}}', "v1"),
    "an id with blanks": ('{"type":"vote","id":"v 1","question":"q1","round":1,"answer":{"choices":[0]}}', "v 1"),
}


@pytest.mark.parametrize("case", BAD_MESSAGES)
async def test_a_bad_message_is_rejected_and_the_others_notice_nothing(tmp_path: Path, case: str) -> None:
    text, id_ = BAD_MESSAGES[case]
    async with venue(tmp_path) as at:
        await at.ask(reveal=True)
        bad, good = await at.open(), await at.open()
        await bad.send(text)
        assert await bad.until_type("rejected") == {
            "type": "rejected", "id": id_, "code": "bad_message", "message": REJECTED[Wire.BAD_MESSAGE]
        }  # fmt: skip
        assert (await good.vote("v1", 1))["type"] == "recorded"
        assert (await bad.vote("v2", 1))["type"] == "recorded"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"choices": [3]}, "out_of_range"),
        ({"choices": [-1]}, "out_of_range"),
        ({"choices": [0, 0]}, "duplicate_choice"),
        ({"choices": [0, 1]}, "too_many"),
        ({"choices": []}, "too_few"),
        ({"choices": ["0"]}, "bad_answer"),
        ({"choices": [1.0]}, "bad_answer"),
        ({}, "bad_answer"),
        (None, "bad_answer"),
    ],
)
async def test_an_answer_that_does_not_fit_is_rejected(tmp_path: Path, answer: object, code: str) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        page = await at.open()
        await page.send({**ballot("v1"), "answer": answer})
        rejected = await page.until(lambda message: message.get("id") == "v1")
        assert (rejected["type"], rejected["code"]) == ("rejected", code)


async def test_votes_at_the_wrong_time_or_place_are_rejected(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.command("add_question", kind="single", text="Later?", options=["A", "B"])
        page = await at.open()
        assert (await page.vote("v1", 0))["code"] == "not_open"
        assert (await page.vote("v2", 0, question="q9"))["code"] == "unknown_question"
        await at.command("open")
        assert (await page.vote("v3", 0, round_=2))["code"] == "wrong_round"
        await at.command("close")
        assert (await page.vote("v4", 0))["code"] == "closed"


async def test_binary_and_oversized_messages_close_the_socket_for_good(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        binary, large, other = await at.open(), await at.open(), await at.open()
        await binary.send(b"\x00\x01")
        assert await binary.closed() == CLOSE["binary_refused"].code
        await large.send("\u20ac" * 1366)
        assert await large.closed() == CLOSE["too_big"].code
        huge = await at.open()
        await huge.send("x" * 100_000)
        assert await huge.closed() in (CLOSE["too_big"].code, None)
        await other.send({"type": "sync"})
        assert (await other.until_type("state"))["role"] == "voter"


@pytest.mark.parametrize(
    ("code", "cookie", "host", "wanted"),
    [
        ("XXXXXX", None, False, "no_such_room"),
        ("", "", False, "no_session"),
        ("", "livevote.x=forged", False, "no_session"),
        ("", None, True, "not_the_host"),
    ],
)
async def test_the_close_code_says_why_and_whether_to_come_back(
    tmp_path: Path, code: str, cookie: str | None, host: bool, wanted: str
) -> None:
    async with venue(tmp_path) as at:
        page = await at.open(cookie, code=code, role="host" if host else "")
        assert await page.closed() == CLOSE[wanted].code


async def test_too_many_tabs_of_one_browser_cost_the_oldest(tmp_path: Path) -> None:
    async with venue(tmp_path, sockets_per_session=2) as at:
        await at.ask()
        cookie = await at.cookie()
        pages = [await at.open(cookie) for _ in range(4)]
        for page in pages[:2]:
            assert await page.closed() == CLOSE["too_many_sockets"].code
        for number, page in enumerate(pages[2:]):
            assert (await page.vote(f"v{number}", number))["type"] == "recorded"
        room = at.server.registry.get(at.code)
        assert room is not None
        await eventually(lambda: len(room.channel.subscribers()) == 2)


async def test_a_role_that_is_no_text_is_refused_and_not_a_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with venue(tmp_path) as at:
        response = await at.fetch(f"/ws/{at.code}?role=%ff", headers={"Origin": at.base})
        assert response.code == 400
    assert caplog.text == ""


@pytest.mark.parametrize("origin", ["http://evil.example", "https://127.0.0.1", "null", ""])
async def test_sockets_of_foreign_pages_are_refused(tmp_path: Path, origin: str) -> None:
    from tornado.httpclient import HTTPClientError

    async with venue(tmp_path) as at:
        with pytest.raises(HTTPClientError) as refused:
            await at.open(Origin=origin)
        assert refused.value.code == 403


async def test_a_page_that_sends_too_fast_is_told_to_wait_and_then_dropped(tmp_path: Path) -> None:
    async with venue(tmp_path, vote_burst=3, vote_rate=0.001) as at:
        await at.ask()
        page = await at.open()
        answers = [await page.vote(f"v{n}", n % 3) for n in range(4)]
        assert [answer["type"] for answer in answers] == ["recorded"] * 3 + ["unknown"]
        assert answers[3]["code"] == "too_fast"
        assert answers[3]["retry_ms"] > 0
        for _ in range(60):
            await page.send({"type": "sync"})
        assert await page.closed() == CLOSE["too_fast"].code


async def test_the_host_sees_counts_online_and_votes_while_voters_do_not(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        host = await at.open_host()
        first = await host.until_type("state")
        assert (first["role"], first["online"], first["current"]) == ("host", 0, "q1")
        page = await at.open()
        await page.vote("v1", 1)
        seen = await host.until(lambda message: bool(message["questions"][0]["voters"]))
        assert (seen["online"], seen["questions"][0]["counts"]) == (1, [0, 1, 0])
        page.close()
        assert (await host.until(lambda message: message["online"] == 0))["questions"][0]["voters"] == 1
        await host.send(ballot("v2", 1))
        assert (await host.until_type("rejected"))["code"] == "not_a_voter"
        await host.send({"type": "sync"})
        assert (await host.until_type("state"))["role"] == "host"


async def test_i10_as_of_never_goes_back(tmp_path: Path) -> None:
    async with venue(tmp_path, vote_burst=1000) as at:
        await at.ask(reveal=True)
        watcher, voter = await at.open(), await at.open()
        for number in range(200):
            await voter.vote(f"v{number}", number % 3)
        seen: list[int] = []
        while not seen or seen[-1] < 204:
            await watcher.send({"type": "sync"})
            message = await watcher.until(lambda message: "as_of" in message)
            seen.append(message["as_of"])
        assert seen == sorted(seen)
        assert len(seen) < 200, "votes within a tick share a frame"


async def test_the_socket_needs_no_query_and_ignores_case_of_the_code(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        page = await at.open(code=at.code.lower())
        state = await page.receive()
        assert state is not None
        assert state["room"] == {"code": at.code, "title": "Test"}
        assert state["question"] is None
