"""Runs one seed and prints all that happened: ``python -m tests.simulation SEED``."""

import sys

from tests.simulation.venue import Venue, play
from tests.simulation.world import BrokenPromiseError

if __name__ == "__main__":
    venue = Venue(int(sys.argv[1]))
    try:
        play(venue)
    except BrokenPromiseError as error:
        print(error)
    finally:
        print(venue.world.transcript())
