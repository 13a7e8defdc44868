"""Breaks the rules and the log by one small change at a time, and counts the changes that no test notices.

``python -m tests.mutants`` (``make mutants``) runs mutmut over ``livevote/domain`` and ``livevote/log``, prints the
score, and fails where it is below ``WANTED``. ``python -m tests.mutants --table`` prints what ``docs/mutants.md``
holds of the last run: the score, and every change that went unnoticed with the reason why it may.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

WANTED = 0.9
"""The least share of the changes that the tests must notice."""

CHECKOUT = Path(__file__).parent.parent
WORK = CHECKOUT / "mutants"
"""Where mutmut keeps its copy of the checkout and what became of every change. Git ignores it."""

# Nothing of this is kept, and a disk that is waited for would be nine tenths of the time.
_MEMORY = Path("/dev/shm")

# Exit codes of a run of the tests, besides those of the signals by which mutmut ends one that takes too long.
_PASSED = 0
_NOTHING_RUN = (5, 33)
_FAILED = (1, 2, 3)
_TOO_LONG = (24, -24, 36, 152, 255)


class Mutant(msgspec.Struct, frozen=True):
    """One change: ``where`` it is (``log.lock is_held``), its lines as a diff, and the tests' exit code."""

    where: str
    diff: str
    code: int | None

    @property
    def noticed(self) -> bool:
        """Whether a test failed, or the tests did not end."""
        return self.code in _FAILED or self.code in _TOO_LONG


class Reason(msgspec.Struct, frozen=True):
    """Why a change may go unnoticed. ``changes`` are regular expressions, one of which its place and diff match."""

    why: str
    changes: tuple[str, ...]

    def explains(self, mutant: Mutant) -> bool:
        """Whether this is the reason for ``mutant``."""
        return any(re.search(change, f"{mutant.where}\n{mutant.diff}") for change in self.changes)


REASONS: tuple[Reason, ...] = (
    Reason(
        "SQL is the same in capitals and in small letters",
        (r'(?is)\n- (.*"(?:SELECT|PRAGMA|UPDATE|INSERT|VACUUM|BEGIN|COMMIT)\b.*)\n\+ \1$',),
    ),
    Reason(
        "Python opens every descriptor with O_CLOEXEC, and what is left beside it is 0",
        (r"\n\+ .*os\.O_RDONLY & os\.O_CLOEXEC",),
    ),
    Reason(
        "Where SQLite was built with USE_URI, as Debian's is, the flag changes nothing; elsewhere it is needed",
        (r"\n\+ .*uri=(None|False)", r"\n- .*uri=.*\n\+ (?!.*uri=)"),
    ),
    Reason(
        "The connection never begins a transaction, so how it would begin one does not matter",
        (r"\n- .*isolation_level=None.*\n\+ (?!.*isolation_level)",),
    ),
    Reason(
        "Nobody runs the body of a protocol",
        (r"^log\.base Reader\.",),
    ),
    Reason(
        "None is as false as False, and a key's value is never looked at",
        (
            r"\n\+ self\._(closed|failed) = None",
            r'\n\+ self\._missing\[index\] = ""',
            r"^log\.schema migrate\n.*\n\+ applied\[name\] = None",
        ),
    ),
    Reason(
        "Both are the same number, for every number that gets there",
        (
            # A size is kept or wrong, never both.
            r"^domain\.checker Checker\._contradiction\n.*\n\+ .*size <= first\.size",
            # Of sizes from BLOCK up, only powers of two have no bit in common with themselves less 2.
            r"^domain\.merkle Tree\._root_of\n.*\n\+ if size & \(size - 2\) == 0",
        ),
    ),
    Reason(
        "The left part is a power of two of at least BLOCK leaves, whose root is kept: it needs no leaves",
        (r"^domain\.merkle Tree\._root_of\n.*\n\+ .*_root_of\(low, middle, None\)",),
    ),
    Reason(
        "One more query, which finds nothing: slower and no different",
        (r"^log\.sqlite_reader SqliteReader\.read\n.*\n\+ while after <= last",),
    ),
    Reason("The text of an assertion that cannot fail", (r'\n\+ assert not isinstance\(record, BallotCast\), "',)),
)


class _Meta(msgspec.Struct):
    """What mutmut notes of one file."""

    exit_code_by_key: dict[str, int | None]


def _where(module: str, function: str) -> str:
    """``log.lock is_held`` for mutmut's ``livevote.log.lock`` and ``x_is_held``."""
    return f"{module.removeprefix('livevote.')} {'.'.join(part for part in re.split('^x_|^xǁ|ǁ', function) if part)}"


def _found(path: Path) -> Iterable[Mutant]:
    """The mutants of one file, given what mutmut noted of it. Only unnoticed ones have a diff."""
    # Not above: mutmut reads its settings when it is imported, and the reasons are wanted without it.
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    source = path.relative_to(WORK).with_suffix("")
    for name, code in msgspec.json.decode(path.read_bytes(), type=_Meta).exit_code_by_key.items():
        module, _, function = name.partition("__mutmut_")[0].rpartition(".")
        mutant = Mutant(_where(module, function), "", code)
        if not mutant.noticed:
            # Behind the two lines that name the files and the one that says where.
            lines = [line for line in get_diff_for_mutant(name, path=source).splitlines()[3:] if line[0] in "-+"]
            mutant = msgspec.structs.replace(mutant, diff="\n".join(f"{line[0]} {line[1:].strip()}" for line in lines))
        yield mutant


def results() -> list[Mutant]:
    """What became of every change in the last run, in the order of the files."""
    return [mutant for path in sorted(WORK.rglob("*.py.meta")) for mutant in _found(path)]


def run() -> None:
    """Change, test, change back, for as long as it takes."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    log = WORK / "run.log"
    print(f"This takes hours. What mutmut says goes to {log}.", flush=True)
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as scratch, log.open("wb") as output:
        environment = {**os.environ, "TMPDIR": scratch}
        subprocess.run([Path(sys.executable).with_name("mutmut"), "run"], stdout=output, env=environment, check=True)


def score(mutants: list[Mutant]) -> float:
    """The share of the changes that were noticed. One that no test reaches counts as unnoticed."""
    return sum(mutant.noticed for mutant in mutants) / len(mutants)


def summary(mutants: list[Mutant]) -> str:
    """The score in words."""
    unnoticed = [mutant for mutant in mutants if not mutant.noticed]
    late = sum(mutant.code in _TOO_LONG for mutant in mutants)
    return (
        f"{len(mutants):,} changes: {len(mutants) - len(unnoticed):,} were noticed ({score(mutants):.1%}), {late} of "
        f"them because the tests did not end; {len(unnoticed)} were not."
    )


def table(mutants: list[Mutant]) -> str:
    """The part of ``docs/mutants.md`` that a run decides."""
    parts = [summary(mutants)]
    total, unnoticed = Counter[str](), Counter[str]()
    for mutant in mutants:
        module = mutant.where.partition(" ")[0]
        total[module] += 1
        unnoticed[module] += not mutant.noticed
    rows = [f"| `{module}` | {count} | {unnoticed[module]} |" for module, count in total.items()]
    parts.append("\n".join(["| module | changes | unnoticed |", "|---|---|---|", *rows]))
    left = [mutant for mutant in mutants if not mutant.noticed]
    for reason in REASONS:
        explained = [mutant for mutant in left if reason.explains(mutant)]
        left = [mutant for mutant in left if not reason.explains(mutant)]
        if explained:
            parts += [f"### {reason.why} ({len(explained)})", _listed(explained)]
    if left:
        parts += [f"### Without a reason ({len(left)})", _listed(left)]
    return "\n\n".join(parts)


def _listed(mutants: list[Mutant]) -> str:
    return "```diff\n" + "\n".join(f"@@ {mutant.where} @@\n{mutant.diff}" for mutant in mutants) + "\n```"


def main(arguments: list[str]) -> int:
    """Run and print the score; with ``--table`` print the table of the last run. Returns the exit code."""
    if arguments == ["--table"]:
        print(table(results()))
        return 0
    run()
    mutants = results()
    print(summary(mutants))
    for mutant in mutants:
        if not mutant.noticed and not any(reason.explains(mutant) for reason in REASONS):
            print(f"\nno test notices, and no reason says why:\n{mutant.where}\n{mutant.diff}")
    return 0 if score(mutants) >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
