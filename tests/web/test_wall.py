"""The wall: what its socket is sent and what not (I12), who may open it, and on which sites it may stand."""

import json
from pathlib import Path
from typing import Any

import pytest

from livevote.domain.merkle import root
from livevote.web.base import HEADERS
from tests.client import Message, Page, Venue, venue


async def open_wall(at: Venue) -> Page:
    """A wall's socket, from a browser without any cookie."""
    return await at.open("", role="wall")


async def embed(at: Venue, *ancestors: str) -> None:
    body = {"type": "set_embedding", "ancestors": ancestors}
    response = await at.post(f"/api/rooms/{at.code}/commands", body, key=at.host_token)
    assert response.code == 200, response.body


async def test_a_wall_without_a_cookie_sees_what_voters_see_and_how_many_voted(tmp_path: Path, wire: str) -> None:  # noqa: ARG001
    async with venue(tmp_path) as at:
        wall = await open_wall(at)
        waiting = await wall.until_type("state")
        assert (waiting["role"], waiting["question"], waiting["voted"], waiting["online"]) == ("wall", None, 0, 0)
        assert waiting["join_url"].endswith(f"/{at.code}")
        voter = await at.open()
        assert (await wall.until(lambda state: state["online"] == 1))["fingerprint"] is None
        await at.ask()
        await voter.vote("v1", 1)
        open_ = await wall.until(lambda state: state["voted"] == 1)
        assert (open_["question"]["phase"], open_["tally"], open_["fingerprint"]) == ("open", None, None)
        await at.command("reveal")
        revealed = await wall.until(lambda state: state["tally"] is not None)
        assert revealed["tally"]["counts"] == [0, 1, 0]
        seen = await voter.until(lambda message: message["type"] == "state" and message["tally"] is not None)
        assert {name: revealed[name] for name in seen if name not in ("at", "role")} == {
            name: seen[name] for name in seen if name not in ("at", "role")
        }


async def test_a_wall_cannot_vote_and_is_no_voter(tmp_path: Path, wire: str) -> None:  # noqa: ARG001
    async with venue(tmp_path) as at:
        await at.ask()
        wall = await open_wall(at)
        assert (await wall.vote("v1", 1))["code"] == "not_a_voter"
        await wall.send({"type": "sync"})
        state = await wall.until(lambda message: message["type"] == "state" and message["as_of"] == 3)
        assert (state["voted"], state["online"]) == (0, 0)
        assert await (await at.open("", code="XXXXXX", role="wall")).closed() == 4404


async def test_i12_no_byte_to_a_wall_depends_on_the_answers_before_the_reveal(tmp_path: Path, wire: str) -> None:  # noqa: ARG001
    transcripts = []
    for choices in ((0, 0, 1, 2), (2, 1, 0, 0)):
        async with venue(tmp_path / "".join(map(str, choices))) as at:
            await at.ask()
            wall = await open_wall(at)
            heard: list[Message] = []
            voters = [await at.open() for _ in choices]
            for number, (voter, choice) in enumerate(zip(voters, choices, strict=True)):
                await voter.vote(f"v{number}", choice)
                # One state for each ballot: which of them share a tick is a matter of time.
                heard.append(await wall.until(lambda state, voted=number + 1: state["voted"] == voted))  # type: ignore[misc]
            await voters[0].vote("again", choices[1])
            await at.command("close")
            heard.append(await wall.until(lambda state: state["question"]["phase"] == "closed"))
            for state in heard:
                # What is another one in every room, at every moment and for every salt.
                state.update(at=0, epoch="", room="", join_url="")
                if state["fingerprint"]:
                    assert len(state["fingerprint"].pop("root")) == 64
            transcripts.append(json.dumps(heard))
    assert transcripts[0] == transcripts[1]
    assert "counts" not in transcripts[0]


async def test_the_fingerprint_is_that_of_the_log_when_the_round_closed(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        voter, wall = await at.open(), await open_wall(at)
        await voter.vote("v1", 1)
        await at.command("close")
        closed = await wall.until(lambda state: state["fingerprint"] is not None)
        await at.command("reveal")
        revealed = await wall.until(lambda state: state["tally"] is not None)
        # A room's creation, the question, its opening, a ballot and the closing.
        assert closed["fingerprint"]["as_of"] == 5
        assert revealed["fingerprint"] == closed["fingerprint"]
        response = await at.fetch(
            f"/api/rooms/{at.code}/exports/records.jsonl", headers={"Authorization": f"Bearer {at.host_token}"}
        )
        leaves = [bytes.fromhex(json.loads(line)["leaf"]) for line in response.body.splitlines()]
        assert closed["fingerprint"]["root"] == root(leaves[:5]).hex()
        await at.command("ask_again")
        assert (await wall.until(lambda state: state["question"]["round"] == 2))["fingerprint"] is None
        await at.command("close")
        await wall.until(lambda state: state["fingerprint"] is not None)
    async with venue(tmp_path) as at:
        # Nobody keeps it over a restart, so it is that of a later moment, and says so.
        restarted = await (await open_wall(at)).until_type("state")
        assert restarted["fingerprint"]["as_of"] == restarted["as_of"] == 8


async def test_the_page_needs_no_session_and_leaves_no_cookie(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        response = await at.fetch(f"/wall/{at.code.lower()}?embed=1")
        assert response.code == 200
        for name, value in HEADERS.items():
            if name != "Cache-Control":
                assert response.headers[name] == value
        assert "Set-Cookie" not in response.headers
        script = await at.fetch("/assets/results.js")
        assert script.headers["Content-Type"].startswith("text/javascript")
        again = await at.fetch("/assets/results.js", headers={"If-None-Match": script.headers["Etag"]})
        assert again.code == 304
        packed = await at.fetch("/assets/results.js", headers={"Accept-Encoding": "gzip"}, decompress_response=False)
        assert packed.headers["Content-Encoding"] == "gzip"
        assert (await at.fetch("/wall/XXXXXX")).code == 404


@pytest.mark.parametrize("sites", [("https://slides.example.org", "file:"), ("*",), ()])
async def test_only_the_sites_that_the_host_names_may_show_the_wall(tmp_path: Path, sites: tuple[str, ...]) -> None:
    async with venue(tmp_path) as at:
        await embed(at, "https://before.example.org")
        await embed(at, *sites)
        wanted = " ".join(sites) or "'none'"
        first = await at.fetch(f"/wall/{at.code}")
        assert f"; frame-ancestors {wanted};" in first.headers["Content-Security-Policy"]
        # Also for who has it in a cache: the page has not changed, and its policy may have.
        again = await at.fetch(f"/wall/{at.code}", headers={"If-None-Match": first.headers["Etag"]})
        assert again.code == 200
        host = await (await at.open_host()).until_type("state")
        assert host["embedding"] == list(sites)
        for path in (f"/{at.code}", f"/host/{at.code}", f"/replay/{at.code}"):
            other = await at.fetch(path)
            assert "; frame-ancestors 'none';" in other.headers["Content-Security-Policy"], path


async def test_a_site_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        body = {"type": "set_embedding", "ancestors": ["https://a.example; script-src *"]}
        response = await at.post(f"/api/rooms/{at.code}/commands", body, key=at.host_token)
        assert response.code == 409
        error: dict[str, Any] = json.loads(response.body)["error"]
        assert error["code"] == "bad_origin"
        assert error["message"].startswith("The wall cannot be shown on such a site: site 1 is no address such as")
        assert "'none'" in (await at.fetch(f"/wall/{at.code}")).headers["Content-Security-Policy"]


async def test_the_wall_has_the_board_the_reactions_and_the_leaderboard_while_it_is_shown(
    tmp_path: Path,
    wire: str,  # noqa: ARG001
) -> None:
    async with venue(tmp_path) as at:
        await at.command("link_pseudonyms")
        await at.command("switch_board", on=True, approval=True)
        await at.command("switch_reactions", on=True)
        ann, bob, wall = await at.open(), await at.open(), await open_wall(at)
        empty = await wall.until_type("board")
        assert (empty["posts"], empty["more"]) == ([], 0)
        post = await ann.ask_post("p1", "Why?")
        await at.command("judge_posts", posts=[post["index"]], shown=True)
        await at.command("pin_post", post=post["index"])
        shown = await wall.until(
            lambda message: message["type"] == "board" and any(post["pinned"] for post in message["posts"])
        )
        assert [(each["text"], each["pinned"]) for each in shown["posts"]] == [("Why?", True)]
        assert "standing" not in shown["posts"][0], "what only the host is told"
        await bob.send({"type": "react", "kind": "clap"})
        await wall.until(lambda message: message["type"] == "pulse" and message["counts"]["clap"] == 1)
        await wall.send({"type": "react", "kind": "clap"})
        refused = await wall.until_type("rejected")
        assert (refused["id"], refused["code"]) == (None, "not_a_voter")
        await ann.name("n1", "Ann")
        await at.ask(quiz={"right": [1], "points": 100})
        await ann.vote("v1", 1)
        await bob.vote("v1", 0)
        await at.command("close")
        await at.command("show_solution")
        solved = await wall.until(lambda message: bool((message.get("question") or {}).get("solution")))
        assert (solved["question"]["solution"]["right"], solved["leaderboard"]) == ([1], None)
        await at.command("show_leaderboard", on=True)
        state = await wall.until(lambda message: message["type"] == "state" and message["leaderboard"] is not None)
        assert state["leaderboard"]["of"] == 2
        assert [(each["rank"], each["name"], each["points"]) for each in state["leaderboard"]["places"]] == [
            (1, "Ann", 100),
            (2, None, 0),
        ]
        late = await open_wall(at)
        assert (await late.until_type("state"))["leaderboard"] == state["leaderboard"]
        assert (await late.until_type("board"))["posts"] == shown["posts"]
        await at.command("show_leaderboard", on=False)
        await wall.until(lambda message: message["type"] == "state" and message["leaderboard"] is None)


async def test_i12_the_truth_of_an_estimate_is_told_once_its_solution_is_shown(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        rules = {"min": 0, "max": 99999, "truth": 31415}
        quiz: Message = {"right": []}
        await at.command("add_question", kind="estimate", text="How many?", options=[], rules=rules, quiz=quiz)
        await at.command("open")
        await at.command("reveal")
        voter, wall = await at.open(), await open_wall(at)
        await voter.send({"type": "vote", "id": "v1", "question": "q1", "round": 1, "answer": {"value": 31000}})
        heard: list[Message] = [
            # By itself, or in a state where the reveal is of the same tick.
            await voter.until(lambda message: (message.get("tally") or message).get("voters") == 1),
            await wall.until(lambda message: message["type"] == "state" and message["voted"] == 1),
        ]
        await at.command("close")
        heard += [
            await page.until(lambda message: message["type"] == "state" and message["question"]["phase"] == "closed")
            for page in (voter, wall)
        ]
        assert "31415" not in json.dumps(heard)
        await at.command("show_solution")
        for page in (voter, wall):
            told = await page.until(lambda message: bool((message.get("question") or {}).get("solution")))
            assert told["question"]["solution"]["truth"] == told["question"]["rules"]["truth"] == 31415
            assert (told["tally"]["figures"]["truth"], told["tally"]["figures"]["distance"]) == (31415, [830, 2])
        await at.command("ask_again")
        again = await voter.until(lambda message: message["type"] == "state" and message["question"]["round"] == 2)
        assert (again["question"]["solution"], again["question"]["rules"]["truth"]) == (None, None)
