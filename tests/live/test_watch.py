"""Hosts are shown how their rooms are doing, also where nothing else happens."""

import asyncio

from livevote.live.watch import watch


class Rooms:
    """A registry of one room that counts how often it is looked at."""

    def __init__(self) -> None:
        self.looks = 0

    def all(self) -> list["Rooms"]:
        return [self]

    def show_health(self) -> None:
        self.looks += 1


async def test_every_room_is_looked_at_again_and_again() -> None:
    rooms = Rooms()
    watching = asyncio.create_task(watch(rooms, interval_s=0.001))  # type: ignore[arg-type]
    while rooms.looks < 3:
        await asyncio.sleep(0)
    watching.cancel()
