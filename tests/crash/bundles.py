"""Random rooms as bundles, good ones and tampered ones: what the two verifiers have to agree about."""

import json
import random
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec

from livevote import bundle
from livevote.domain.audit import leaf
from livevote.domain.commands import (
    AcceptRecovery,
    AddCohost,
    AddQuestion,
    AnswerPost,
    AskAgain,
    AskPost,
    CastBallot,
    CloseVoting,
    Command,
    CreateRoom,
    EditQuestion,
    EraseAnswer,
    EraseRoom,
    HideResults,
    IssueCodes,
    JudgePosts,
    JudgeTerms,
    LinkPseudonyms,
    NamePlayer,
    OpenVoting,
    OrderQuestions,
    PinPost,
    PublishReplay,
    Quiz,
    RemoveName,
    RemoveQuestion,
    RenameRoom,
    RevealResults,
    RevokeCohost,
    SetEmbedding,
    SetLanguage,
    SetTimer,
    ShowLeaderboard,
    ShowSolution,
    SwitchBoard,
    SwitchReactions,
    SwitchReceipts,
    UpvotePost,
    UseCode,
)
from livevote.domain.kinds import KINDS
from livevote.domain.kinds.estimate import EstimateRules
from livevote.domain.kinds.written import key
from livevote.domain.merkle import Tree
from livevote.domain.note import Checkpoint, Signer
from livevote.domain.quiz import CHOICES
from livevote.domain.records import COMMITTED, Entry, Level, PlayerNamed
from livevote.domain.state import Question
from livevote.log.memory import MemoryLog
from tests.history import AT, CODE, History

SIGNER = Signer(bytes(range(32)))
OTHER = Signer(bytes(32))
TEXTS = (
    "Tea",
    'a "quoted" one',
    "back\\slash",
    "naïve Ærø",
    "日本語",
    "עברית",
    "👩🏽‍🚀 astronaut",
    "tab\tand\nline",
    "\u2028separator",
    "\x7fdelete",
    "\u0001control",
    "\u00e9 composed",
    "\u0301 on its own",
    "</script>",
    "\U0001d518 beyond the first plane",
)

Line = dict[str, Any]


@dataclass
class Made:
    """A room's log, and the notes that were signed while it grew."""

    history: History = field(default_factory=History)
    notes: list[str] = field(default_factory=list)
    tree: Tree = field(default_factory=Tree)
    signed: int = 0
    """The size of the newest note of this incarnation."""

    @property
    def entries(self) -> list[Entry]:
        return self.history.entries

    def do(self, command: Command) -> None:
        """Do it, unless it is refused."""
        before = len(self.entries)
        self.history.do(command)
        for entry in self.entries[before:]:
            self.tree.append(leaf(entry.body))

    def sign(self, *, ahead: int = 0, root: bytes = b"", signer: Signer = SIGNER) -> Checkpoint:
        """Sign what the log is, or, with ``ahead``, what it is not."""
        checkpoint = Checkpoint(
            self.history.room.origin,
            len(self.entries) + ahead,
            root or self.tree.root(),
            self.entries[-1].chain,
            AT + len(self.notes),
        )
        self.notes.append(signer.sign(checkpoint))
        self.signed = self.signed if ahead else checkpoint.size
        return checkpoint


def text(rng: random.Random) -> str:
    return f"{rng.choice(TEXTS)} {rng.randrange(1000)}"


def a_room(rng: random.Random, *, steps: int) -> Made:
    """A room with a random history; every kind of record comes up in some of them."""
    made = Made()
    made.do(CreateRoom(CODE, text(rng)))
    # The first question is open for longer than others, so it is not always of the same kind.
    if rng.random() < 0.5:
        made.do(add(rng))
    if not made.history.room.questions:
        made.do(AddQuestion("single", text(rng), ("Tea", "Coffee", "Water")))
    if rng.random() < 0.5:
        made.do(LinkPseudonyms())
    made.do(OpenVoting("q1"))
    if rng.random() < 0.5:
        # One question is open at a time, and the first one would be it for long.
        for step in (CloseVoting("q1"), add(rng), OpenVoting("q2")):
            made.do(step)
    for _ in range(steps):
        if rng.random() < 0.02:
            recover(rng, made)
        else:
            made.do(command(rng, made))
        if rng.random() < 0.15:
            made.sign()
    made.sign()
    if rng.random() < 0.3:
        made.do(SwitchReceipts(on=not made.history.room.receipts))
    if rng.random() < 0.1:
        delete(rng, made)
    return made


def delete(rng: random.Random, made: Made) -> None:
    """The host deletes all answers; some of them may still be there."""
    for question in list(made.history.room.questions):
        made.do(CloseVoting(question))
    made.do(EraseRoom())
    gone = rng.randrange(len(made.entries) + 1)
    made.entries[:gone] = [
        msgspec.structs.replace(entry, opening=None) if isinstance(entry.record, COMMITTED) else entry
        for entry in made.entries[:gone]
    ]


def recover(rng: random.Random, made: Made) -> None:
    """The operator goes on with a log that has fewer records than a note."""
    lost = made.sign(ahead=rng.randrange(1, 5), root=rng.randbytes(32))
    made.do(AcceptRecovery(lost.origin, rng.randrange(made.signed, lost.size), lost.size, lost.root.hex()))
    made.signed = 0


def command(rng: random.Random, made: Made) -> Command:
    if not made.history.room.questions:
        return add(rng)
    if rng.random() < 0.5:
        return vote(rng, made)
    if rng.random() < 0.4:
        return on_board(rng, made)
    written = [each.id for each in made.history.room.questions.values() if each.kind.written and each.rounds]
    if written and rng.random() < 0.2:
        return JudgeTerms(rng.choice(written), 1, (key(text(rng)),), rng.random() < 0.5)
    question = rng.choice(list(made.history.room.questions))
    cast = [entry.index for entry in made.entries if isinstance(entry.record, COMMITTED)]
    choices: list[Command] = [
        add(rng),
        OpenVoting(question),
        CloseVoting(question),
        AskAgain(question),
        RevealResults(question),
        HideResults(question),
        SwitchReceipts(rng.random() < 0.5),
        PublishReplay(rng.random() < 0.5),
        OpenVoting(question, seconds=rng.randrange(5, 600)),
        AskAgain(question, seconds=rng.randrange(5, 600)),
        SetTimer(question, rng.choice((None, rng.randrange(5, 600)))),
        AddCohost(text(rng)),
        RevokeCohost(f"c{rng.randrange(1, 4)}"),
        SetEmbedding(("https://slides.example.org", "*")[: rng.randrange(3)]),
        EraseAnswer(rng.choice(cast) if cast else 1),
        # Twice, because few questions are answered in words.
        *(
            JudgeTerms(each, 1, (key(text(rng)),), rng.random() < 0.5)
            for each in (written and rng.choices(written, k=2))
        ),
        edit(rng, made.history.room.questions[question]),
        RemoveQuestion(question),
        OrderQuestions(tuple(rng.sample(list(made.history.room.questions), len(made.history.room.questions)))),
        RenameRoom(text(rng)),
        SetLanguage(rng.choice(("", "de", "ar"))),
        IssueCodes(rng.randrange(1, 4), rng.randbytes(32).hex()),
        UseCode(rng.randrange(1, 3), rng.randrange(4), rng.choice(TEXTS[:8])),
        CloseVoting(question),
        ShowSolution(question),
        ShowSolution(question),
        ShowLeaderboard(rng.random() < 0.5),
        NamePlayer(rng.choice(TEXTS[:8]), text(rng), text(rng)[:20], rng.randbytes(16)),
        RemoveName(rng.choice([1, *(entry.index for entry in made.entries if isinstance(entry.record, PlayerNamed))])),
    ]
    return rng.choice(choices)


def on_board(rng: random.Random, made: Made) -> Command:
    voter, posts = rng.choice(TEXTS[:4]), [*made.history.room.board.posts, 1]
    choices: list[Command] = [
        SwitchBoard(on=rng.random() < 0.8, approval=rng.random() < 0.3),
        *[AskPost(voter, text(rng), text(rng), rng.randbytes(16))] * 3,
        *[UpvotePost(voter, text(rng), rng.choice(posts), rng.random() < 0.8)] * 3,
        JudgePosts(tuple(rng.choices(posts[:-1] or posts, k=2)), rng.random() < 0.7),
        PinPost(rng.choice([*posts, None])),
        AnswerPost(rng.choice(posts), rng.random() < 0.7),
        SwitchReactions(on=rng.random() < 0.5),
    ]
    return rng.choice(choices)


def add(rng: random.Random) -> AddQuestion:
    options = tuple(text(rng) for _ in range(rng.randrange(2, 6)))
    kind = rng.choice(("single", "multiple", *rng.choices(sorted(KINDS), k=3)))
    if kind not in ("single", "multiple", "approval", "ranking", "image"):
        options = ()
    low = rng.randrange(-50, 50)
    rules: dict[str, dict[str, Any]] = {
        "multiple": {"min": rng.randrange(2)},
        "ranking": {"top": rng.randrange(1, 3)},
        "image": {"pictures": [rng.randbytes(32).hex() for _ in options]},
        "rating": rng.choice(({}, {"style": "nps"}, {"top": 3})),
        "estimate": {"min": low, "max": low + rng.choice((1, 19, 20, 39, 100, 12345)), "decimals": 1, "truth": low + 1},
        "yesno": {"eligible": rng.randrange(9), "quorum_percent": rng.choice((None, 50))},
        "text": {"approval": rng.random() < 0.5},
        "cloud": {"language": rng.choice(("", "en"))},
    }
    sent = msgspec.Raw(json.dumps(rules.get(kind, {})).encode())
    level: Level = rng.choice(("browser", "browser", "code"))
    quiz = right(rng, kind, len(options)) if rng.random() < 0.5 else None
    return AddQuestion(kind, text(rng), options, sent, rng.random() < 0.7, level, quiz, rng.randbytes(16))


def right(rng: random.Random, kind: str, options: int) -> Quiz | None:
    if kind not in (*CHOICES, "estimate"):
        return None
    size = 3 if kind == "yesno" else options
    most = {"estimate": 0, "multiple": rng.randrange(1, 3)}.get(kind, 1)
    return Quiz(tuple(rng.sample(range(size), most)), rng.randrange(1, 1000), rng.random() < 0.5, text(rng))


def edit(rng: random.Random, question: Question) -> EditQuestion:
    options, changeable = list(question.options), rng.random() < 0.5
    if options:
        options[rng.randrange(len(options))] = text(rng)
    if rng.random() < 0.5:
        return EditQuestion(question.id, text=text(rng), options=tuple(options))
    rules: dict[str, dict[str, Any]] = {
        "image": {"pictures": [rng.randbytes(32).hex() for _ in range(len(options) + 1)]},
        "rating": {"top": rng.randrange(3, 11)},
        "estimate": {"min": -5, "max": rng.randrange(60), "truth": rng.choice((None, 0))},
        "yesno": {"majority": rng.choice(("absolute", "two_thirds"))},
        "text": {"max_chars": rng.randrange(5, 60)},
        "cloud": {"max_terms": rng.randrange(1, 6)},
    }
    sent = rules.get(question.kind.name)
    return EditQuestion(
        question.id,
        options=(*options, text(rng)) if options else (),
        rules=msgspec.Raw(b"" if sent is None else json.dumps(sent).encode()),
        changeable=changeable,
        meaning=True,
        level=rng.choice((None, None, None, "browser", "code")),
        quiz=rng.choice((msgspec.UNSET, right(rng, question.kind.name, len(options)))),
        salt=rng.randbytes(16),
    )


def vote(rng: random.Random, made: Made) -> CastBallot:
    question = rng.choice(list(made.history.room.questions.values()))
    return CastBallot(
        voter=rng.choice(TEXTS[:8]),
        id=text(rng),
        question=question.id,
        round=max(1, len(question.rounds)),
        answer=json.dumps(answer(rng, question)).encode(),
        salt=rng.randbytes(16),
        code=rng.choice([None, *made.history.room.used_codes]),
        linked=made.history.room.linked,
    )


def answer(rng: random.Random, question: Question) -> dict[str, Any]:
    """What a voter might send, now and then nothing that can be counted."""
    options, rules = range(len(question.options)), question.rules
    match question.kind.name:
        case "multiple" | "approval":
            return {"choices": rng.sample(options, rng.randrange(3))}
        case "yesno":
            return {"choices": [rng.randrange(4)]}
        case "ranking":
            return {"order": rng.sample(options, rng.randrange(1, len(options) + 1))}
        case "rating":
            return {"value": rng.randrange(12)}
        case "text":
            return {"text": text(rng)}
        case "cloud":
            return {"terms": [text(rng) for _ in range(rng.randrange(1, 5))]}
    if isinstance(rules, EstimateRules):
        return {"value": rng.choice((rules.min, rules.max, rng.randrange(rules.min, rules.max + 2)))}
    return {"choices": [rng.choice(options)]}


async def written(made: Made) -> bytes:
    """The room's bundle."""
    log = MemoryLog()
    await log.adopt([made.entries])
    return b"".join([chunk async for chunk in bundle.write(CODE, log.read(CODE), vkey=SIGNER.vkey, notes=made.notes)])


def canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def read(data: bytes) -> list[Line]:
    return [json.loads(line) for line in data.split(b"\n")[:-1]]


def joined(lines: Sequence[Line]) -> bytes:
    return b"".join(canonical(line).encode() + b"\n" for line in lines)


def recounted(lines: Sequence[Line]) -> list[Line]:
    """With an end that fits."""
    kinds = [line["@type"] for line in lines]
    end = {"@type": "end", "notes": kinds.count("note"), "records": kinds.count("record")}
    return [*(line for line in lines if line["@type"] != "end"), end]


def resealed(lines: Sequence[Line], *, keep_notes: bool) -> bytes:
    """With indexes, chain values and an end that fit what the records now say."""
    chain, index, found = bytes(32), 0, []
    for line in lines:
        if line["@type"] == "record":
            index += 1
            chain = sha256(chain + sha256(b"\x00" + line["body"].encode()).digest()).digest()
            found.append({**line, "chain": chain.hex(), "index": index})
        elif keep_notes or line["@type"] != "note":
            found.append(line)
    return joined(recounted(found))


def records(lines: Sequence[Line], *types: str) -> list[int]:
    """Where the records of these types are; of any, without types."""
    return [
        place
        for place, line in enumerate(lines)
        if line["@type"] == "record" and (not types or json.loads(line["body"])["@type"] in types)
    ]


def opened(lines: Sequence[Line]) -> list[int]:
    return [place for place in records(lines, "ballot_cast/1") if lines[place]["salt"] is not None]


def edited(lines: Sequence[Line], place: int, **fields: object) -> list[Line]:
    found = list(lines)
    found[place] = {**found[place], **fields}
    return found


def rewritten(lines: Sequence[Line], place: int, **fields: object) -> list[Line]:
    """With other fields in a record's body."""
    return edited(lines, place, body=canonical({**json.loads(lines[place]["body"]), **fields}))


def reopened(lines: Sequence[Line], place: int, *, salt: bytes, answer: str) -> list[Line]:
    """With another answer, and the commitment that fits it."""
    commitment = sha256(salt + answer.encode()).hexdigest()
    return edited(rewritten(lines, place, commitment=commitment), place, salt=salt.hex(), answer=answer)


Tampering = Callable[[random.Random, bytes, list[Line], Made], bytes | None]


def flip_a_bit(rng: random.Random, data: bytes, _lines: list[Line], _made: Made) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def cut(rng: random.Random, data: bytes, _lines: list[Line], _made: Made) -> bytes:
    return data[: rng.randrange(len(data))]


def drop_a_line(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes:
    del lines[rng.randrange(len(lines))]
    return joined(lines)


def double_a_line(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes:
    place = rng.randrange(len(lines))
    return joined([*lines[:place], lines[place], *lines[place:]])


def swap_two_lines(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes | None:
    place = rng.randrange(len(lines) - 1)
    first, second = lines[place], lines[place + 1]
    if first["@type"] == second["@type"] == "note":
        return None
    return joined([*lines[:place], second, first, *lines[place + 2 :]])


def go_on_after_the_end(rng: random.Random, data: bytes, lines: list[Line], _made: Made) -> bytes:
    return data + rng.choice((b"\n", b"x", b"\0", joined(lines[-1:]), data))


def count_wrongly(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes:
    name = rng.choice(("notes", "records"))
    lines[-1][name] += rng.choice((-1, 1, 1 << 70))
    return joined(lines)


def write_it_otherwise(rng: random.Random, data: bytes, lines: list[Line], _made: Made) -> bytes:
    place = rng.randrange(len(lines))
    plain = canonical(lines[place])
    other = rng.choice(
        (
            plain.replace(":", ": ", 1),
            plain.replace('"@type"', '"\\u0040type"', 1),
            json.dumps(dict(reversed(lines[place].items())), separators=(",", ":"), ensure_ascii=False),
            plain[:-1] + ',"zzz":1}',
            plain[:-1] + "}\r",
            plain.replace("{", '{"@type":"end",', 1),
            "\ufeff" + plain,
        )
    )
    raw = data.split(b"\n")
    raw[place] = other.encode()
    return b"\n".join(raw)


def change_a_body(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes:
    return joined(rewritten(lines, rng.choice(records(lines)), at=AT - 1))


def change_an_answer(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes | None:
    if not (places := opened(lines)):
        return None
    place = rng.choice(places)
    other = {"choices": [1 - (json.loads(lines[place]["answer"])["choices"] or [0])[0] % 2]}
    if canonical(other) == lines[place]["answer"]:
        return None
    return joined(edited(lines, place, answer=canonical(other)))


def change_what_is_hidden(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes | None:
    """Another name, or another solution."""
    places = [
        place for place in records(lines, "player_named/1", "question_defined/1") if lines[place]["salt"] is not None
    ]
    if not places:
        return None
    place = rng.choice(places)
    hidden = json.loads(lines[place]["answer"])
    other = {"name": hidden["name"] + "x"} if "name" in hidden else {**hidden, "explanation": "x"}
    return joined(edited(lines, place, answer=canonical(other)))


def lose_what_is_hidden(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes | None:
    places = [
        place for place in records(lines, "player_named/1", "question_defined/1") if lines[place]["salt"] is not None
    ]
    return joined(edited(lines, rng.choice(places), answer=None, salt=None)) if places else None


def change_a_salt(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes | None:
    if not (places := opened(lines)):
        return None
    place = rng.choice(places)
    salt = lines[place]["salt"]
    # The last one says the same in other letters, wherever there is a letter.
    other = rng.choice((rng.randbytes(16).hex(), salt[2:], salt + "00", "", salt.upper()))
    return None if other == salt else joined(edited(lines, place, salt=other))


def reseal_other_content(rng: random.Random, _data: bytes, lines: list[Line], made: Made) -> bytes | None:
    sealed = records(lines)[: made.signed]
    if not sealed:
        return None
    places = [place for place in opened(lines) if place in sealed]
    if places and rng.random() < 0.5:
        place = rng.choice(places)
        return resealed(reopened(lines, place, salt=rng.randbytes(16), answer=lines[place]["answer"]), keep_notes=True)
    return resealed(rewritten(lines, rng.choice(sealed), at=AT - 1), keep_notes=True)


def add_a_foreign_note(rng: random.Random, _data: bytes, lines: list[Line], made: Made) -> bytes:
    if rng.random() < 0.5:
        made.sign(signer=OTHER)
    else:
        made.sign(ahead=rng.randrange(2), root=rng.randbytes(32))
    return joined(recounted([lines[0], {"@type": "note", "note": made.notes[-1]}, *lines[1:]]))


def change_a_note(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes | None:
    place = rng.choice([place for place, line in enumerate(lines) if line["@type"] == "note"])
    note = lines[place]["note"]
    head, _, signature = note.rpartition("\n\n")
    other = rng.choice(
        (
            note.replace("livevote/", "livevotes/", 1),
            note.replace("\n", "\n1", 1),
            note + "garbage\n",
            note + "\n",
            note[:-1],
            f"{head}\nmore\n\n{signature}",
            f"{head}\n{signature}",
            note.replace("livevote K", "livevote  K"),
            f"{head}\n\n\u2014 livevote AAAA\n{signature}",
            f"{head}\n\n\u2014 somebody+else AAAAAAAA\n{signature}",
            head + "\n\n" + signature.replace("\u2014 livevote", "\u2014 somebody"),
        )
    )
    return joined(edited(lines, place, note=other)) if other != note else None


def forge_the_notes(rng: random.Random, _data: bytes, lines: list[Line], made: Made) -> bytes:
    """Notes that fit the log, with signatures from elsewhere."""
    if rng.random() < 0.5:
        place = rng.choice([place for place, line in enumerate(lines) if line["@type"] == "note"])
        at = f"livevote/at {AT}"
        note = lines[place]["note"].replace(at[:-3], f"{at[:-4]}9", 1)
        return joined(edited(lines, place, note=note))
    made.notes.clear()
    made.sign()
    text, _, signature = made.notes[0].rpartition(" ")
    raw = b64decode(signature)
    forged = b64encode(raw[:4] + rng.randbytes(64)).decode()
    rest = [line for line in lines[1:] if line["@type"] != "note"]
    return joined(recounted([lines[0], {"@type": "note", "note": f"{text} {forged}\n"}, *rest]))


def half_an_opening(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes | None:
    if not (places := opened(lines)):
        return None
    gone: dict[str, object] = {rng.choice(("salt", "answer")): None}
    return joined(edited(lines, rng.choice(places), **gone))


def erase_in_silence(rng: random.Random, _data: bytes, lines: list[Line], made: Made) -> bytes | None:
    # In a room that was deleted it is what the deletion does next.
    if made.history.room.erased_at is not None or not (places := opened(lines)):
        return None
    return joined(edited(lines, rng.choice(places), salt=None, answer=None))


def open_what_has_no_answer(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes:
    place = rng.choice([place for place in records(lines) if place not in opened(lines)])
    return joined(edited(lines, place, salt="00" * 16, answer='{"choices":[0]}'))


def replace_the_key(rng: random.Random, _data: bytes, lines: list[Line], made: Made) -> bytes:
    if rng.random() < 0.3:
        # All of it signed again: only who noted the key can tell.
        made.notes.clear()
        made.sign(signer=OTHER)
        notes = [{"@type": "note", "note": note} for note in made.notes]
        rest = [line for line in lines[1:] if line["@type"] != "note"]
        return joined(recounted([{**lines[0], "vkey": OTHER.vkey}, *notes, *rest]))
    vkey = rng.choice((OTHER.vkey, "", SIGNER.vkey + "\n", " " + SIGNER.vkey, SIGNER.vkey.replace("livevote", "other")))
    return joined(edited(lines, 0, vkey=vkey))


def rename_the_room(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes:
    return joined(edited(lines, 0, room=rng.choice(("", "OTHER2", CODE.lower()))))


def seal_what_is_not_canonical(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes:
    place = rng.choice(records(lines))
    body = lines[place]["body"]
    other = rng.choice(
        (
            body.replace(":", ": ", 1),
            body.replace("{", '{"0":1,', 1),
            body.replace('"at":', '"at":1,"at":', 1),
            body.replace("/1", "\\/1", 1),
            body[:-1] + ',"zzz":null}',
            body + "\n",
            body.replace("{", '{"at":1,', 1),
        )
    )
    return resealed(edited(lines, place, body=other), keep_notes=False)


def seal_an_answer_that_is_not_canonical(
    rng: random.Random, _data: bytes, lines: list[Line], _made: Made
) -> bytes | None:
    if not (places := opened(lines)):
        return None
    place = rng.choice(places)
    answer = lines[place]["answer"]
    salt, other = rng.choice(
        (
            (bytes(16), answer.replace(":", ": ")),
            (bytes(16), answer.replace("}", ',"more":1}')),
            (bytes(16), '{"choices":[0],"choices":[0]}'),
            (bytes(16), '{"choices":[99]}'),
            (bytes(16), '{"choices":[-1]}'),
            (bytes(16), '{"choices":[1,0]}'),
            (bytes(16), '{"choices":[0,0]}'),
            (bytes(16), '{"choices":[0.0]}'),
            (bytes(16), '{"choices":[true]}'),
            (bytes(16), "{}"),
            (bytes(16), ""),
            (bytes(15), answer),
            (bytes(17), answer),
            (b"", answer),
        )
    )
    return resealed(reopened(lines, place, salt=salt, answer=other), keep_notes=False)


def seal_a_text_in_another_spelling(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes:
    """A text that looks the same: decomposed, or with a sign that NFC writes as another one."""
    other = rng.choice(("e\u0301", "\u212b", "\uac00\u11a8", "a\u0301\u0323"))
    type_, name = rng.choice((("room_created/1", "title"), ("question_defined/1", "text"), ("ballot_cast/1", "id")))
    places = records(lines, type_) or records(lines, "room_created/1")
    place = rng.choice(places)
    body = json.loads(lines[place]["body"])
    if "options" in body and rng.random() < 0.5:
        return resealed(rewritten(lines, place, options=[*body["options"][:-1], other]), keep_notes=False)
    name = name if name in body else "title"
    return resealed(rewritten(lines, place, **{name: body[name] + other}), keep_notes=False)


def break_a_rule(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes | None:
    """One that every history obeys, in a record that is sealed as it should be."""
    breaks: list[tuple[str, dict[str, object]]] = [
        ("room_created/1", {"code": "OTHER2"}),
        ("room_created/1", {"@type": "recovery_accepted/1", "kept": 0, "lost": 0, "origin": "", "root": ""}),
        ("question_defined/1", {"kind": "riddle"}),
        ("question_defined/1", {"rules": {"max": 1}}),
        ("question_defined/1", {"rules": {"max": 1, "min": 1, "more": 1}}),
        ("question_defined/1", {"rules": None}),
        ("question_defined/1", {"options": [0]}),
        ("question_defined/1", {"changeable": 1}),
        ("voting_opened/1", {"round": 0}),
        ("voting_opened/1", {"round": 99}),
        ("voting_opened/1", {"question": "q99"}),
        ("voting_closed/1", {"round": 99}),
        ("results_revealed/1", {"question": "__proto__"}),
        ("results_hidden/1", {"round": -1}),
        ("ballot_cast/1", {"round": 99}),
        ("ballot_cast/1", {"rev": 99}),
        ("ballot_cast/1", {"supersedes": 99}),
        ("ballot_cast/1", {"question": "q99"}),
        ("ballot_cast/1", {"voter": None}),
        ("answer_erased/1", {"voter": "nobody"}),
        ("answer_erased/1", {"round": 99}),
        ("answer_erased/1", {"round": 0}),
        ("answer_erased/1", {"question": "q99"}),
        ("answer_erased/1", {"index": 1}),
        ("receipts_switched/1", {"on": None}),
        ("replay_published/1", {"public": "yes"}),
        ("recovery_accepted/1", {"kept": None}),
    ]
    type_, fields = rng.choice(breaks)
    if not (places := records(lines, type_)):
        return None
    return resealed(rewritten(lines, rng.choice(places), **fields), keep_notes=False)


def vote_where_nobody_may(rng: random.Random, _data: bytes, lines: list[Line], _made: Made) -> bytes | None:
    """A second first ballot, a changed one where the first is final, or one with an id for the second time."""
    if not (places := opened(lines)):
        return None
    place = rng.choice(places)
    body = json.loads(lines[place]["body"])
    again = {**lines[place], "body": canonical(body)}
    if rng.random() < 0.5:
        following = {**body, "rev": body["rev"] + 1, "supersedes": lines[place]["index"]}
        again["body"] = canonical(following)
    return resealed([*lines[: place + 1], again, *lines[place + 1 :]], keep_notes=False)


TAMPERING: tuple[Tampering, ...] = (
    flip_a_bit,
    flip_a_bit,
    flip_a_bit,
    cut,
    drop_a_line,
    double_a_line,
    swap_two_lines,
    go_on_after_the_end,
    count_wrongly,
    write_it_otherwise,
    change_a_body,
    change_an_answer,
    change_a_salt,
    change_what_is_hidden,
    lose_what_is_hidden,
    reseal_other_content,
    reseal_other_content,
    add_a_foreign_note,
    change_a_note,
    change_a_note,
    forge_the_notes,
    half_an_opening,
    erase_in_silence,
    open_what_has_no_answer,
    replace_the_key,
    rename_the_room,
    seal_what_is_not_canonical,
    seal_an_answer_that_is_not_canonical,
    seal_a_text_in_another_spelling,
    break_a_rule,
    break_a_rule,
    vote_where_nobody_may,
)


def rewrite_history(rng: random.Random, lines: list[Line]) -> bytes:
    """Another log, sealed as it should be and without notes. Some of these are logs that could have been."""
    found = list(lines)
    for _ in range(rng.randrange(1, 4)):
        places = records(found)
        if not places:
            break
        place = rng.choice(places)
        way = rng.randrange(4)
        if way == 0:
            del found[place]
        elif way == 1:
            other = rng.choice(places)
            found[place], found[other] = found[other], found[place]
        elif way == 2:
            found.insert(place, found[rng.choice(places)])
        else:
            body = json.loads(found[place]["body"])
            name = rng.choice(list(body))
            donor = json.loads(found[rng.choice(places)]["body"])
            body[name] = donor.get(name, rng.choice((0, 1, -1, 1 << 80, "", "q1", None, True, [], {}, 0.5)))
            found = edited(found, place, body=canonical(body))
    return resealed(found, keep_notes=False)


def without_a_note(rng: random.Random, lines: list[Line]) -> bytes:
    """A note fewer, one twice, or in another order: that is a bundle as well."""
    notes = [line for line in lines if line["@type"] == "note"]
    rest = [line for line in lines[1:] if line["@type"] != "note"]
    rng.shuffle(notes)
    notes = notes[rng.randrange(2) :] + notes[: rng.randrange(2)]
    return joined(recounted([lines[0], *notes, *rest]))
