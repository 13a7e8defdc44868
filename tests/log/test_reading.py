"""Tests for livevote.log.reading."""

import os
import sys

import pytest

from livevote.log import reading


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere priorities belong to processes")
def test_reads_go_after_votes_and_votes_keep_their_priority() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    of_reader = reading._readers.submit(os.getpriority, os.PRIO_PROCESS, 0).result()
    assert of_reader == min(19, before + 10)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
