"""Signed notes: what another program signs by the specification is read, and nothing else is."""

import re
from base64 import b64decode, b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from livevote.domain.note import Checkpoint, NoteError, Signer, Verifier

SEED = bytes(range(32))
CHECKPOINT = Checkpoint("livevote/7KQ2MD/55bd4ceb18c4d2d2", 4, bytes(32), b"\xff" * 32, 1_790_000_000_500)
SIGNER = Signer(SEED)
NOTE = SIGNER.sign(CHECKPOINT)
BODY = (
    "livevote/7KQ2MD/55bd4ceb18c4d2d2\n4\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
    "livevote/chain //////////////////////////////////////////8=\nlivevote/at 1790000000500\n"
)


def text(raw: bytes) -> str:
    return b64encode(raw).decode()


def by_hand(body: str, *, name: str = "livevote", seed: bytes = SEED, before: str = "", after: str = "") -> str:
    """A note as the specification says, made without the code that is tested."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    id_ = sha256(name.encode() + b"\n\x01" + key.public_key().public_bytes_raw()).digest()[:4]
    return f"{body}\n{before}\u2014 {name} {text(id_ + key.sign(body.encode()))}\n{after}"


def vkey_by_hand(name: str = "livevote", seed: bytes = SEED) -> str:
    key = b"\x01" + Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return f"{name}+{sha256(name.encode() + chr(10).encode() + key).hexdigest()[:8]}+{text(key)}"


def test_the_body_is_five_lines() -> None:
    assert CHECKPOINT.body() == BODY


def test_a_note_is_the_one_that_another_program_makes() -> None:
    assert by_hand(BODY) == NOTE
    assert SIGNER.vkey == vkey_by_hand()
    assert SIGNER.open(NOTE) == Verifier.parse(vkey_by_hand()).open(by_hand(BODY)) == CHECKPOINT


def test_a_key_may_have_another_name() -> None:
    verifier = Verifier.parse(f" {vkey_by_hand('example.org/log')}\n")
    assert verifier.name == "example.org/log"
    assert verifier.open(by_hand(BODY, name="example.org/log")) == CHECKPOINT
    assert Signer(SEED, name="example.org/log").vkey == verifier.vkey


def test_signatures_of_others_are_passed_over() -> None:
    other = f"\u2014 witness.example {text(bytes(76))}\n"
    same_name = by_hand(BODY, seed=bytes(32)).rpartition("\n\n")[2]
    assert SIGNER.open(by_hand(BODY, before=other + same_name, after=other)) == CHECKPOINT


@given(
    st.builds(
        Checkpoint,
        st.from_regex(r"[ -~]{1,40}", fullmatch=True),
        st.integers(0, 10**19 - 1),
        st.binary(min_size=32, max_size=32),
        st.binary(min_size=32, max_size=32),
        st.integers(0, 10**19 - 1),
    )
)
def test_every_checkpoint_comes_back(checkpoint: Checkpoint) -> None:
    assert SIGNER.open(SIGNER.sign(checkpoint)) == checkpoint


def test_a_bit_that_changed_is_seen_wherever_it_is() -> None:
    raw = NOTE.encode()
    for at in range(len(raw)):
        for bit in range(8):
            changed = raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]
            with pytest.raises(NoteError):
                SIGNER.open(changed.decode(errors="replace"))


NO_NOTE = "this is no signed note"
NO_LINE = "a signature line is not of the form '\u2014 name signature'"
NO_SIGNATURE = "a signature line holds no signature"
NO_BASE64 = "this is no base64: "
NOT_CANONICAL = "this is no canonical base64"
NO_CHECKPOINT = "the note is no checkpoint of livevote: it has origin, size, root, chain and time"
NO_HASH = "a hash in the checkpoint has not 32 bytes"
NO_KEY = "this is no Ed25519 verifier key (name+id+key)"
OTHER_ID = "the verifier key's id does not fit its key"


@pytest.mark.parametrize(
    ("note", "why"),
    [
        ("", NO_NOTE),
        ("\n\n", NO_NOTE),
        (BODY, NO_NOTE),
        (BODY + "\n", NO_NOTE),
        (NOTE[:-1], NO_NOTE),
        (NOTE + "\n", NO_NOTE),
        (NOTE.replace("\u2014", "-"), NO_LINE),
        (NOTE.replace("\u2014 livevote ", "\u2014 livevote"), NO_LINE),
        (NOTE.replace("\u2014 livevote ", "\u2014  "), NO_LINE),
        (NOTE.replace("\u2014 livevote ", "\u2014 live+vote "), NO_LINE),
        (by_hand(BODY, after="garbage\n"), NO_LINE),
        (by_hand(BODY, before="garbage\n"), NO_LINE),
        (by_hand(BODY, before=f"\u2014 livevote {text(bytes(4))}\n"), NO_SIGNATURE),
        (by_hand(BODY, before="\u2014 livevote \n"), NO_SIGNATURE),
        (by_hand(BODY, before="\u2014 livevote !!!!\n"), NO_BASE64),
        (by_hand(BODY, before="\u2014 livevote AAAA AAAA\n"), NO_BASE64),
        (by_hand(BODY, before="\u2014 live\u00a0vote AAAAAAAA\n"), NO_LINE),
        (by_hand(BODY, before="\u2014 livevote AAAAAAB=\n"), NOT_CANONICAL),
        (by_hand(BODY).replace("\u2014", "\ud800"), NO_LINE),
    ],
)
def test_what_is_no_signed_note_is_refused(note: str, why: str) -> None:
    with pytest.raises(NoteError, match=f"^{re.escape(why)}"):
        SIGNER.open(note)


@pytest.mark.parametrize("note", [by_hand(BODY, seed=bytes(32)), by_hand(BODY, name="other")])
def test_a_note_of_another_key_is_refused(note: str) -> None:
    with pytest.raises(NoteError, match=r"not signed by the key livevote\+"):
        SIGNER.open(note)


def test_a_text_that_cannot_be_signed_is_refused() -> None:
    with pytest.raises(NoteError, match=r"^the signature is not that of this key"):
        SIGNER.open(by_hand(BODY).replace("livevote/7", "livevote/\ud800"))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("livevote/7KQ2MD/55bd4ceb18c4d2d2\n", "\n", NO_CHECKPOINT),
        ("\n4\n", "\n4\n\n", NO_CHECKPOINT),
        ("\n4\n", "\n04\n", NO_CHECKPOINT),
        ("\n4\n", "\n-4\n", NO_CHECKPOINT),
        ("\n4\n", "\n4 \n", NO_CHECKPOINT),
        ("\n4\n", "\n\u0664\n", NO_CHECKPOINT),
        ("\n4\n", f"\n{'9' * 20}\n", NO_CHECKPOINT),
        ("AAAA=", "AAAB=", NOT_CANONICAL),
        ("AAAA=", "AAA=", NO_BASE64),
        ("AAAA=", "AAAAAAAA=", NO_HASH),
        ("///8=", "/////", NO_HASH),
        ("///8=", "//8=", NO_BASE64),
        ("livevote/chain", "livevote/root", NO_CHECKPOINT),
        ("livevote/at", "livevote/when", NO_CHECKPOINT),
        ("at 1790000000500", "at x", NO_CHECKPOINT),
        ("at 1790000000500", "at 1790000000500\nmore", NO_CHECKPOINT),
        ("\nlivevote/at 1790000000500", "", NO_CHECKPOINT),
    ],
)
def test_a_signed_text_that_is_no_checkpoint_is_refused(old: str, new: str, why: str) -> None:
    assert BODY.count(old) == 1
    with pytest.raises(NoteError, match=f"^{re.escape(why)}"):
        SIGNER.open(by_hand(BODY.replace(old, new)))


@pytest.mark.parametrize(
    ("vkey", "why"),
    [
        ("", NO_KEY),
        ("livevote", NO_KEY),
        (vkey_by_hand("livevote", bytes(32)).rpartition("+")[0] + "+" + vkey_by_hand().rpartition("+")[2], NO_KEY),
        (vkey_by_hand("livevote", bytes(32))[:17] + vkey_by_hand()[17:], OTHER_ID),
        (vkey_by_hand().replace("livevote", "other"), OTHER_ID),
        (vkey_by_hand()[8:], NO_KEY),
        (vkey_by_hand("two words"), NO_KEY),
        (vkey_by_hand()[:-1], NO_BASE64),
        (vkey_by_hand() + "A", NO_BASE64),
        ("livevote+2b777c11+" + text(b"\x02" + b64decode(vkey_by_hand().split("+", 2)[2])[1:]), NO_KEY),
        ("livevote+2b777c11+AQ==", NO_KEY),
        ("livevote+2b777c11+\u00e4", NO_BASE64),
        (vkey_by_hand().upper(), OTHER_ID),
    ],
)
def test_what_is_no_key_is_refused(vkey: str, why: str) -> None:
    with pytest.raises(NoteError, match=f"^{re.escape(why)}"):
        Verifier.parse(vkey)
