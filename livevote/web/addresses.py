"""Under which names and addresses this server is reached: for the links it prints and the requests it accepts."""

import ipaddress
import socket
from urllib.parse import urlsplit

import ifaddr

from livevote.config import Config


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
    scheme = "https" if config.tls_cert else "http"
    suffix = "" if port == (443 if config.tls_cert else 80) else f":{port}"
    if config.host in ("", "0.0.0.0", "::"):
        hosts = [*lan_addresses(), "127.0.0.1"]
    else:
        hosts = [f"[{config.host}]" if ":" in config.host else config.host]
    urls = [f"{scheme}://{host}{suffix}" for host in hosts]
    return [config.url.rstrip("/"), *urls] if config.url else urls


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

    def __contains__(self, header: str) -> bool:
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
