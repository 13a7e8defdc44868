"""The port that the server listens on, and its TLS certificate: what people can mend where a start fails."""

import errno
import socket
import ssl

from livevote.config import Config
from livevote.failures import PortError, SetupError

_BACKLOG = 4096  # a room that scans the QR code at once


def tls_of(config: Config) -> ssl.SSLContext | None:
    """The settings for TLS; None for plain HTTP. Raises ``SetupError``."""
    if config.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(config.tls_cert, config.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise SetupError(f"Cannot use the TLS certificate {config.tls_cert}: {error}. Check both PEM files.") from error
    return context


def bind(config: Config) -> socket.socket:
    """A socket that listens where the settings say. Raises ``PortError``."""
    if not 0 <= config.port <= 65_535:
        raise PortError(f"There is no port {config.port}: --port takes 0 to 65535.")
    try:
        if config.host:
            family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
            bound = socket.create_server((config.host, config.port), family=family, backlog=_BACKLOG)
        else:
            bound = _bind_everywhere(config.port)
    except OSError as error:
        where = f"port {config.port}" + (f" of {config.host}" if config.host else "")
        raise PortError(f"Cannot listen on {where}: {error.strerror}. Choose another with --port or --host.") from error
    bound.setblocking(False)
    # Accepted sockets inherit it: the end of a page shall not wait until its beginning was acknowledged.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


def _bind_everywhere(port: int) -> socket.socket:
    """One socket for all interfaces: IPv6 and IPv4 together, or IPv4 where the system has no IPv6 or has it off."""
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("", port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True)
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
    return socket.create_server(("", port), backlog=_BACKLOG)
