"""How large each scenario is, as one value, so that the command line and the scenarios cannot disagree."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The default is a full run. Every field is an option of the same name."""

    burst_voters: int = 1_000
    burst_rounds: int = 5
    live_sockets: int = 2_000
    live_votes_per_s: int = 200
    live_s: int = 20
    live_screens: int = 500
    closed_sockets: int = 500
    closed_s: int = 8
    joins: int = 2_000
    join_concurrency: int = 200
    ballots: int = 1_000_000
    pairs: int = 7
    race_sockets: int = 500
    lap_s: int = 2
    fan_sockets: int = 2_600
    fan_outs: int = 15
    idle_sockets: int = 10_000
    hall_sockets: int = 10_000
    hall_votes_per_s: int = 1_000
    hall_s: int = 20
    stalled_sockets: int = 2_000
    stalled_votes_per_s: int = 300
    stalled_s: int = 4
    log_pairs: int = 7
    store_votes: int = 500
    store_pairs: int = 3
    page_loads: int = 3
    curve_ballots: int = 1_000_000
    curve_sockets: int = 19_000
    curve_votes: int = 2_000
    curve_joins: int = 1_000
    curve_runs: int = 3

    def most_sockets(self, scenarios: Iterable[str]) -> int:
        """How many sockets are open at once in the largest of ``scenarios``."""
        sockets = {
            "burst": self.burst_voters,
            "live": self.live_sockets,
            "closed": self.closed_sockets,
            # Those who still load the page have a connection as well.
            "joins": self.joins + self.join_concurrency,
            "echo": 6 * self.race_sockets,
            "fanout": 7 * self.fan_sockets,
            "memory": self.idle_sockets,
            "arrivals": 2 * self.joins + self.join_concurrency,
            "hall": self.hall_sockets,
            "stalled": self.stalled_sockets,
            "store": self.store_votes,
            "by-sockets": self.curve_sockets,
            "by-batch": max(self.curve_votes, self.race_sockets),
            "by-joins": self.joins + self.curve_joins,
        }
        return max((sockets.get(name, 1) for name in scenarios), default=0)


QUICK = Sizes(
    burst_voters=200,
    burst_rounds=2,
    live_sockets=300,
    live_votes_per_s=50,
    live_s=5,
    live_screens=100,
    closed_sockets=100,
    closed_s=3,
    joins=300,
    join_concurrency=50,
    ballots=50_000,
    pairs=3,
    race_sockets=100,
    lap_s=1,
    fan_sockets=500,
    fan_outs=5,
    idle_sockets=1_000,
    hall_sockets=1_000,
    hall_votes_per_s=200,
    hall_s=5,
    stalled_sockets=300,
    stalled_votes_per_s=200,
    stalled_s=2,
    log_pairs=3,
    store_votes=100,
    store_pairs=1,
    page_loads=1,
    curve_ballots=20_000,
    curve_sockets=1_000,
    curve_votes=100,
    curve_joins=100,
    curve_runs=1,
)
"""Small enough for a few minutes on a laptop: it shows that everything works, and roughly how fast it is."""
