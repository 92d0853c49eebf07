"""Gateways for the portal's tests: an authority in a folder, certificate requests, and what a gateway reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.orchestration.gateway_ca import Authority, make_authority
from sheetal.contracts.twin import Reported, TwinState
from sheetal.ledger import gateway_twins

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

    from sheetal.ledger.connect import Ledger

NAME = "Sample Health Department"
BROKER_URL = "mqtts://broker.example:8883"
KEY = ec.generate_private_key(ec.SECP256R1())
CONFIG: dict[str, Any] = {
    "uplink": {"message_rows": 10},
    "source": [
        {
            "kind": "ds01_tcp",
            "port": 7100,
            "probe": [
                {
                    "probe": "a-101-1-tvc",
                    "field": "TVC",
                    "appliance": "ILR-101-1",
                    "interval_ms": 60_000,
                    "range_min_centi_celsius": 200,
                    "range_max_centi_celsius": 800,
                    "freeze_alarm_centi_celsius": -50,
                    "freeze_alarm_minutes": 60,
                    "freeze_alarm_inclusive": True,
                    "heat_alarm_centi_celsius": 800,
                    "heat_alarm_minutes": 600,
                },
                {"probe": "a-101-2-tvc", "field": "TVC", "appliance": "ILR-101-2", "interval_ms": 10_000},
            ],
        }
    ],
}


def authority(folder: Path, now_ms: int, *, demo: bool = False) -> Authority:
    if not (folder / "ca.key").exists():
        make_authority(folder, name=NAME, demo=demo, now_ms=now_ms)
    return Authority.load(folder, demo_allowed=demo, now_ms=now_ms)


def csr(name: str, key: CertificateIssuerPrivateKeyTypes = KEY) -> str:
    return csr_of([(NameOID.COMMON_NAME, name)], key)


def csr_of(words: list[tuple[x509.ObjectIdentifier, str]], key: CertificateIssuerPrivateKeyTypes = KEY) -> str:
    subject = x509.Name([x509.NameAttribute(oid, word) for oid, word in words])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("broker.example")]), critical=False)
    signed = builder.sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def said(gateway: str = "gw-01", config: object = None, **changes: object) -> Reported:
    facts: dict[str, Any] = {
        "gateway": gateway,
        "boot": 1 << 32,
        "at_ms": 1,
        "version": 0,
        "state": TwinState.AS_INSTALLED,
        "problem": "",
        "config": msgspec.Raw(msgspec.json.encode(CONFIG if config is None else config)),
    }
    return Reported(**(facts | changes))


def report(ledger: Ledger, now_ms: int, one: Reported | None = None) -> None:
    with ledger.write() as conn:
        assert gateway_twins.put_reported(conn, one or said(at_ms=now_ms), now_ms)
