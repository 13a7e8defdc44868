"""What the bench reads about a program's process."""

import os
import time

import pytest

from bench.process import LISTENING, cpu_clock, read_rss_bytes


def test_cpu_time_is_that_of_the_process() -> None:
    before_s = time.process_time()
    found_s = time.clock_gettime(cpu_clock(os.getpid()))
    assert before_s <= found_s <= time.process_time()


def test_resident_memory_is_in_bytes() -> None:
    assert read_rss_bytes("Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t1\n") == 2048 * 1024


def test_a_process_that_has_ended_has_no_memory() -> None:
    with pytest.raises(ValueError, match="has ended"):
        read_rss_bytes("Name:\tx\nState:\tZ (zombie)\n")


def test_the_port_is_read_from_the_servers_own_words() -> None:
    found = LISTENING.search(b"livevote listens on http://127.0.0.1:40123/ and on http://[::1]:1/\n")
    assert found is not None
    assert int(found[1]) == 40123
