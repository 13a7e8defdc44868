"""The scenarios by name, in the order in which they run."""

from collections.abc import Awaitable, Callable

from bench.process import Place
from bench.scenarios import audit, burst, closed, joins, live, pages, restart
from bench.sizes import Sizes
from bench.table import Row

SCENARIOS: dict[str, Callable[[Place, Sizes], Awaitable[list[Row]]]] = {
    "burst": burst.run,
    "live": live.run,
    "closed": closed.run,
    "joins": joins.run,
    "restart": restart.run,
    "audit": audit.run,
    "pages": pages.run,
}
"""Each starts a server of its own in ``Place`` and returns its figures. Raises ``BenchError`` when votes were lost."""
