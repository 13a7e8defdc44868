"""Rooms as files over HTTP: a wrong file changes nothing, a copy has no votes, and what is deleted is in no file."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from livevote.domain.commands import EraseRoom, RevokeCohost
from livevote.export import FORMATS
from livevote.live import codebook
from livevote.log import open_reader
from livevote.plan import Reading, Trial, read_questions, templates, try_out
from livevote.protocol.codes import CLOSE, Unsure
from livevote.verify import verify_database
from livevote.web import code_api, planning
from tests.client import Venue, eventually, venue
from tests.plan.cases import ROOM, SHEET


def sent(text: str, name: str = "room.yaml", **more: Any) -> dict[str, Any]:
    return {"name": name, "text": text, **more}


async def host_state(at: Venue, code: str, token: str) -> dict[str, Any]:
    response = await at.fetch(f"/api/rooms/{code}", headers={"Authorization": f"Bearer {token}"})
    state: dict[str, Any] = json.loads(response.body)
    return state


async def make(at: Venue, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    response = await at.post("/api/rooms/from-file", body, key=at.server.services.operator_key)
    return response.code, json.loads(response.body)


async def test_a_room_is_made_from_a_file(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        status, answer = await make(at, sent(ROOM))
        assert (status, answer["questions"], answer["warnings"]) == (201, 2, [])
        made = answer["made"]
        assert made["join_url"] == f"{at.base}/{made['code']}"
        state = await host_state(at, made["code"], made["host_token"])
        assert (state["room"]["title"], state["language"], state["receipts"]) == ("Spring meeting", "de", False)
        assert [question["options"] for question in state["questions"]] == [
            ["Yes", "No", "007", "1:30", "~"],
            ["Roof", "=1+1", "on"],
        ]
        status, answer = await make(at, sent(SHEET, "sheet.csv", title="From a sheet"))
        assert (status, answer["questions"]) == (201, 2)


async def test_a_wrong_file_makes_nothing_and_every_mistake_is_told(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        wrong = "title: T\nquestions:\n  - question: Q?\n    options: [a]\n  - question: Q?\n    colour: red\n"
        status, answer = await make(at, sent(wrong))
        assert (status, answer["error"]["code"]) == (400, "bad_file")
        assert "line 3" in answer["error"]["message"]
        assert "and 1 more" in answer["error"]["message"]
        assert [problem["line"] for problem in answer["problems"]] == [3, 6]
        status, answer = await make(at, sent("- question: Q?\n  options: [a, b]\n"))
        assert "the room has no title" in answer["error"]["message"]
        response = await at.post(f"/api/rooms/{at.code}/questions-from-file", sent(wrong), key=at.host_token)
        assert (response.code, json.loads(response.body)["problems"][0]["line"]) == (400, 3)
        assert len(at.server.registry) == 1
        assert (await host_state(at, at.code, at.host_token))["as_of"] == 1


async def test_a_file_can_be_looked_at_first(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        status, answer = await make(at, sent(ROOM, check=True))
        assert (status, answer["questions"], answer["made"]) == (200, 2, None)
        assert answer["asked"] == [
            {"line": 7, "kind": "single", "text": "Tea or coffee?"},
            {"line": 9, "kind": "multiple", "text": "Which topics: all of them?"},
        ]
        body = sent(ROOM, check=True)
        response = await at.post(f"/api/rooms/{at.code}/questions-from-file", body, key=at.host_token)
        answer = json.loads(response.body)
        assert answer["questions"] == 2
        assert len(answer["warnings"]) == 4
        assert len(at.server.registry) == 1
        assert (await host_state(at, at.code, at.host_token))["as_of"] == 1


async def test_questions_are_added_to_a_room_that_is_there(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask()
        body = sent(SHEET, "sheet.csv")
        response = await at.post(f"/api/rooms/{at.code}/questions-from-file", body, key=at.host_token)
        assert (response.code, json.loads(response.body)["questions"]) == (200, 2)
        state = await host_state(at, at.code, at.host_token)
        assert [question["id"] for question in state["questions"]] == ["q1", "q2", "q3"]
        assert state["room"]["title"] == "Test"


async def test_what_fails_in_between_is_told_with_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue(tmp_path) as at:
        writer, asked = at.server.services.writer, []
        ask = writer.ask

        async def ask_twice(code: str, command: Any) -> Any:
            asked.append(command)
            return await ask(code, command) if len(asked) < 3 else Unsure.RETRY_LATER

        monkeypatch.setattr(writer, "ask", ask_twice)
        status, answer = await make(at, sent(ROOM))
        assert (status, answer["error"]["code"]) == (503, "half_done")
        assert "only 2 of 6 steps of the file were done; then: The server's disk is full" in answer["error"]["message"]


async def test_what_another_host_makes_impossible_meanwhile_is_told_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue(tmp_path) as at:
        writer = at.server.services.writer
        ask = writer.ask

        async def close_first(code: str, command: Any) -> Any:
            await ask(code, EraseRoom())
            return await ask(code, command)

        monkeypatch.setattr(writer, "ask", close_first)
        body = sent(SHEET, "sheet.csv")
        response = await at.post(f"/api/rooms/{at.code}/questions-from-file", body, key=at.host_token)
        answer = json.loads(response.body)
        assert (response.code, answer["error"]["code"]) == (409, "half_done")
        assert "only 0 of 2 steps" in answer["error"]["message"]
        assert "closed for good" in answer["error"]["message"]


async def test_a_room_is_written_as_a_file_that_makes_it_again(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        _, answer = await make(at, sent(ROOM))
        code, token = answer["made"]["code"], answer["made"]["host_token"]
        files = {}
        for name in ("room.yaml", "questions.csv"):
            response = await at.fetch(f"/api/rooms/{code}/{name}", headers={"Authorization": f"Bearer {token}"})
            assert response.headers["Content-Disposition"] == f'attachment; filename="livevote-{code}-{name}"'
            assert response.code == 200
            files[name] = response.body.decode()
            assert (await at.fetch(f"/api/rooms/{code}/{name}")).code == 401
        for name, text in files.items():
            _, again = await make(at, sent(text, name, title="Again"))
            state = await host_state(at, again["made"]["code"], again["made"]["host_token"])
            first = await host_state(at, code, token)
            assert state["questions"] == first["questions"]


async def test_a_copy_has_the_questions_and_no_votes(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask("Tea", "Coffee")
        await (await at.open()).vote("v1", 1)
        for body, title in (({}, "Test"), ({"title": "Next year"}, "Next year")):
            response = await at.post(f"/api/rooms/{at.code}/duplicate", body, key=at.host_token)
            assert response.code == 201
            made = json.loads(response.body)["made"]
            state = await host_state(at, made["code"], made["host_token"])
            assert (state["room"]["title"], state["as_of"]) == (title, 2)
            assert (state["questions"][0]["options"], state["questions"][0]["phase"]) == (["Tea", "Coffee"], "draft")
        assert (await at.post(f"/api/rooms/{at.code}/duplicate", {})).code == 401


async def test_a_cohost_adds_questions_and_neither_copies_nor_deletes_the_room(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.command("add_cohost", name="Ann")
        listed = await at.fetch(f"/api/rooms/{at.code}/cohosts", headers={"Authorization": f"Bearer {at.host_token}"})
        token = json.loads(listed.body)["cohosts"][0]["url"].partition("#")[2]
        for path, body in (("duplicate", {}), ("delete", {"code": at.code})):
            response = await at.post(f"/api/rooms/{at.code}/{path}", body, key=token)
            assert (response.code, json.loads(response.body)["error"]["code"]) == (401, "no_key")
        assert len(at.server.registry) == 1
        body = sent(SHEET, "sheet.csv")
        assert (await at.post(f"/api/rooms/{at.code}/questions-from-file", body, key=token)).code == 200
        state = await host_state(at, at.code, at.host_token)
        assert (len(state["questions"]), state["erased"]) == (2, False)


async def test_what_a_cohost_sends_in_a_file_is_void_behind_the_revocation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue(tmp_path) as at:
        await at.command("add_cohost", name="Ann")
        listed = await at.fetch(f"/api/rooms/{at.code}/cohosts", headers={"Authorization": f"Bearer {at.host_token}"})
        token = json.loads(listed.body)["cohosts"][0]["url"].partition("#")[2]
        writer = at.server.services.writer
        ask = writer.ask

        async def revoke_first(code: str, command: Any) -> Any:
            await ask(code, RevokeCohost("c1"))
            return await ask(code, command)

        monkeypatch.setattr(writer, "ask", revoke_first)
        body = sent(SHEET, "sheet.csv")
        response = await at.post(f"/api/rooms/{at.code}/questions-from-file", body, key=token)
        answer = json.loads(response.body)
        assert (response.code, answer["error"]["code"]) == (409, "half_done")
        assert "only 0 of 2 steps" in answer["error"]["message"]
        assert "no such co-host" in answer["error"]["message"]


async def test_who_is_revoked_while_a_file_is_read_is_no_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with venue(tmp_path) as at:
        await at.command("add_cohost", name="Ann")
        listed = await at.fetch(f"/api/rooms/{at.code}/cohosts", headers={"Authorization": f"Bearer {at.host_token}"})
        token = json.loads(listed.body)["cohosts"][0]["url"].partition("#")[2]
        loop = asyncio.get_running_loop()

        def read_slowly(name: str, text: str) -> Reading:
            asyncio.run_coroutine_threadsafe(at.command("revoke_cohost", id="c1"), loop).result(5)
            return read_questions(name, text)

        monkeypatch.setattr("livevote.web.planning.read_questions", read_slowly)
        body = sent(SHEET, "sheet.csv")
        response = await at.post(f"/api/rooms/{at.code}/questions-from-file", body, key=token)
        assert (response.code, json.loads(response.body)["error"]["code"]) == (409, "half_done")
        assert (await host_state(at, at.code, at.host_token))["questions"] == []


async def test_everybody_may_read_the_templates(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        found = json.loads((await at.fetch("/api/templates")).body)
        assert [each["name"] for each in found] == [template.name for template in templates()]
        for each in found:
            assert (await make(at, sent(each["text"])))[0] == 201


async def test_a_question_is_changed_while_people_look_and_rounds_keep_what_they_asked(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask("Tea", "Coffee", reveal=True)
        page = await at.open()
        await page.vote("v1", 0)

        async def edit(**fields: Any) -> int:
            body = {"type": "edit_question", "question": "q1", **fields}
            return (await at.post(f"/api/rooms/{at.code}/commands", body, key=at.host_token)).code

        assert await edit(text="What to drink?") == 200
        shown = await page.until(lambda message: message["type"] == "state" and message["as_of"] == 6)
        assert (shown["question"]["text"], shown["tally"]["counts"]) == ("What to drink?", [1, 0])
        assert await edit(options=["Tea", "Coffee", "Milk"]) == 409
        await at.command("close")
        assert await edit(text="And tomorrow?", options=["Tea", "Coffee", "Milk"], meaning=True) == 200
        (question,) = (await host_state(at, at.code, at.host_token))["questions"]
        assert (question["options"], question["counts"]) == (["Tea", "Coffee"], [1, 0])
        assert question["edited"]["options"] == ["Tea", "Coffee", "Milk"]
        await at.command("ask_again")
        (question,) = (await host_state(at, at.code, at.host_token))["questions"]
        assert (question["options"], question["counts"], question["edited"]) == (
            ["Tea", "Coffee", "Milk"],
            [0] * 3,
            None,
        )
        for name in FORMATS:
            path = f"/api/rooms/{at.code}/exports/{name}"
            response = await at.fetch(path, headers={"Authorization": f"Bearer {at.host_token}"})
            assert response.code == 200, name
            if name in ("results.csv", "results.json", "results.html"):
                assert "What to drink?" in response.body.decode()
                assert "And tomorrow?" in response.body.decode()
        replay = await at.fetch(f"/api/rooms/{at.code}/replay", headers={"Authorization": f"Bearer {at.host_token}"})
        document = json.loads(replay.body)
        assert [each["text"] for each in document["questions"]] == ["What to drink?", "And tomorrow?"]
        assert [(each["question"], each["counts"]) for each in document["rounds"]] == [(0, 2), (1, 3)]


def files_with_answers(data: Path) -> list[str]:
    """Files in which an answer stands, also as a page that is free now."""
    return [path.name for path in data.rglob("*") if path.is_file() and b'{"choices"' in path.read_bytes()]


async def delete(at: Venue, code: str) -> Any:
    return await at.post(f"/api/rooms/{at.code}/delete", {"code": code}, key=at.host_token)


async def test_a_deletion_needs_the_code_and_a_closed_room(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask("Tea", "Coffee")
        headers = {"Authorization": f"Bearer {at.host_token}"}
        for response, status, code in (
            (await delete(at, "OTHER2"), 400, "wrong_code"),
            (await delete(at, at.code), 409, "still_open"),
            (await at.post(f"/api/rooms/{at.code}/delete", {"code": at.code}), 401, "no_key"),
            (await at.fetch(f"/api/rooms/{at.code}/delete", headers=headers), 409, "not_deleted"),
        ):
            assert (response.code, json.loads(response.body)["error"]["code"]) == (status, code)
        assert (await host_state(at, at.code, at.host_token))["as_of"] == 3


async def test_a_deleted_room_has_no_answer_in_any_file_and_still_verifies(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        await at.ask("Tea", "Coffee", reveal=True)
        pages = [await at.open() for _ in range(3)]
        for number, page in enumerate(pages):
            await page.vote(f"v{number}", number % 2)
        wall, host = await at.open("", role="wall"), await at.open_host()
        await at.command("close")
        response = await delete(at, at.code.lower())
        assert (response.code, json.loads(response.body)["as_of"]) == (200, 9)
        for page in (*pages, wall):
            assert await page.closed() == CLOSE["no_such_room"].code
        await host.until(lambda message: message["type"] == "state" and message["erased"])
        await eventually(lambda: not at.server.registry.erasing)
        assert json.loads((await delete(at, at.code)).body) == {"as_of": 9, "done": True, "traces": False}
        for role in ("", "wall"):
            page = await at.open(role=role)
            assert await page.closed() == CLOSE["no_such_room"].code
        state = await host_state(at, at.code, at.host_token)
        assert (state["erased"], state["questions"][0]["counts"]) == (True, [0, 0])
        assert files_with_answers(tmp_path) == []
        for name in FORMATS:
            path = f"/api/rooms/{at.code}/exports/{name}"
            exported = await at.fetch(path, headers={"Authorization": f"Bearer {at.host_token}"})
            assert exported.code == 200, name
        with closing(sqlite3.connect(f"file:{tmp_path}/livevote.db?mode=ro", uri=True)) as database:
            assert database.execute("SELECT count(*) FROM records WHERE salt IS NOT NULL").fetchall() == [(0,)]
            assert database.execute("SELECT count(*) FROM ballots").fetchall() == [(3,)]
    reader = await open_reader(f"sqlite:{tmp_path}/livevote.db")
    (verdict,) = verify_database(reader, tmp_path / "checkpoints")
    assert (verdict.records, verdict.ballots, verdict.results[0].counts) == (9, 3, (0, 0))
    assert verdict.unsigned == 0
    async with venue(tmp_path) as at:
        assert not at.server.registry.erasing


async def test_who_deletes_a_room_twice_at_once_is_told_twice_that_it_is_deleted(tmp_path: Path) -> None:
    async with venue(tmp_path) as at:
        answers = await asyncio.gather(*(delete(at, at.code) for _ in range(2)))
        assert [(each.code, json.loads(each.body)["as_of"]) for each in answers] == [(200, 2)] * 2


async def test_a_deletion_is_not_done_while_another_program_keeps_traces_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with venue(tmp_path) as at:
        await at.ask("Tea", "Coffee", reveal=True)
        await (await at.open()).vote("v1", 0)
        await at.command("close")
        at.forget_pages()
        with closing(sqlite3.connect(f"file:{tmp_path}/livevote.db?mode=ro", uri=True, isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM records").fetchall()
            assert (await delete(at, at.code)).code == 200
            await eventually(lambda: not at.server.registry.erasing)
            answer = json.loads((await delete(at, at.code)).body)
            assert (answer["done"], answer["traces"]) == (False, True)
            assert files_with_answers(tmp_path) != []
            exported = await at.fetch(
                f"/api/rooms/{at.code}/exports/ballots.csv", headers={"Authorization": f"Bearer {at.host_token}"}
            )
            assert exported.code == 200, "the log itself has none of them"
            other.execute("ROLLBACK")
        # Nobody votes, and nobody asks.
        await eventually(lambda: not at.server.registry.traced)
        assert files_with_answers(tmp_path) == []
        answer = json.loads((await delete(at, at.code)).body)
        assert (answer["done"], answer["traces"]) == (True, False)
    assert "write-ahead log" in caplog.text
    caplog.clear()


async def test_nothing_is_exported_while_answers_are_being_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue(tmp_path) as at:
        room = at.server.registry.get(at.code)
        assert room is not None
        monkeypatch.setitem(at.server.registry.erasing, at.code, room)
        for path in ("exports/ballots.csv", "replay"):
            response = await at.fetch(
                f"/api/rooms/{at.code}/{path}", headers={"Authorization": f"Bearer {at.host_token}"}
            )
            assert (response.code, json.loads(response.body)["error"]["code"]) == (503, "erasing")


async def test_votes_are_taken_while_a_long_file_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    def noted(*arguments: Any, **more: Any) -> Trial:
        threads.append(threading.current_thread())
        return try_out(*arguments, **more)

    monkeypatch.setattr("livevote.web.planning.try_out", noted)
    async with venue(tmp_path) as at:
        assert (await make(at, sent(ROOM)))[0] == 201
        body = sent(SHEET, "sheet.csv")
        response = await at.post(f"/api/rooms/{at.code}/questions-from-file", body, key=at.host_token)
        assert response.code == 200
    assert len(threads) == 2
    assert threading.current_thread() not in threads


async def test_votes_are_taken_while_a_long_room_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    async with venue(tmp_path) as at:
        await at.ask("Tea", "Coffee")
        loop = asyncio.get_running_loop()

        def noted(write: Callable[..., Any], room: Any, **more: Any) -> Any:
            made = write(room, **more)
            threads.append(threading.current_thread())
            if len(threads) == 1:
                asyncio.run_coroutine_threadsafe(at.command("rename_room", title="Changed"), loop).result(5)
            return made

        for name in ("room_yaml", "sheet_csv", "plan_of"):
            write = getattr(planning, name)
            monkeypatch.setattr(planning, name, partial(noted, write))
        key = {"Authorization": f"Bearer {at.host_token}"}
        written = await at.fetch(f"/api/rooms/{at.code}/room.yaml", headers=key)
        assert written.body.decode().startswith("title: Changed\n"), "not what it was when the writing began"
        assert (await at.fetch(f"/api/rooms/{at.code}/questions.csv", headers=key)).code == 200
        assert (await at.post(f"/api/rooms/{at.code}/duplicate", {}, key=at.host_token)).code == 201
    assert len(threads) == 4
    assert threading.current_thread() not in threads


async def test_long_work_of_hosts_takes_one_thread_from_the_votes_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = [0, 0]

    def counted(group: int, work: Callable[..., Any]) -> Callable[..., Any]:
        counting = threading.Lock()
        at_work = 0

        def one(*arguments: Any, **rest: Any) -> Any:
            nonlocal at_work
            with counting:
                at_work += 1
                most[group] = max(most[group], at_work)
            threading.Event().wait(0.02)
            done = work(*arguments, **rest)
            with counting:
                at_work -= 1
            return done

        return one

    waiting = counted(0, lambda work, *arguments, **rest: work(*arguments, **rest))
    for module, name in (
        (planning, "room_yaml"),
        (planning, "read_questions"),
        (planning, "try_out"),
        (planning, "read_room"),
        (code_api, "draw"),
        (code_api, "read_codes"),
    ):
        monkeypatch.setattr(module, name, partial(waiting, getattr(module, name)))
    monkeypatch.setattr(codebook, "hashed", counted(1, codebook.hashed))
    async with venue(tmp_path) as at:
        rooms = [(at.code, at.host_token), (await at.create_room("Other"), at.host_token)]
        asked = []
        for code, token in rooms:
            headers = {"Authorization": f"Bearer {token}"}
            asked += [
                at.fetch(f"/api/rooms/{code}/room.yaml", headers=headers),
                at.post(f"/api/rooms/{code}/questions-from-file", sent(SHEET, "sheet.csv"), key=token),
                at.post(f"/api/rooms/{code}/codes", {"count": 2}, key=token),
                at.post(f"/api/rooms/{code}/codes", {"codes": ""}, key=token),
                at.post("/api/rooms/from-file", sent(ROOM), key=at.server.services.operator_key),
            ]
        answers = await asyncio.gather(*asked)
        assert {answer.code for answer in answers} <= {200, 201, 409}
    assert most == [1, 1]
