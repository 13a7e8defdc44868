"""Downloads a file of the HTTP API and counts its lines: ``python -m bench.download PORT PATH``.

In a process of its own, so that the load generator beside it is not held up. The key comes in ``LIVEVOTE_BENCH_TOKEN``,
because everybody on a machine can read what stands on a command line. Prints lines, bytes and seconds. While the
server says that it cannot give the file yet (503), it asks again.
"""

import os
import socket
import sys
import time

from bench.http import HOST, api

TOKEN = "LIVEVOTE_BENCH_TOKEN"
WAIT_S = 300
AGAIN_S = 0.2


def fetch(port: int, path: str, token: str) -> tuple[int, int, int]:
    """One request: status, lines and bytes of the body as it came over the wire."""
    # In HTTP/1.0 a body is what comes until the connection ends, without the marks of chunks in between.
    request = api(port, "GET", path, token=token).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)
    with socket.create_connection((HOST, port), timeout=WAIT_S) as connected:
        connected.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            more = connected.recv(1 << 16)
            if not more:
                raise ConnectionResetError("the server closed the connection without an answer")
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        lines, size_bytes = body.count(b"\n"), len(body)
        while more := connected.recv(1 << 18):
            lines += more.count(b"\n")
            size_bytes += len(more)
    return int(head.split(b" ", 2)[1]), lines, size_bytes


def main() -> int:
    """Download once; 1 when there was no file."""
    port, path = int(sys.argv[1]), sys.argv[2]
    ends_at = time.perf_counter() + WAIT_S
    while time.perf_counter() < ends_at:
        begun_at = time.perf_counter()
        status, lines, size_bytes = fetch(port, path, os.environ[TOKEN])
        if status == 200:
            print(lines, size_bytes, time.perf_counter() - begun_at)
            return 0
        if status != 503:
            break
        time.sleep(AGAIN_S)
    print(f"The export has status {status}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
