"""The floor of every vote: a block is appended and synced so often, and nothing stays behind."""

import os
from pathlib import Path

import pytest

from bench.disk import BLOCK_BYTES, fdatasync_ms


def test_every_block_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: sizes.append(os.fstat(descriptor).st_size))
    took_ms = fdatasync_ms(tmp_path, 3)
    assert sizes == [BLOCK_BYTES, 2 * BLOCK_BYTES, 3 * BLOCK_BYTES]
    assert len(took_ms) == 3
    assert min(took_ms) > 0
    assert not list(tmp_path.iterdir())
