"""How a gateway is taken in: a one-time code against a signed certificate and a sealing key, once, over HTTPS.

`POST {portal}/api/v1/gateways/enrol` takes `EnrolmentRequest` and answers `Enrolment`, both JSON.
"""

from __future__ import annotations

import msgspec

CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 signs that nobody confuses when reading them from a screen; ten of them carry 50 bits."""
CODE_LENGTH = 10
CODE_TRIES_MAX = 5
CODE_MINUTES = 24 * 60
CSR_BYTES_MAX = 8 * 1024
RESERVED_IDS = frozenset({"ingest", "alerts"})
"""Names that services have at the broker; a gateway of that name would get their rights there."""


class EnrolmentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway brings: its id, the code from the portal, and a PEM request signed by the key it keeps."""

    gateway: str
    code: str
    csr_pem: str


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """What it gets: a client certificate whose common name is its id, who signed it, its sealing key, and the broker.

    `key_hex` is a secret that is told this once.
    """

    gateway: str
    certificate_pem: str
    authority_pem: str
    key_hex: str
    broker_url: str
