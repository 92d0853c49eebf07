from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from sheetal.contracts.enrolment import CODE_LENGTH, CODE_LETTERS, CODE_MINUTES, CODE_TRIES_MAX
from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.contracts.topics import Channel
from sheetal.ledger import assets, audit, downlink, enrolment
from sheetal.ledger.enrolment import Enrolled, GatewayCertificate
from sheetal.ledger.gateway_tables import enrolment_code
from tests.sheetal.ledger.seeds import ACTOR, CIPHER, FACILITY, GATEWAY, NOW_MS, OTHER_FACILITY

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger

NEW = "gw-new"
YEAR_MS = 365 * 24 * 60 * MINUTE_MS
WRONG = "2222222222"


def issue(ledger: Ledger, gateway_id: str = NEW, facility_id: str = FACILITY, now_ms: int = NOW_MS) -> str:
    with ledger.write() as conn:
        return enrolment.issue_code(conn, gateway_id, facility_id, ACTOR, now_ms)


def redeem(ledger: Ledger, code: str, gateway_id: str = NEW, now_ms: int = NOW_MS + 1) -> Enrolled | None:
    with ledger.write() as conn:
        return enrolment.redeem(conn, CIPHER, gateway_id, code, now_ms)


def key_of(ledger: Ledger, gateway_id: str = NEW) -> bytes | None:
    with ledger.read() as conn:
        return assets.gateway_key(conn, CIPHER, gateway_id)


def acts(ledger: Ledger, gateway_id: str = NEW, facility_id: str = FACILITY) -> list[str]:
    with ledger.read() as conn:
        found = audit.entries(conn, facility_id, 100)
    return [entry.act for entry in reversed(found) if entry.subject == f"gateway/{gateway_id}"]


def certify(ledger: Ledger, serial: str, gateway_id: str = GATEWAY, expires_ms: int = NOW_MS + YEAR_MS) -> None:
    given = GatewayCertificate(serial=serial, gateway_id=gateway_id, issued_at_ms=NOW_MS, expires_at_ms=expires_ms)
    with ledger.write() as conn:
        enrolment.record_certificate(conn, given)


def revoked(ledger: Ledger, now_ms: int = NOW_MS + 2) -> dict[str, int]:
    with ledger.read() as conn:
        return enrolment.revoked_serials(conn, now_ms)


def test_a_code_takes_a_gateway_in_with_a_fresh_key(house: Ledger) -> None:
    code = issue(house)
    assert len(code) == CODE_LENGTH
    assert set(code) <= set(CODE_LETTERS)
    assert key_of(house) is None
    found = redeem(house, code)
    assert found is not None
    assert (found.gateway_id, found.facility_id, found.came_back, len(found.key)) == (NEW, FACILITY, False, 32)
    assert key_of(house) == found.key
    assert acts(house) == ["enrolment_code_issued", "gateway_enrolled"]


def test_no_two_codes_and_no_two_keys_are_alike(house: Ledger) -> None:
    codes = {issue(house) for _ in range(50)}
    assert len(codes) == 50
    first = redeem(house, issue(house))
    second = redeem(house, issue(house))
    assert first is not None
    assert second is not None
    assert first.key != second.key


def test_only_a_hash_of_the_code_is_kept_and_it_is_the_gateways_own(house: Ledger) -> None:
    code = issue(house)
    with house.read() as conn:
        row = conn.execute(select(enrolment_code)).mappings().one()
    assert row["code_hash"] == hashlib.sha256(f"{NEW}:{code}".encode()).hexdigest()
    assert code not in str(dict(row))
    assert redeem(house, code, "gw-other") is None
    assert redeem(house, code) is not None


def test_nothing_secret_stands_in_a_repr_or_in_the_trace(house: Ledger) -> None:
    code = issue(house)
    found = redeem(house, code)
    assert found is not None
    with house.read() as conn:
        said = str(audit.entries(conn, FACILITY, 100)) + repr(found)
    assert code not in said
    assert found.key.hex() not in said
    assert repr(found.key) not in said


@pytest.mark.parametrize("typed", ["{0}", " {1}-{2} ", "{1} {2}", "{3}"])
def test_a_code_is_understood_as_people_type_it(house: Ledger, typed: str) -> None:
    code = issue(house)
    assert redeem(house, typed.format(code, code[:5], code[5:], code.lower())) is not None


def test_a_code_is_used_once(house: Ledger) -> None:
    code = issue(house)
    first = redeem(house, code)
    assert first is not None
    assert redeem(house, code) is None
    assert key_of(house) == first.key


def test_a_wrong_code_counts_and_the_right_one_dies_with_the_last_try(house: Ledger) -> None:
    code = issue(house)
    for _ in range(CODE_TRIES_MAX - 1):
        assert redeem(house, WRONG) is None
    with house.read() as conn:
        assert [one.tries_left for one in enrolment.open_codes(conn, NOW_MS)] == [1]
    assert redeem(house, WRONG) is None
    assert redeem(house, code) is None
    assert acts(house) == ["enrolment_code_issued", *["enrolment_refused"] * CODE_TRIES_MAX]


def test_the_right_code_is_good_at_the_last_try(house: Ledger) -> None:
    code = issue(house)
    for _ in range(CODE_TRIES_MAX - 1):
        redeem(house, WRONG)
    assert redeem(house, code) is not None


def test_a_code_dies_after_a_day(house: Ledger) -> None:
    code, ends_ms = issue(house), NOW_MS + CODE_MINUTES * MINUTE_MS
    assert redeem(house, code, now_ms=ends_ms) is None
    with house.read() as conn:
        assert enrolment.open_codes(conn, ends_ms) == []
        assert [one.expires_at_ms for one in enrolment.open_codes(conn, ends_ms - 1)] == [ends_ms]
    assert redeem(house, code, now_ms=ends_ms - 1) is not None


def test_a_new_code_makes_the_earlier_one_void(house: Ledger) -> None:
    first, second = issue(house), issue(house, now_ms=NOW_MS + 1)
    assert redeem(house, first) is None
    assert redeem(house, second) is not None


def test_an_unknown_gateway_is_refused_without_a_trace(house: Ledger) -> None:
    assert redeem(house, WRONG, "gw-nobody") is None
    assert acts(house, "gw-nobody") == []


def test_of_many_who_bring_the_code_at_once_one_comes_in(house: Ledger) -> None:
    code = issue(house)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: redeem(house, code), range(4)))
    (winner,) = [one for one in found if one is not None]
    assert key_of(house) == winner.key
    assert acts(house).count("gateway_enrolled") == 1


def test_concurrent_wrong_tries_are_all_counted(house: Ledger) -> None:
    code = issue(house)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: redeem(house, WRONG), range(12))) == [None] * 12
    assert redeem(house, code) is None
    assert acts(house).count("enrolment_refused") == CODE_TRIES_MAX


def test_a_gateway_that_comes_again_gets_another_key_and_its_certificates_end(house: Ledger) -> None:
    certify(house, "0a")
    certify(house, "0b")
    before = key_of(house, GATEWAY)
    found = redeem(house, issue(house, GATEWAY), GATEWAY)
    assert found is not None
    assert found.came_back
    assert key_of(house, GATEWAY) == found.key != before
    assert revoked(house) == {"0a": NOW_MS + 1, "0b": NOW_MS + 1}
    with house.read() as conn:
        assert next(one for one in assets.gateways(conn) if one.id == GATEWAY).enrolled_at_ms == NOW_MS + 1


def test_a_retired_gateway_may_come_back_by_a_new_code(house: Ledger) -> None:
    with house.write() as conn:
        enrolment.revoke_gateway(conn, GATEWAY, ACTOR, NOW_MS)
    assert key_of(house, GATEWAY) is None
    found = redeem(house, issue(house, GATEWAY), GATEWAY)
    assert found is not None
    assert key_of(house, GATEWAY) == found.key


def test_a_gateway_that_comes_again_hears_its_configuration_under_the_new_key(house: Ledger) -> None:
    with house.write() as conn:
        number = downlink.send_down(conn, GATEWAY, Channel.DESIRED, "{}", ACTOR, NOW_MS)
        downlink.mark_published(conn, number, NOW_MS)
        assert downlink.unpublished(conn) == []
    redeem(house, issue(house, GATEWAY), GATEWAY)
    with house.read() as conn:
        assert [one.id for one in downlink.unpublished(conn)] == [number]


@pytest.mark.parametrize("gateway_id", ["", "a/b", "gw.1", "#", "x" * 49, "ingest", "alerts", "Alerts", "गेटवे"])
def test_a_name_that_could_mean_more_gets_no_code(house: Ledger, gateway_id: str) -> None:
    with pytest.raises(Refused) as refused:
        issue(house, gateway_id)
    assert refused.value.facts["reason"] == "bad_id"


def test_a_code_needs_a_facility_and_for_a_known_gateway_its_own(house: Ledger) -> None:
    with pytest.raises(NotFound):
        issue(house, facility_id="F-999")
    with pytest.raises(Refused) as refused:
        issue(house, GATEWAY, OTHER_FACILITY)
    assert refused.value.facts["reason"] == "other_facility"
    assert redeem(house, WRONG, GATEWAY) is None


def test_revoking_ends_key_certificates_and_code_in_one_act(house: Ledger) -> None:
    certify(house, "0c")
    code = issue(house, GATEWAY)
    with house.write() as conn:
        assert enrolment.revoke_gateway(conn, GATEWAY, ACTOR, NOW_MS + 2) == ["0c"]
    assert key_of(house, GATEWAY) is None
    assert revoked(house) == {"0c": NOW_MS + 2}
    assert redeem(house, code, GATEWAY, NOW_MS + 3) is None
    with house.read() as conn:
        entry = audit.entries(conn, FACILITY, 1)[0]
    assert (entry.act, entry.actor, entry.detail) == ("gateway_revoked", ACTOR, '{"serials":["0c"]}')
    with house.write() as conn, pytest.raises(NotFound):
        enrolment.revoke_gateway(conn, GATEWAY, ACTOR, NOW_MS + 4)


def test_an_expired_certificate_leaves_the_list(house: Ledger) -> None:
    certify(house, "0d", expires_ms=NOW_MS + 10)
    certify(house, "0e")
    with house.write() as conn:
        enrolment.revoke_gateway(conn, GATEWAY, ACTOR, NOW_MS + 2)
    assert set(revoked(house, NOW_MS + 9)) == {"0d", "0e"}
    assert set(revoked(house, NOW_MS + 10)) == {"0e"}


def test_certificates_are_remembered_newest_first_with_a_trace(house: Ledger) -> None:
    certify(house, "0f")
    later = GatewayCertificate(serial="1a", gateway_id=GATEWAY, issued_at_ms=NOW_MS + 5, expires_at_ms=NOW_MS + 9)
    with house.write() as conn:
        enrolment.record_certificate(conn, later)
    with house.read() as conn:
        assert [one.serial for one in enrolment.certificates(conn, [GATEWAY])] == ["1a", "0f"]
        assert enrolment.certificates(conn, [NEW]) == []
    assert acts(house, GATEWAY) == ["gateway_certified", "gateway_certified"]
    with house.write() as conn, pytest.raises(NotFound):
        enrolment.record_certificate(conn, replace(later, gateway_id="gw-nobody"))


def redeem_and_fail(ledger: Ledger, code: str) -> None:
    with ledger.write() as conn:
        assert enrolment.redeem(conn, CIPHER, NEW, code, NOW_MS + 1) is not None
        raise ZeroDivisionError


def test_what_fails_after_the_redeeming_leaves_the_code_as_it_was(house: Ledger) -> None:
    code = issue(house)
    with pytest.raises(ZeroDivisionError):
        redeem_and_fail(house, code)
    assert key_of(house) is None
    assert redeem(house, code) is not None


def test_a_code_issued_for_the_wrong_facility_is_put_right_by_another(house: Ledger) -> None:
    wrong = issue(house)
    right = issue(house, facility_id=OTHER_FACILITY)
    assert redeem(house, wrong) is None
    found = redeem(house, right)
    assert found is not None
    assert found.facility_id == OTHER_FACILITY


def test_redeeming_and_revoking_lock_in_one_order(house: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both take the code's row before the gateway's; the other way round two of them could wait for each other."""
    issue(house, GATEWAY)
    seen: list[str] = []

    def noted(conn: Connection, gateway_id: str, now_ms: int) -> None:
        open_then = enrolment.open_codes(conn, now_ms, gateway_id)
        seen.append(f"gateway, {len(open_then)} codes open")

    monkeypatch.setattr(assets, "retire_gateway", noted)
    with house.write() as conn:
        enrolment.revoke_gateway(conn, GATEWAY, ACTOR, NOW_MS)
    assert seen == ["gateway, 0 codes open"]
