"""The addresses that the server prints, and the names it answers to."""

from pathlib import Path

import pytest

from livevote.config import Config
from livevote.failures import SetupError
from livevote.web import addresses


def test_urls_name_the_lan_first_and_this_machine_last() -> None:
    urls = addresses.base_urls(Config(port=8888), 8888)
    assert urls[-1] == "http://127.0.0.1:8888"
    assert [f"http://{ip}:8888" for ip in addresses.lan_addresses()] == urls[:-1]


def test_urls_follow_the_settings() -> None:
    assert addresses.base_urls(Config(host="10.0.0.5"), 80) == ["http://10.0.0.5"]
    assert addresses.base_urls(Config(host="::1"), 8888) == ["http://[::1]:8888"]
    secure = Config(host="10.0.0.5", tls_cert=Path("c"), tls_key=Path("k"))
    assert addresses.base_urls(secure, 443) == ["https://10.0.0.5"]
    assert addresses.base_urls(Config(host="10.0.0.5", url="https://v.example"), 8888) == ["https://v.example"]


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("https://Vote.Example.org/", "https://vote.example.org"),
        ("https://vote.example.org:443", "https://vote.example.org"),
        ("http://vote.example.org:80", "http://vote.example.org"),
        ("http://vote.example.org:8888", "http://vote.example.org:8888"),
        ("http://[FE80::1]:8888/", "http://[fe80::1]:8888"),
    ],
)
def test_a_public_address_becomes_what_browsers_send_as_origin(typed: str, url: str) -> None:
    assert addresses.public_url(typed) == url


@pytest.mark.parametrize(
    "typed",
    [
        "vote.example.org",
        "http://[bad",
        "ftp://x",
        "https://",
        "https://x/path",
        "https://x?y",
        "https://u@x",
        "http://x:p",
    ],
)
def test_what_is_no_public_address_is_refused(typed: str) -> None:
    with pytest.raises(SetupError, match="--url"):
        addresses.public_url(typed)


def test_own_names_are_this_machines_and_the_configured() -> None:
    hosts = addresses.KnownHosts(Config(url="https://vote.example.org:8443", host="Meeting.local"))
    for known in ("localhost", "LOCALHOST:8888", "vote.example.org", "meeting.local:80", "10.1.2.3", "[fe80::1]:8"):
        assert known in hosts
    for foreign in ("", "example.org", "a@localhost", "localhost/x", "localhost:port", "[::1"):
        assert foreign not in hosts
