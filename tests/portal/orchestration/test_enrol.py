from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from portal.errors import TooMany
from portal.orchestration.enrol import Office, WrongCode, enrol
from portal.orchestration.gateway_ca import Authority, BadRequestForCertificate
from sheetal.contracts.enrolment import CODE_TRIES_MAX, Enrolment, EnrolmentRequest
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import assets, audit, enrolment
from tests.portal.given_gateways import BROKER_URL, authority, csr

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

    from tests.portal.conftest import Stage

NEW = "gw-new"
HOME = "192.0.2.1"
WRONG = "2222222222"


@pytest.fixture
def office(seeded: Stage, tmp_path: Path) -> Office:
    return Office(seeded.ledger, seeded.cipher, authority(tmp_path / "ca", seeded.now_ms), BROKER_URL)


def code(stage: Stage, gateway: str = NEW) -> str:
    with stage.ledger.write() as conn:
        return enrolment.issue_code(conn, gateway, "F-101", "s-1", stage.now_ms)


def ask(office: Office, stage: Stage, typed: str, gateway: str = NEW, address: str = HOME) -> Enrolment:
    request = EnrolmentRequest(gateway=gateway, code=typed, csr_pem=csr(gateway))
    return enrol(office, request, address, stage.now_ms)


def key_of(stage: Stage, gateway: str = NEW) -> bytes | None:
    with stage.ledger.read() as conn:
        return assets.gateway_key(conn, stage.cipher, gateway)


def test_a_gateway_gets_all_that_it_needs_to_come_in(office: Office, seeded: Stage) -> None:
    answer = ask(office, seeded, code(seeded))
    assert (answer.gateway, answer.broker_url) == (NEW, BROKER_URL)
    assert bytes.fromhex(answer.key_hex) == key_of(seeded)
    certificate = x509.load_pem_x509_certificate(answer.certificate_pem.encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(answer.authority_pem.encode()))
    with seeded.ledger.read() as conn:
        (kept,) = enrolment.certificates(conn, [NEW])
        acts = [entry.act for entry in audit.entries(conn, "F-101", 3)]
    assert int(kept.serial, 16) == certificate.serial_number
    assert acts == ["gateway_certified", "gateway_enrolled", "enrolment_code_issued"]


def test_coming_again_revokes_the_certificate_before(office: Office, seeded: Stage) -> None:
    first, second = ask(office, seeded, code(seeded)), ask(office, seeded, code(seeded))
    serial = x509.load_pem_x509_certificate(first.certificate_pem.encode()).serial_number
    with seeded.ledger.read() as conn:
        assert set(enrolment.revoked_serials(conn, seeded.now_ms)) == {f"{serial:x}"}
    assert bytes.fromhex(second.key_hex) == key_of(seeded) != bytes.fromhex(first.key_hex)


def refusal(office: Office, stage: Stage, typed: str, gateway: str = NEW, address: str = HOME) -> tuple[Any, ...]:
    with pytest.raises(WrongCode) as problem:
        ask(office, stage, typed, gateway, address)
    return problem.value.message, problem.value.next_step, problem.value.facts, problem.value.code


def test_every_wrong_way_gets_the_same_answer(office: Office, seeded: Stage) -> None:
    right = code(seeded)
    said = {
        repr(refusal(office, seeded, WRONG, address="192.0.2.2")),
        repr(refusal(office, seeded, right, "gw-nobody", "192.0.2.3")),
        repr(refusal(office, seeded, "", address="192.0.2.4")),
        repr(refusal(office, seeded, right * 50, address="192.0.2.5")),
    }
    ask(office, seeded, right)
    said.add(repr(refusal(office, seeded, right, address="192.0.2.6")))
    late = code(seeded, "gw-late")
    seeded.now_ms += 25 * 3_600_000
    said.add(repr(refusal(office, seeded, late, "gw-late", "192.0.2.7")))
    assert len(said) == 1
    assert "wrong_code" in said.pop()


def test_a_request_that_cannot_be_signed_costs_no_try(office: Office, seeded: Stage) -> None:
    right = code(seeded)
    for _ in range(CODE_TRIES_MAX + 3):
        with pytest.raises(BadRequestForCertificate):
            enrol(office, EnrolmentRequest(gateway=NEW, code=right, csr_pem=csr("gw-01")), HOME, seeded.now_ms)
    assert ask(office, seeded, right).gateway == NEW


def test_nothing_is_left_of_an_enrolment_that_breaks_off(
    office: Office, seeded: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = code(seeded)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(Authority, "sign", broken)
        with pytest.raises(ZeroDivisionError):
            ask(office, seeded, right)
    assert key_of(seeded) is None
    assert ask(office, seeded, right).gateway == NEW


def test_an_address_that_guesses_is_slowed_down_whatever_it_guesses(office: Office, seeded: Stage) -> None:
    for number in range(5):
        refusal(office, seeded, WRONG, f"gw-{number}")
    with pytest.raises(TooMany) as problem:
        ask(office, seeded, code(seeded))
    assert problem.value.retry_after_seconds == 30
    assert ask(office, seeded, code(seeded), address="192.0.2.9").gateway == NEW
    seeded.now_ms += 30_001
    assert ask(office, seeded, code(seeded, "gw-b"), "gw-b").gateway == "gw-b"


def test_a_gateways_id_is_slowed_down_whoever_guesses(office: Office, seeded: Stage) -> None:
    for number in range(5):
        refusal(office, seeded, WRONG, address=f"192.0.2.{number}")
    with pytest.raises(TooMany):
        ask(office, seeded, WRONG, address="192.0.2.99")


def test_of_many_at_once_one_comes_in(office: Office, seeded: Stage) -> None:
    right = code(seeded)

    def attempt(number: int) -> str | None:
        try:
            return ask(office, seeded, right, address=f"192.0.2.{number}").key_hex
        except (WrongCode, TooMany):
            return None

    with ThreadPoolExecutor(4) as pool:
        (key_hex,) = [one for one in pool.map(attempt, range(4)) if one]
    assert bytes.fromhex(key_hex) == key_of(seeded)


@pytest.mark.parametrize(
    ("missing", "variable"),
    [("authority", "SHEETAL_GATEWAY_CA_FOLDER"), ("broker_url", "SHEETAL_GATEWAY_BROKER_URL")],
)
def test_a_closed_office_says_what_to_set(office: Office, seeded: Stage, missing: str, variable: str) -> None:
    right = code(seeded)
    with pytest.raises(Unavailable) as problem:
        ask(replace(office, **{missing: None}), seeded, right)
    assert variable in problem.value.next_step
    assert ask(office, seeded, right).gateway == NEW


def test_neither_code_nor_key_stands_in_the_log(
    office: Office, seeded: Stage, logged: list[MutableMapping[str, Any]]
) -> None:
    right = code(seeded)
    refusal(office, seeded, WRONG)
    refusal(office, seeded, WRONG, "not an id ✗")
    answer = ask(office, seeded, right)
    said = repr(logged)
    assert [entry["event"] for entry in logged] == ["An enrolment is refused"] * 2 + ["A gateway is taken in"]
    for secret in (right, WRONG, answer.key_hex, "✗"):
        assert secret not in said
