"""The floor of a fan-out in Python: one ``send()`` of the same bytes for each socket, and nothing else.

It speaks just enough WebSocket to be reached by the same clients: the handshake, and a short first message that
begins with ``!`` and goes to everybody without it.
"""

import base64
import hashlib
import select
import socket

KEY = b"sec-websocket-key:"
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accepted(request: bytes) -> bytes:
    """The answer to a handshake (RFC 6455 section 4.2.2)."""
    key = next(line[len(KEY) :].strip() for line in request.split(b"\r\n") if line.lower().startswith(KEY))
    accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def fan_out_frame(frame: bytes) -> bytes:
    """The server's frame for everybody, made from a client's masked one that asks for it."""
    size, start = frame[1] & 0x7F, 2
    if size == 126:
        size, start = int.from_bytes(frame[2:4], "big"), 4
    mask, masked = frame[start : start + 4], frame[start + 4 : start + 4 + size]
    payload = bytes(byte ^ mask[place & 3] for place, byte in enumerate(masked))[1:]
    head = bytes((0x81, len(payload))) if len(payload) < 126 else b"\x81\x7e" + len(payload).to_bytes(2, "big")
    return head + payload


def main() -> None:
    """Serve until the process is ended."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
    polled = select.epoll()
    polled.register(listener, select.EPOLLIN)
    clients: dict[int, socket.socket] = {}
    while True:
        for descriptor, _ in polled.poll():
            if descriptor == listener.fileno():
                client, _ = listener.accept()
                client.setblocking(False)
                polled.register(client, select.EPOLLIN)
                clients[client.fileno()] = client
                continue
            client = clients[descriptor]
            data = client.recv(4096)
            if not data:
                polled.unregister(client)
                clients.pop(descriptor).close()
            elif data.startswith(b"GET "):
                client.send(accepted(data))
            elif data[0] == 0x81:
                frame = fan_out_frame(data)
                for each in clients.values():
                    each.send(frame)


if __name__ == "__main__":
    main()
