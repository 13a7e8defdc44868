"""Under which names and addresses this server is reached: for the links it prints and the requests it accepts."""

import ipaddress
import socket
from functools import lru_cache
from urllib.parse import urlsplit

import ifaddr

from livevote.config import Config
from livevote.failures import SetupError

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
"""What only the machine itself is called."""

_PORTS = {"http": 80, "https": 443}
_REMEMBERED = 128


def lan_addresses() -> list[str]:
    """The IPv4 addresses of this machine that other machines may reach, those of private networks first."""
    found = {
        ip.ip
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
        if isinstance(ip.ip, str) and not ipaddress.ip_address(ip.ip).is_loopback
    }
    return sorted(found, key=lambda ip: (not ipaddress.ip_address(ip).is_private, ipaddress.ip_address(ip)))


def base_urls(config: Config, port: int) -> list[str]:
    """Where people find this server, best first, without a final slash; the last one works on this machine."""
    if config.url:
        return [config.url]  # the only one under which cookies and sockets work behind a proxy
    scheme = "https" if config.tls_cert else "http"
    suffix = "" if port == (443 if config.tls_cert else 80) else f":{port}"
    if config.host in ("", "0.0.0.0", "::"):
        hosts = [*lan_addresses(), "127.0.0.1"]
    else:
        hosts = [f"[{config.host}]" if ":" in config.host else config.host]
    return [f"{scheme}://{host}{suffix}" for host in hosts]


def public_url(text: str) -> str:
    """``text`` as browsers write an origin: lower case, no default port, no path. Raises ``SetupError``."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if (
        not host
        or parts.scheme not in ("http", "https")
        or parts.path not in ("", "/")
        or parts.query
        or parts.username
    ):
        raise SetupError(f"--url takes an address such as https://vote.example.org, not {text!r}.")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port not in (None, _PORTS[parts.scheme]) else "")


class KnownHosts:
    """Which ``Host`` headers are ours.

    An address in numbers cannot be pointed at this machine by a hostile name server (DNS rebinding), a name can: so
    names are this machine's own, or the one in ``--url``.
    """

    def __init__(self, config: Config) -> None:
        own = socket.gethostname().lower()
        self._names = {"localhost", own, f"{own.split('.')[0]}.local"}
        if config.url and (name := urlsplit(config.url).hostname):
            self._names.add(name)
        if config.host:
            self._names.add(config.host.lower())
        # Nearly all requests come with the same few, and reading one takes as long as signing a cookie.
        self._is_known = lru_cache(_REMEMBERED)(self._check)

    def __contains__(self, header: str) -> bool:
        return self._is_known(header)

    def _check(self, header: str) -> bool:
        name = _hostname(header)
        if name is None:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        return True


def _hostname(header: str) -> str | None:
    """The host of a ``Host`` header, or None for one that is not ``host`` or ``host:port``."""
    try:
        parts = urlsplit(f"//{header}")
        parts.port  # noqa: B018 - raises for a port that is no number
    except ValueError:
        return None
    return parts.hostname if parts.netloc == header and not parts.username else None
