"""uWebSockets through ``socketify``: ``send`` for an answer, its own ``publish`` for a fan-out. Stores nothing.

A message that begins with ``!`` goes to everybody without it, any other one goes back to its sender.
"""

from typing import Any

from socketify import App, CompressOptions, OpCode

app = App()


def opened(client: Any) -> None:
    """Take a new client in."""
    client.subscribe("all")


def answer(client: Any, message: str | bytes, opcode: OpCode) -> None:
    """Answer one message."""
    if isinstance(message, str) and message.startswith("!"):
        app.publish("all", message[1:], opcode)
    else:
        client.send(message, opcode)


app.ws("/*", {"compression": CompressOptions.DISABLED, "idle_timeout": 0, "open": opened, "message": answer})
app.listen({"port": 0, "host": "127.0.0.1"}, lambda config: print(f"http://127.0.0.1:{config.port}/", flush=True))
app.run()
