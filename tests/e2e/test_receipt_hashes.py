"""What the page hashes by itself, against the same in Python: SHA-256, canonical JSON, and inclusion in a Merkle tree.

In a browser, because the page brings its own SHA-256 for plain HTTP and nothing else can run it.
"""

import hashlib
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page

from livevote.domain import merkle
from livevote.domain.audit import commitment, leaf
from livevote.domain.note import Checkpoint, Signer
from livevote.domain.records import BallotCast, Opening, encode
from tests.domain.test_merkle import inclusion
from tests.e2e.pages import eventually
from tests.process import Process

pytestmark = pytest.mark.browser

SEED = 20261123
SIZES = [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 1000, 4096]


@pytest.fixture(scope="module")
def page(browser: Browser, server: Process) -> Iterator[Page]:
    """The voters' page with its script for receipts, for their functions."""
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(server.base)
    opened.evaluate("() => { use('receipts'); }")
    eventually(opened, lambda: opened.evaluate("() => Boolean(livevote.receipts)"), True)
    yield opened
    context.close()


def test_the_pages_sha256_is_sha256(page: Page) -> None:
    chance = random.Random(SEED)
    messages = [chance.randbytes(size) for size in (*SIZES, *(chance.randrange(300) for _ in range(200)))]
    found = page.evaluate(
        "messages => messages.map(bytes => hexOf(sha256(Uint8Array.from(bytes))))", [list(each) for each in messages]
    )
    assert found == [hashlib.sha256(each).hexdigest() for each in messages]
    # FIPS 180-4's own examples, in case both were wrong.
    assert page.evaluate("hexOf(sha256(utf8('abc')))") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    assert page.evaluate("hexOf(sha256(utf8('a'.repeat(1000000))))") == (
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    )


def test_the_pages_leaf_is_that_of_the_log(page: Page) -> None:
    for body in ("", "{}", '{"text":"Grün 🗳"}', "x" * 300):
        assert page.evaluate("body => hexOf(leafOf(body))", body) == leaf(body.encode()).hex()


@pytest.mark.parametrize(
    "value",
    [
        {"choices": []},
        {"choices": [0, 2, 17]},
        {"b": 1, "a": {"d": None, "c": [True, False, -5]}},
        {"text": 'a "quote", a \\ and a \n line, \x00\x1f\x7f, Grün, \u2028, 🗳'},
        {"big": 9007199254740991},
    ],
)
def test_the_pages_canonical_json_is_that_of_the_log(page: Page, value: Any) -> None:
    assert page.evaluate("canonical", value) == msgspec.json.encode(value, order="sorted").decode()


def tree(size: int) -> list[bytes]:
    return [leaf(str(number).encode()) for number in range(size)]


def test_the_page_follows_audit_paths_as_the_log_does(page: Page) -> None:
    chance = random.Random(SEED)
    cases = []
    for size in (*range(1, 18), *(chance.randrange(18, 700) for _ in range(60))):
        leaves = tree(size)
        for position in {0, size - 1, chance.randrange(size), chance.randrange(size)}:
            path = [sibling.hex() for sibling in inclusion(leaves, position)]
            cases.append((leaves[position].hex(), position, size, path, merkle.root(leaves).hex()))
    assert len(cases) > 200
    found = page.evaluate(
        "cases => cases.map(([leaf, at, size, path]) => rootFrom(fromHex(leaf), at, size, path.map(fromHex)))", cases
    )
    assert found == [root for *_, root in cases]


def test_the_page_takes_no_path_that_the_log_would_not_take(page: Page) -> None:
    """Whatever is changed about a proof, both say the same about it."""
    chance = random.Random(SEED)
    cases = []
    for _ in range(400):
        size = chance.randrange(1, 300)
        position = chance.randrange(size)
        leaves = tree(size)
        path = inclusion(leaves, position)
        match chance.randrange(5):
            case 0:
                path.append(leaves[0])
            case 1:
                path = path[:-1]
            case 2:
                path = path[::-1]
            case 3:
                position = chance.choice((-1, size, chance.randrange(size)))
            case 4:
                size = chance.randrange(1, 300)
        cases.append((leaves[0], position, size, path, merkle.root(leaves)))
        cases.append((leaves[position] if 0 <= position < len(leaves) else leaves[0], *cases[-1][1:]))
    found = page.evaluate(
        "cases => cases.map(([leaf, at, size, path]) => rootFrom(fromHex(leaf), at, size, path.map(fromHex)))",
        [(each[0].hex(), each[1], each[2], [sibling.hex() for sibling in each[3]]) for each in cases],
    )
    assert [answer == each[4].hex() for answer, each in zip(found, cases, strict=True)] == [
        holds(*each) for each in cases
    ]
    # A size beyond 32 bits is a number like another.
    far = 2**40 + 1
    path = [leaf(b"left")]
    assert (
        page.evaluate(
            "([leaf, at, size, path]) => rootFrom(fromHex(leaf), at, size, path.map(fromHex))",
            (leaf(b"last").hex(), far - 1, far, [path[0].hex()]),
        )
        == merkle.node(path[0], leaf(b"last")).hex()
    )


def holds(found: bytes, position: int, size: int, path: list[bytes], root: bytes) -> bool:
    try:
        merkle.check_inclusion(leaf=found, position=position, size=size, path=path, root=root)
    except merkle.ProofError:
        return False
    return True


def test_the_page_reads_signed_notes_and_no_others(page: Page) -> None:
    signer = Signer(bytes(32))
    checkpoint = Checkpoint("livevote/7KQ2MD/55bd4ceb18c4d2d2", 4, bytes(range(32)), bytes(32), 1_790_000_000_500)
    note = signer.sign(checkpoint)
    read = page.evaluate("readNote", note)
    assert (read["code"], read["size"], read["root"], read["at"]) == ("7KQ2MD", 4, checkpoint.root.hex(), checkpoint.at)
    assert read["text"] == checkpoint.body()
    signed = "([note, vkey]) => isSigned({ note, vkey })"
    assert page.evaluate(signed, (note, signer.vkey)) is True
    assert page.evaluate(signed, (note, Signer(bytes([1] * 32)).vkey)) is False
    assert page.evaluate(signed, (note.replace("\n4\n", "\n5\n"), signer.vkey)) is False
    for vkey in ("", "livevote", signer.vkey.replace("+", "+0", 1)[:-1], signer.vkey.replace("livevote", "other")):
        assert page.evaluate(signed, (note, vkey)) is False
    cosigned = f"{note}\u2014 witness.example AAAAAAAA\n"
    assert page.evaluate(signed, (cosigned, signer.vkey)) is True, "other people's signatures are not in the way"
    body, _, signature = note.partition("\n\n")
    lines = body.split("\n")
    for bad in (
        "", body, note[:-1], f"{body}\n\n", note.replace("\n4\n", "\n04\n"), note.replace("\n4\n", "\n0\n"),
        note.replace("/7KQ2MD/", "/7kq2md/"), "\n".join([*lines[:3], *lines[4:]]) + f"\n\n{signature}",
        f"{body}\nlivevote/more 1\n\n{signature}", note.replace("=\n", "\n", 1),
    ):  # fmt: skip
        assert page.evaluate("readNote", bad) is None, bad


def test_a_root_in_another_spelling_of_base64_is_refused(page: Page) -> None:
    assert page.evaluate("hexOf(fromBase64('AAE='))") == "0001"
    refused = "() => { try { return hexOf(fromBase64('AAF=')); } catch (error) { return error.name; } }"
    assert page.evaluate(refused) == "RangeError"


def test_a_receipt_of_the_page_has_the_body_of_the_record(page: Page) -> None:
    chance = random.Random(SEED)
    for supersedes in (None, 3):
        opening = Opening(chance.randbytes(16), b'{"choices":[1,2]}')
        record = BallotCast(1_790_000_000_000, "own-id", "voter", "q7", 2, 1, supersedes, commitment(opening))
        ballot = {"id": "own-id", "question": "q7", "round": 2, "answer": {"choices": [1, 2]}, "text": "?", "words": []}
        receipt = {"voter": "voter", "supersedes": supersedes, "salt": opening.salt.hex(), "chain": "00" * 32}
        receipt["leaf"] = leaf(encode(record)).hex()
        recorded = {"index": 9, "rev": 1, "at": record.at, "receipt": receipt}
        made = page.evaluate("([ballot, recorded]) => makeReceipt(ballot, recorded)", (ballot, recorded))
        assert (made["body"], made["problem"]) == (encode(record).decode(), "")
        for field, other in (("id", "x"), ("question", "q8"), ("round", 1), ("answer", {"choices": [1]})):
            made = page.evaluate(
                "([ballot, recorded]) => makeReceipt(ballot, recorded)", ({**ballot, field: other}, recorded)
            )
            assert made["problem"] == "receipt", field
