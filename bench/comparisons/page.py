"""Row 12: what a phone loads before there is a result.

The request says what a browser says, and everything that the server sends for it counts, headers included. The page
is one file: that it asks for nothing more before a result is shown is the business of the browser tests. Lighthouse
loads it with an open question and its result, which is when it has most to draw.
"""

from bench import lighthouse
from bench.http import HOST, call, page
from bench.process import Place
from bench.reach import Finding, Target, not_measured
from bench.server import running
from bench.sizes import Sizes

NAME = "page"
SIZE = Target(12, "client.html over the wire, compressed, with headers", 30, 20, unit="KB", lower=True)
LIGHTHOUSE = Target(12, "Lighthouse performance, mobile preset", 95, 100)
TARGETS = (SIZE, LIGHTHOUSE)


async def run(place: Place, sizes: Sizes) -> list[Finding]:
    """What this comparison found."""
    async with running(place, NAME) as server:
        room = await server.create_room("Page")
        reply = await call(server.port, page(server.port, room.code))
        await room.ask(4, revealed=True)
        missing = lighthouse.missing()
        url = f"http://{HOST}:{server.port}/{room.code}"
        judged = [] if missing else await lighthouse.judge(url, sizes.pairs)
    size_bytes = len(reply.head) + len(b"\r\n\r\n") + len(reply.body)
    encoding = reply.header("content-encoding") or "not compressed"
    return [
        Finding(SIZE, [size_bytes / 1000], f"{encoding}; {len(reply.body):,} bytes without headers"),
        *(
            not_measured([LIGHTHOUSE], missing)
            if missing
            else [
                Finding(
                    LIGHTHOUSE,
                    [found.scores[lighthouse.PERFORMANCE] for found in judged],
                    "in Chromium without a window",
                )
            ]
        ),
    ]
