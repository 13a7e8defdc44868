"""What livevote is compared with: each a tiny server of its own, in the versions that the lock files pin.

``tools/setup bench`` installs them apart from livevote, which has none of them among its dependencies.
"""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
TOP = _HERE.parent.parent

PYTHON = TOP / ".venv-bench" / "bin" / "python"
"""The interpreter that has the Python peers."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server to compare with. ``needs`` is the package that its program imports."""

    name: str
    program: str
    needs: str = ""
    socket_io: bool = False
    """Whether it speaks the protocol of Socket.IO on top of WebSocket."""

    @property
    def of_node(self) -> bool:
        """Whether Node.js runs it."""
        return self.program.endswith(".mjs")

    def command(self, *arguments: str) -> list[str]:
        """How it is started."""
        return ["node" if self.of_node else str(PYTHON), str(_HERE / self.program), *arguments]

    def missing(self) -> str:
        """Why it cannot be started, as a sentence; empty when it can."""
        if self.of_node and shutil.which("node") is None:
            return "not measured: there is no node on this machine"
        where = _HERE / "node_modules" if self.of_node else PYTHON.parent.parent / "lib"
        pattern = self.needs if self.of_node else f"python*/site-packages/{self.needs}"
        if PYTHON.exists() and not self.needs:
            return ""
        return (
            ""
            if any(where.glob(pattern))
            else f"not measured: {self.needs or 'Python'} is missing, see tools/setup bench"
        )


def versions() -> list[tuple[str, str]]:
    """What is compared with, as installed: one line for each language."""
    found = []
    if (node := shutil.which("node")) is not None:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        found.append(("node", ", ".join([version.strip().lstrip("v"), *_of_node()])))
    if PYTHON.exists():
        found.append(("Python peers", ", ".join(_of_python())))
    return found


def _of_node() -> list[str]:
    manifests = [_HERE / "node_modules" / name / "package.json" for name in ("ws", "socket.io", "lighthouse")]
    known = [json.loads(manifest.read_text(encoding="utf-8")) for manifest in manifests if manifest.exists()]
    return [f"{manifest['name']} {manifest['version']}" for manifest in known]


def _of_python() -> list[str]:
    names = []
    for wanted in ("tornado", "websockets", "uvloop", "socketify", "prashna"):
        for metadata in (PYTHON.parent.parent / "lib").glob(f"python*/site-packages/{wanted}-*.dist-info"):
            name, _, version = metadata.name.removesuffix(".dist-info").partition("-")
            names.append(f"{name} {version}")
    return names


TORNADO = Peer("stock Tornado", "stock_tornado.py", "tornado")
WS = Peer("node ws", "ws.mjs", "ws")
WEBSOCKETS = Peer("websockets", "with_websockets.py", "websockets")
SOCKETIFY = Peer("socketify", "with_socketify.py", "socketify")
SOCKET_IO = Peer("Socket.IO", "socketio.mjs", "socket.io", socket_io=True)
BARE = Peer("bare send() loop", "bare_send.py")
