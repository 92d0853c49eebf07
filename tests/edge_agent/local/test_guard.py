from __future__ import annotations

import pytest

from edge_agent.local.guard import is_from_our_page, is_our_host, same

NAMES = frozenset({"gateway", "gateway.local"})


@pytest.mark.parametrize(
    "host",
    [
        "192.168.1.7",
        "192.168.1.7:8010",
        "[fe80::1]:8010",
        "[::1]",
        "localhost",
        "LOCALHOST:80",
        "gateway.local:8010",
        "Gateway",
    ],
)
def test_addresses_and_our_names_are_ours(host: str) -> None:
    assert is_our_host(host, NAMES)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "192.168.1.7.evil.example",
        "evil.example:8010",
        "gateway.evil.example",
        "localhost.evil.example",
        "192.168.1.7@evil.example",
        "192.168.1.7 evil.example",
        "192.168.1.7:8010:1",
        "[::1].evil.example",
        "999.1.1.1",
        "127.1",
        "0x7f000001",
        "evil.example\r\nHost: 127.0.0.1",
        "127.0.0.1/../evil",
        "a" * 300,
    ],
)
def test_every_other_name_is_a_trick(host: str | None) -> None:
    assert not is_our_host(host, NAMES)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://10.0.0.1:8010", "host": "10.0.0.1:8010"},
        {"origin": "http://10.0.0.1:8010", "host": "10.0.0.1:8010", "sec-fetch-site": "same-origin"},
        {"origin": "https://gateway.local", "host": "gateway.local"},
        {"host": "10.0.0.1", "sec-fetch-site": "same-origin"},
    ],
)
def test_our_own_page_may_send_forms(headers: dict[str, str]) -> None:
    assert is_from_our_page(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "10.0.0.1"},
        {"origin": "http://10.0.0.1"},
        {"origin": "null", "host": "10.0.0.1"},
        {"origin": "http://evil.example", "host": "10.0.0.1"},
        {"origin": "http://10.0.0.1.evil.example", "host": "10.0.0.1"},
        {"origin": "http://10.0.0.1:81", "host": "10.0.0.1"},
        {"origin": "ftp://10.0.0.1", "host": "10.0.0.1"},
        {"origin": "http://10.0.0.1", "host": "10.0.0.1", "sec-fetch-site": "cross-site"},
        {"origin": "http://10.0.0.1", "host": "10.0.0.1", "sec-fetch-site": "same-site"},
        {"host": "10.0.0.1", "sec-fetch-site": "none"},
        {"host": "10.0.0.1", "referer": "http://10.0.0.1/gw/setup"},
    ],
)
def test_nobody_else_may(headers: dict[str, str]) -> None:
    assert not is_from_our_page(headers)


def test_secrets_are_compared_whole() -> None:
    assert same("abc", "abc")
    assert not same("abc", "abx")
    assert not same("", "abc")
    assert not same("ä", "a")
