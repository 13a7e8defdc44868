"""The library ``websockets`` with uvloop: ``send`` for an answer, its own ``broadcast`` for a fan-out. Stores nothing.

A message that begins with ``!`` goes to everybody without it, any other one goes back to its sender.
"""

import asyncio

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

clients: set[ServerConnection] = set()


async def answer(client: ServerConnection) -> None:
    """Serve one client until it leaves."""
    clients.add(client)
    try:
        async for message in client:
            if isinstance(message, str) and message.startswith("!"):
                broadcast(clients, message[1:])
            else:
                await client.send(message)
    finally:
        clients.discard(client)


async def main() -> None:
    """Serve until the process is ended."""
    # No pings of its own: they would be work that not every peer does. Compression is never asked for.
    async with serve(answer, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=4096) as server:
        print(f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
