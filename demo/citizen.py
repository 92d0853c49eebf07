"""A citizen with a link: downloads the bundle from the static site, opens it, verifies it, looks up its advisory."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from portal.certificate import bundle, status_list, verify
from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.certificate.keys import TrustedKey

HTTP_SECONDS = 10.0
STATUS_PATH = "/status/doses.json"


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A certificate that proved authentic, and what the status list says of its dose."""

    issuer: str
    hcert: str
    advisory_level: int
    status_from_ms: int


def download(link: str, trust: Sequence[TrustedKey]) -> Downloaded:
    """Fetch, open and verify the certificate behind a link, asking the static site alone.

    Raises Unavailable when a file is not there (yet), Refused when a signature or the secret is wrong.
    """
    address = urlsplit(link)
    origin = f"{address.scheme}://{address.netloc}"
    name = address.path.rsplit("/", 1)[-1]
    secret = base64.urlsafe_b64decode(address.fragment + "=" * (-len(address.fragment) % 4))
    content = bundle.unseal(_get(f"{origin}/{bundle.path_of(name)}"), secret, name)
    verified = verify.verify_hcert(content.hcert, trust, now_ms())
    levels = status_list.open_list(_get(origin + STATUS_PATH), trust)
    if verified.status_index is None or verified.findings:
        raise Unavailable(f"the certificate has findings: {verified.findings}", next_step="see the worker's log")
    level = levels.level_of(verified.status_index)
    return Downloaded(verified.issuer, content.hcert, int(level), levels.valid_from_ms)


def _get(url: str) -> bytes:
    try:
        answer = httpx.get(url, timeout=HTTP_SECONDS)
    except httpx.HTTPError as error:
        raise Unavailable(f"the static site does not answer: {type(error).__name__}") from error
    if answer.status_code != httpx.codes.OK:
        raise Unavailable(f"{urlsplit(url).path[:4]}… is not on the static site (yet): {answer.status_code}")
    return answer.content
