"""Who may ask: a browser that was told another name for us, or sent by another site, is turned away (pure).

A page of another site can make a visitor's browser call any address in the local network. Its own name then stands in
Host (a name server that answers with our address) or in Origin (a form that posts to us).
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_HOST = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(:[0-9]{1,5})?")


def is_our_host(host: str | None, names: Collection[str]) -> bool:
    """Whether a Host header names us: an address, `localhost`, or one of our names."""
    found = _HOST.fullmatch(host or "")
    if found is None:
        return False
    name = found.group(1).lower().rstrip(".")
    if name == "localhost" or name in names:
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def is_from_our_page(headers: Mapping[str, str]) -> bool:
    """Whether a form was sent by a page of ours; a request that does not say where it comes from was not."""
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin, host = headers.get("origin"), headers.get("host")
    if origin is None:
        return site == "same-origin"
    return bool(host) and origin.lower() in {f"http://{host}".lower(), f"https://{host}".lower()}


def same(told: str, expected: str) -> bool:
    """Whether two secrets are the same, in a time that says nothing of where they differ."""
    return hmac.compare_digest(told.encode(), expected.encode())
