"""The proof that a ballot is in the log, as anybody can ask for it: what is told, and what is not told yet."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from livevote.domain.audit import leaf
from livevote.domain.merkle import Frontier, check_inclusion
from livevote.domain.note import Verifier
from livevote.domain.receipt import Proof, Receipt, check
from livevote.domain.records import BallotCast, Entry
from livevote.log import open_reader
from tests.client import Message, Venue, venue

NOWHERE = "00" * 32


async def ask(at: Venue, index: object, leaf_: str) -> tuple[int, Message]:
    response = await at.fetch(f"/api/rooms/{at.code}/proof?index={index}&leaf={leaf_}")
    return response.code, json.loads(response.body)


async def proven(at: Venue, index: int, leaf_: str) -> Message:
    """The proof, as soon as the next checkpoint is there."""
    while True:
        status, answer = await ask(at, index, leaf_)
        if status == 200:
            return answer
        assert (status, answer["error"]["code"]) == (503, "not_sealed_yet")
        await asyncio.sleep(0.05)


async def log_of(at: Venue) -> list[Entry]:
    reader = await open_reader(f"sqlite:{at.server.services.config.database}")
    return list(reader.scan())


def expect_holds(answer: Message, entry: Entry) -> int:
    """The proof leads from the entry to a signed checkpoint; its size."""
    checkpoint = Verifier.parse(answer["vkey"]).open(answer["note"])
    check_inclusion(
        leaf=leaf(entry.body),
        position=entry.index - 1,
        size=checkpoint.size,
        path=[bytes.fromhex(sibling) for sibling in answer["path"]],
        root=checkpoint.root,
    )
    return checkpoint.size


async def test_a_receipt_and_its_proof_are_all_that_is_needed(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        page = await at.open()
        recorded = await page.vote("mine", 1)
        receipt = recorded["receipt"]
        answer = await proven(at, recorded["index"], receipt["leaf"])
        assert (answer["index"], answer["included"]) == (4, True)
        entry = (await log_of(at))[3]
        assert isinstance(entry.record, BallotCast)
        assert (entry.record.id, entry.record.voter) == ("mine", receipt["voter"])
        proof = {name: answer[name] for name in ("note", "path", "vkey")}
        made = Receipt(
            room=at.code, index=4, body=entry.body.decode(), salt=receipt["salt"], answer='{"choices":[1]}',
            chain=receipt["chain"], proof=msgspec.convert(proof, Proof),
        )  # fmt: skip
        checkpoint = check(made)
        assert checkpoint is not None
        assert checkpoint.origin == f"livevote/{at.code}/{leaf((await log_of(at))[0].body).hex()[:16]}"


async def test_another_leaf_is_not_included_and_the_proof_shows_what_is_there(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        page = await at.open()
        await page.vote("mine", 1)
        answer = await proven(at, 4, NOWHERE)
        assert answer["included"] is False
        assert expect_holds(answer, (await log_of(at))[3]) == 4


async def test_beyond_the_end_nothing_is_included(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        nothing = {"included": False, "note": None, "path": None, "vkey": None}
        assert await ask(at, 4, NOWHERE) == (200, {"index": 4, **nothing})
        assert await ask(at, 10**14, NOWHERE) == (200, {"index": 10**14, **nothing})


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?index=1",
        f"?leaf={NOWHERE}",
        f"?index=0&leaf={NOWHERE}",
        f"?index=-1&leaf={NOWHERE}",
        f"?index=01&leaf={NOWHERE}",
        f"?index=1.0&leaf={NOWHERE}",
        f"?index=1{'0' * 15}&leaf={NOWHERE}",
        f"?index=%D9%A1&leaf={NOWHERE}",
        f"?index=one&leaf={NOWHERE}",
        f"?index=1&leaf={NOWHERE[2:]}",
        f"?index=1&leaf={'0A' * 32}",
        f"?index=1&leaf={NOWHERE}0",
    ],
)
async def test_what_is_no_index_and_no_leaf_is_refused_in_words(tmp_path: Path, query: str) -> None:
    async with venue(tmp_path) as at:
        response = await at.fetch(f"/api/rooms/{at.code}/proof{query}")
        assert response.code == 400
        error = json.loads(response.body)["error"]
        assert error["code"] == "bad_message"
        assert "?index=N&leaf=HEX" in error["message"]


async def test_the_description_names_what_a_proof_needs(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        document = json.loads((await at.fetch("/api/openapi.json")).body)
    described = document["paths"]["/api/rooms/{code}/proof"]["get"]["parameters"]
    asked = {each["name"]: (each["required"], each["schema"]["type"]) for each in described if each["in"] == "query"}
    assert asked == {"index": (True, "integer"), "leaf": (True, "string")}


async def test_a_room_that_is_not_there_has_no_proofs(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        response = await at.fetch(f"/api/rooms/XXXXXX/proof?index=1&leaf={NOWHERE}")
        assert (response.code, json.loads(response.body)["error"]["code"]) == (404, "no_such_room")


async def test_until_the_next_checkpoint_the_server_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        notary = at.server.services.notary
        await notary.seal()

        async def later() -> None:
            return None

        with monkeypatch.context() as unsigned:
            unsigned.setattr(notary, "seal", later)
            page = await at.open()
            recorded = await page.vote("mine", 1)
            status, answer = await ask(at, 4, recorded["receipt"]["leaf"])
            assert (status, answer["error"]["code"]) == (503, "not_sealed_yet")
            # What was sealed before is proven meanwhile, by the older checkpoint.
            entries = await log_of(at)
            assert expect_holds(await proven(at, 3, leaf(entries[2].body).hex()), entries[2]) == 3
        await notary.seal()
        assert (await proven(at, 4, recorded["receipt"]["leaf"]))["included"] is True


async def test_while_a_large_log_is_being_checked_the_server_says_so(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        room = at.server.registry.get(at.code)
        assert room is not None
        entries = await log_of(at)
        first = leaf(entries[0].body)
        whole = room.seal._frontier
        room.seal._frontier = Frontier(size=1, peaks=[first])
        status, answer = await ask(at, 1, first.hex())
        assert (status, answer["error"]["code"]) == (503, "checking")
        assert "still being checked" in answer["error"]["message"]
        room.seal._frontier = whole
        assert (await proven(at, 1, first.hex()))["included"] is True


async def test_too_many_questions_at_once_are_put_off(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        bucket = at.server.services.proof_bucket
        bucket._tokens, bucket._rate = 2.0, 0.0
        for _ in range(2):
            assert (await ask(at, 9, NOWHERE))[0] == 200
        status, answer = await ask(at, 9, NOWHERE)
        assert (status, answer["error"]["code"]) == (429, "too_fast")
        assert (await ask(at, 0, NOWHERE))[0] == 400, "what is refused anyway costs nobody a turn"


@pytest.mark.timeout(seconds=90)
async def test_every_record_of_a_log_of_several_blocks_is_proven(tmp_path: Path) -> None:
    async with venue(tmp_path, vote_burst=1000) as at:
        await at.ask()
        page = await at.open()
        for number in range(620):
            recorded = await page.vote(f"v{number}", number % 3)
        assert recorded["index"] == 623
        entries = await log_of(at)
        await proven(at, 623, recorded["receipt"]["leaf"])
        for entry in entries:
            answer = await proven(at, entry.index, leaf(entry.body).hex())
            assert answer["included"] is True
            assert expect_holds(answer, entry) == 623
        # A leaf is included at its own index alone.
        assert (await proven(at, 300, leaf(entries[300].body).hex()))["included"] is False


async def test_a_receipt_is_proven_after_a_restart(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        page = await at.open()
        recorded = await page.vote("mine", 1)
    async with venue(tmp_path) as at:
        answer = await proven(at, recorded["index"], recorded["receipt"]["leaf"])
        assert answer["included"] is True
        expect_holds(answer, (await log_of(at))[3])
