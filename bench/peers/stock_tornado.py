"""Tornado as its manual shows it: ``write_message`` for every message, and a loop of it for a fan-out. Stores nothing.

A message that begins with ``!`` goes to everybody without it, any other one goes back to its sender.
"""

import asyncio

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler

clients: set["Socket"] = set()


class Socket(WebSocketHandler):
    """One client."""

    def open(self, *args: str, **kwargs: str) -> None:  # noqa: ARG002
        clients.add(self)

    def on_close(self) -> None:
        clients.discard(self)

    def on_message(self, message: str | bytes) -> None:
        if isinstance(message, str) and message.startswith("!"):
            payload = message[1:]
            for client in clients:
                client.write_message(payload)
        else:
            self.write_message(message)


async def main() -> None:
    """Serve until the process is ended."""
    sockets = bind_sockets(0, "127.0.0.1", backlog=4096)
    HTTPServer(Application([("/.*", Socket)])).add_sockets(sockets)
    print(f"http://127.0.0.1:{sockets[0].getsockname()[1]}/", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
