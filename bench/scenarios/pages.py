"""Every page as Lighthouse judges it on its mobile preset: how quick, how accessible, how well behaved.

The voters' page is loaded while it waits and with a result, the others with a room that has both a result and a replay.
The host's page is loaded with its link, so that the console is what is judged and not the form before it.
"""

import statistics

from bench import lighthouse
from bench.expected import BenchError
from bench.http import HOST
from bench.process import Place
from bench.server import running
from bench.sizes import Sizes
from bench.table import Row

NAME = "pages"


async def run(place: Place, sizes: Sizes) -> list[Row]:
    """The median of each score, and what cost points. Raises ``BenchError`` where there is no Lighthouse."""
    if missing := lighthouse.missing():
        raise BenchError(missing)
    rows: list[Row] = []
    async with running(place, NAME) as server:
        waiting, room = await server.create_room("Waiting"), await server.create_room("Spring assembly")
        place_of_room = f"http://{HOST}:{server.port}"
        await room.ask(4, revealed=True)
        await room.command("close", question="q1")
        await room.command("publish_replay", public=True)
        for page, path in (
            ("voters, waiting", f"/{waiting.code}"),
            ("voters, a result", f"/{room.code}"),
            ("host", room.host),
            ("wall", f"/wall/{room.code}"),
            ("check", f"/check/{room.code}"),
            ("replay", f"/replay/{room.code}"),
        ):
            judged = await lighthouse.judge(f"{place_of_room}{path}", sizes.page_loads, lighthouse.CATEGORIES)
            for category in lighthouse.CATEGORIES:
                score = statistics.median(found.scores[category] for found in judged)
                rows.append(Row(NAME, f"{page}: {category}", score, "of 100"))
            if short := frozenset().union(*(found.short for found in judged)):
                rows.append(Row(NAME, f"{page}: cost points", " ".join(sorted(short))))
    return rows
