"""What the bench reads about a program's process."""

import pytest

from bench.process import LISTENING, read_cpu_s, read_rss_bytes


def test_cpu_time_is_user_and_system_time() -> None:
    stat = "12 (py (x) 9 thon) S " + " ".join(str(number) for number in range(4, 40))
    assert read_cpu_s(stat, ticks_per_s=100) == (14 + 15) / 100


def test_resident_memory_is_in_bytes() -> None:
    assert read_rss_bytes("Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t1\n") == 2048 * 1024


def test_a_process_that_has_ended_has_no_memory() -> None:
    with pytest.raises(ValueError, match="has ended"):
        read_rss_bytes("Name:\tx\nState:\tZ (zombie)\n")


def test_the_port_is_read_from_the_servers_own_words() -> None:
    found = LISTENING.search(b"livevote listens on http://127.0.0.1:40123/ and on http://[::1]:1/\n")
    assert found is not None
    assert int(found[1]) == 40123
