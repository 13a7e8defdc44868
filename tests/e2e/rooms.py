"""Rooms for the tests, made and steered over HTTP so that a test's pages do only what the test is about."""

import csv
import io
import json
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import msgspec

from livevote.keys import Keyring
from livevote.replay.document import Replay

HAS_VOTED = "first_page_has_voted"
"""The file in a data directory that lets ``first_visit`` answer the second page."""

_PATIENCE_S = 30


def _fetch(url: str, key: str, body: dict[str, Any] | None = None, *, method: str | None = None) -> bytes:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urlopen(Request(url, data, headers, method=method), timeout=_PATIENCE_S) as response:
        content: bytes = response.read()
    return content


class Room:
    """A room of a running server."""

    def __init__(self, base: str, code: str, token: str) -> None:
        self.base = base
        self.code = code
        self._token = token

    @property
    def join(self) -> str:
        return f"{self.base}/{self.code}"

    @property
    def replay(self) -> str:
        return f"{self.base}/replay/{self.code}"

    @property
    def host(self) -> str:
        return f"{self.base}/host/{self.code}#{self._token}"

    def command(self, type_: str, question: str = "q1", **fields: Any) -> dict[str, Any]:
        """A host's command that must succeed."""
        body = {"type": type_, **fields} if fields else {"type": type_, "question": question}
        answer: dict[str, Any] = json.loads(_fetch(f"{self.base}/api/rooms/{self.code}/commands", self._token, body))
        return answer

    def state(self) -> dict[str, Any]:
        """The room as its host sees it."""
        answer: dict[str, Any] = json.loads(_fetch(f"{self.base}/api/rooms/{self.code}", self._token))
        return answer

    def add(self, text: str, *options: str, kind: str = "single", **fields: Any) -> str:
        """Add a question; its id."""
        added = self.command("add_question", kind=kind, text=text, options=options, **fields)
        question: str = added["question"]
        return question

    def ask(self, text: str, *options: str, reveal: bool = False, **fields: Any) -> str:
        """Add a question and open it; its id."""
        question = self.add(text, *options, **fields)
        self.command("open", question)
        if reveal:
            self.command("reveal", question)
        return question

    def edit(self, question: str, **fields: Any) -> None:
        """Change a question as somebody else does."""
        body = {"type": "edit_question", "question": question, **fields}
        _fetch(f"{self.base}/api/rooms/{self.code}/commands", self._token, body)

    def set_timer(self, question: str, seconds: int | None) -> None:
        """Let the open round end by itself after so many seconds from now, or not."""
        body = {"type": "set_timer", "question": question, "seconds": seconds}
        _fetch(f"{self.base}/api/rooms/{self.code}/commands", self._token, body)

    def upload(self, picture: bytes) -> str:
        """Upload a picture for a question; its name."""
        url = f"{self.base}/api/rooms/{self.code}/pictures"
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/octet-stream"}
        with urlopen(Request(url, picture, headers), timeout=_PATIENCE_S) as response:
            name: str = json.load(response)["picture"]
        return name

    def make_codes(self, count: int) -> list[str]:
        """New one-time codes."""
        made = json.loads(_fetch(f"{self.base}/api/rooms/{self.code}/codes", self._token, {"count": count}))
        codes: list[str] = made["codes"]
        return codes

    def export(self, name: str) -> bytes:
        """A file that is exported."""
        return _fetch(f"{self.base}/api/rooms/{self.code}/exports/{name}", self._token)

    def rehearse(self, voters: int) -> "Room":
        """Begin a rehearsal; its room."""
        made = json.loads(_fetch(f"{self.base}/api/rooms/{self.code}/rehearsal", self._token, {"voters": voters}))
        return Room(self.base, made["code"], made["host_token"])

    def end_rehearsal(self) -> None:
        """End the rehearsal that runs."""
        _fetch(f"{self.base}/api/rooms/{self.code}/rehearsal", self._token, method="DELETE")

    def link_pseudonyms(self) -> None:
        """Add up points: one pseudonym for each voter."""
        _fetch(f"{self.base}/api/rooms/{self.code}/commands", self._token, {"type": "link_pseudonyms"})

    def posts(self) -> list[dict[str, Any]]:
        """The board as its host sees it."""
        found: list[dict[str, Any]] = json.loads(_fetch(f"{self.base}/api/rooms/{self.code}/board", self._token))[
            "posts"
        ]
        return found

    def publish_replay(self, *, public: bool = True) -> None:
        """Let everybody watch the replay, or the host alone."""
        body = {"type": "publish_replay", "public": public}
        _fetch(f"{self.base}/api/rooms/{self.code}/commands", self._token, body)

    def read_replay(self) -> Replay:
        """The replay as its host gets it."""
        return msgspec.json.decode(_fetch(f"{self.base}/api/rooms/{self.code}/replay", self._token), type=Replay)

    def ballots(self) -> list[dict[str, str]]:
        """Every ballot of the room, also those that were replaced."""
        return read_csv(_fetch(f"{self.base}/api/rooms/{self.code}/ballots.csv", self._token))


def create_room(base: str, data: Path, title: str) -> Room:
    """A new room on the server at ``base`` with this data directory."""
    made = json.loads(_fetch(f"{base}/api/rooms", Keyring(data / "keys", create=False).operator_key, {"title": title}))
    return Room(base, made["code"], made["host_token"])


def read_csv(content: bytes) -> list[dict[str, str]]:
    """The rows of a CSV that begins with a byte order mark."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
