"""What the bench says about the machine."""

from pathlib import Path

import pytest

from bench import machine
from bench.expected import BenchError

MOUNTS = """\
/dev/vda / ext4 rw 0 0
tmpfs /tmp tmpfs rw 0 0
/dev/vdb /srv/my\\040disk xfs rw 0 0
/dev/vdc /tmp/later btrfs rw 0 0
"""


@pytest.mark.parametrize(
    ("directory", "kind"),
    [("/home/a", "ext4"), ("/tmp/x", "tmpfs"), ("/tmp/later/x", "btrfs"), ("/srv/my disk/x", "xfs"), ("/tmpx", "ext4")],
)
def test_the_deepest_mount_holds_a_directory(directory: str, kind: str) -> None:
    assert machine.file_system(Path(directory), MOUNTS) == kind


def test_a_later_mount_covers_an_earlier_one() -> None:
    assert machine.file_system(Path("/a"), "x / ext4 rw\ny / overlay rw\n") == "overlay"


def test_a_file_system_may_be_unknown() -> None:
    assert machine.file_system(Path("/a"), "") == "unknown"


def test_cpu_model_is_the_first_one() -> None:
    assert machine.cpu_model("processor\t: 0\nmodel name\t: A: fast one\nmodel name\t: B\n") == "A: fast one"
    assert machine.cpu_model("processor\t: 0\n") == ""


def test_two_cores_are_told_apart() -> None:
    assert machine.cores_for_two({3, 1, 2}) == (1, 3)
    assert machine.cores_for_two({1}) is None


def test_too_many_sockets_are_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr("resource.getrlimit", lambda _: (256, 1024))
    monkeypatch.setattr("resource.setrlimit", lambda _, limit: limits.append(limit))
    machine.raise_file_limit(800)
    assert limits == [(1024, 1024)]
    with pytest.raises(BenchError, match="2000 sockets need 2200 open files, but the system allows 1024"):
        machine.raise_file_limit(2000)
