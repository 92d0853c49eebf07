"""A gateway comes in: its code against a certificate and a sealing key, all in one transaction or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from portal.errors import Forbidden
from portal.identity.service import check_tries, count_wrong_try
from portal.language import marked
from portal.orchestration import gateway_ca
from sheetal.contracts.enrolment import Enrolment
from sheetal.contracts.problem import Unavailable
from sheetal.contracts.topics import IDENTIFIER
from sheetal.ledger import enrolment
from sheetal.ledger.enrolment import GatewayCertificate

if TYPE_CHECKING:
    from cryptography import x509

    from portal.orchestration.gateway_ca import Authority
    from sheetal.contracts.enrolment import EnrolmentRequest
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.field_cipher import FieldCipher

log = structlog.get_logger("portal")

ADDRESS, GATEWAY = "enrol address", "enrol gateway"
"""Whose wrong tries are counted, beside those of the code itself."""


class WrongCode(Forbidden):
    """The one answer to an unknown gateway and to a wrong, used, expired or worn-out code."""

    code = "wrong_code"


@dataclass(frozen=True)
class Office:
    """What taking a gateway in needs; without authority or broker address the office is closed."""

    ledger: Ledger
    cipher: FieldCipher
    authority: Authority | None
    broker_url: str | None


def enrol(office: Office, asked: EnrolmentRequest, address: str, now_ms: int) -> Enrolment:
    """Take one gateway in.

    Raises Unavailable while the office is closed, TooMany, BadRequestForCertificate and WrongCode.
    """
    authority, broker_url = _open(office)
    whose = {ADDRESS: address, GATEWAY: asked.gateway[:64]}
    check_tries(office.ledger, whose, now_ms)
    request = gateway_ca.read_request(asked.csr_pem, asked.gateway)
    found = _redeem(office, authority, asked, request, now_ms)
    if found is None:
        count_wrong_try(office.ledger, whose, now_ms)
        log.warning("An enrolment is refused", gateway=asked.gateway if IDENTIFIER.fullmatch(asked.gateway) else "")
        raise WrongCode(
            marked("The code does not fit this gateway, or it has been used, has expired or was tried too often."),
            next_step=marked("Check both, or ask for a new code in the portal."),
        )
    enrolled, certificate_pem = found
    log.info("A gateway is taken in", gateway=enrolled.gateway_id, came_back=enrolled.came_back)
    return Enrolment(
        gateway=enrolled.gateway_id,
        certificate_pem=certificate_pem,
        authority_pem=authority.pem,
        key_hex=enrolled.key.hex(),
        broker_url=broker_url,
    )


def _redeem(
    office: Office, authority: Authority, asked: EnrolmentRequest, request: x509.CertificateSigningRequest, now_ms: int
) -> tuple[enrolment.Enrolled, str] | None:
    """Nothing is signed before the code has proved right; what is signed is recorded before anybody has it."""
    if not IDENTIFIER.fullmatch(asked.gateway):
        return None  # no code was ever issued for such a name, and not every ledger can be asked for it
    with office.ledger.write() as conn:
        enrolled = enrolment.redeem(conn, office.cipher, asked.gateway, asked.code, now_ms)
        if enrolled is None:
            return None
        signed = authority.sign(request, enrolled.gateway_id, now_ms)
        given = GatewayCertificate(
            serial=signed.serial,
            gateway_id=enrolled.gateway_id,
            issued_at_ms=now_ms,
            expires_at_ms=signed.expires_at_ms,
        )
        enrolment.record_certificate(conn, given)
    return enrolled, signed.pem


def _open(office: Office) -> tuple[Authority, str]:
    missing = {"SHEETAL_GATEWAY_CA_FOLDER": office.authority, "SHEETAL_GATEWAY_BROKER_URL": office.broker_url}
    for variable, value in missing.items():
        if value is None:
            raise Unavailable(
                marked("This portal cannot take gateways in yet."), next_step=f"set {variable}", variable=variable
            )
    assert office.authority is not None  # noqa: S101 -- the loop has just seen both
    assert office.broker_url is not None  # noqa: S101
    return office.authority, office.broker_url
