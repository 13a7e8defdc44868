"""A running server, asked over HTTP by a command beside it: whoever may read the data directory has its keys."""

import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from livevote.config import Config
from livevote.failures import BadFileError, DataDirectoryError, NoSuchRoomError
from livevote.log.lock import LOCK, is_held

_PATIENCE_S = 30
_MOST_BYTES = 64 * 1024


def server_of(config: Config) -> str | None:
    """The address of the server that runs on this data directory; None where none does."""
    if not config.data.is_dir() or not is_held(config.data / LOCK):
        return None
    try:
        found = config.address.read_text().strip()
    except FileNotFoundError:
        found = ""
    if not found:
        raise DataDirectoryError(f"Another livevote uses {config.data} and does not serve (yet). Try again later.")
    return found


def post(base: str, path: str, *, key: str, body: object) -> dict[str, Any]:
    """The answer to a JSON body. Raises a ``FailureError`` with the server's words where it refuses."""
    data = json.dumps(body, ensure_ascii=False).encode()
    if len(data) > _MOST_BYTES:
        raise BadFileError("A running server takes up to 64 KiB at once. Split the file, or stop the server first.")
    return _answer(base, path, key, data)


def get(base: str, path: str, *, key: str) -> dict[str, Any]:
    """The answer to a question. Raises a ``FailureError`` with the server's words where it refuses."""
    return _answer(base, path, key)


def _answer(base: str, path: str, key: str, data: bytes | None = None) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    try:
        # The server is this machine's own: no proxy knows the way.
        with build_opener(ProxyHandler({})).open(Request(f"{base}{path}", data, headers), timeout=_PATIENCE_S) as sent:
            answer: dict[str, Any] = json.load(sent)
            return answer
    except HTTPError as error:
        with error:
            raise _refused(error.read()) from None
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        raise DataDirectoryError(f"The server at {base} cannot be asked ({reason}). Stop it, and try again.") from error


def _refused(body: bytes) -> Exception:
    try:
        answer = json.loads(body)
        code, message = answer["error"]["code"], answer["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return DataDirectoryError("The server's answer cannot be read. Is there another version in between?")
    if code == "bad_file":
        return BadFileError("; ".join(f"line {each['line']}: {each['text']}" for each in answer["problems"]))
    return (NoSuchRoomError if code == "no_such_room" else DataDirectoryError)(message)
