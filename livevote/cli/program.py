"""How the program was started, for every sentence that says what to type next: most people have it on no PATH."""

import sys
from pathlib import Path


def program() -> str:
    """What was typed for ``livevote``, such as ``.venv/bin/livevote``."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return "python -m livevote.cli"
    return sys.argv[0] if started.name == "livevote" else "livevote"


def as_typed(text: str) -> str:
    """``text``, in which commands stand as ``'livevote rooms'``, with what was typed for ``livevote``."""
    return text.replace("'livevote ", f"'{program()} ")
