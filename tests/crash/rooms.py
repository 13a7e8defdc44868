"""A room of a server in a process of its own, steered over HTTP as its host, for rigs that need rounds of their own."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any

from bench.http import api, call
from livevote.keys import Keyring
from tests.crash.sockets import Socket
from tests.crash.voters import new_cookie

_RETRY_S = 0.02


class Room:
    """A new room."""

    def __init__(self, port: int, code: str, token: str) -> None:
        self.port = port
        self.code = code
        self.token = token

    async def command(self, type_: str, question: str = "", **fields: Any) -> dict[str, Any]:
        """A host's command that must succeed."""
        body = {"type": type_, **({"question": question} if question else {}), **fields}
        path = f"/api/rooms/{self.code}/commands"
        return await _post(self.port, path, self.token, body, status=200)

    async def ask(self, *options: str, kind: str = "single", **fields: Any) -> str:
        """Add a question and open it; its id."""
        added = await self.command("add_question", kind=kind, text="Which?", options=options, **fields)
        question: str = added["question"]
        await self.command("open", question)
        return question

    async def cookie(self) -> str:
        """A new browser's session cookie."""
        return await new_cookie(self.port, self.code)

    async def open(self, cookie: str) -> Socket:
        """A socket of that browser."""
        return await Socket.open(self.port, self.code, cookie)


async def _post(port: int, path: str, key: str, body: dict[str, Any], *, status: int) -> dict[str, Any]:
    reply = await call(port, api(port, "POST", path, token=key, body=json.dumps(body).encode()))
    assert reply.status == status, reply.body
    answer: dict[str, Any] = json.loads(reply.body)
    return answer


async def create_room(port: int, data: Path) -> Room:
    """A room on the server at ``port`` with this data directory."""
    key = Keyring(data / "keys", create=False).operator_key
    made = await _post(port, "/api/rooms", key, {"title": "Race"}, status=201)
    return Room(port, made["code"], made["host_token"])


async def settle(
    socket: Socket, id_: str, question: str, round_: int, choices: list[int], rng: random.Random | None = None
) -> dict[str, Any]:
    """Send a ballot until its answer is final; that answer. With ``rng``, many that race do not retry in step."""
    vote = {"type": "vote", "id": id_, "question": question, "round": round_, "answer": {"choices": choices}}
    while True:
        socket.send(vote)
        while True:
            answer = await socket.receive()
            if answer["type"] in ("recorded", "rejected", "unknown") and answer["id"] == id_:
                break
        if answer["type"] != "unknown":
            return answer
        await asyncio.sleep(_RETRY_S if rng is None else rng.uniform(0, _RETRY_S))
