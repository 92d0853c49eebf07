"""Taking gateways in on a real PostgreSQL, where writers do not take turns by themselves and text is stricter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from threading import Barrier
from typing import TYPE_CHECKING, TypeVar

import pytest

from portal.errors import TooMany
from portal.identity import service
from portal.orchestration.enrol import GATEWAY, Office, WrongCode, enrol
from sheetal.contracts.enrolment import EnrolmentRequest
from sheetal.contracts.problem import NotFound
from sheetal.ledger import assets, audit, enrolment, schema
from sheetal.ledger.connect import open_ledger
from sheetal.ledger.field_cipher import FieldCipher
from tests.portal.clinic import add_facilities
from tests.portal.conftest import NOW_MS
from tests.portal.given_gateways import BROKER_URL, authority, csr
from tests.stack.servers import postgresql_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.stack

AT_ONCE = 6
Said = TypeVar("Said", str, None)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with postgresql_server(tmp_path_factory.mktemp("server")) as url:
        schema.upgrade(url, url)
        with closing(open_ledger(url)) as ledger:
            add_facilities(ledger, NOW_MS)
            signer = authority(tmp_path_factory.mktemp("ca"), NOW_MS)
            yield Office(ledger, FieldCipher({"k1": bytes(range(32))}), signer, BROKER_URL)


def facility(office: Office) -> str:
    with office.ledger.read() as conn:
        return assets.facilities(conn)[0].id


def issue(office: Office, gateway: str) -> str:
    with office.ledger.write() as conn:
        return enrolment.issue_code(conn, gateway, facility(office), "s-1", NOW_MS)


def ask(office: Office, gateway: str, code: str, address: str) -> str:
    try:
        request = EnrolmentRequest(gateway=gateway, code=code, csr_pem=csr(gateway))
        return enrol(office, request, address, NOW_MS).key_hex
    except (WrongCode, TooMany) as problem:
        return problem.code


def together(*acts: Callable[[], Said]) -> list[Said]:
    start = Barrier(len(acts))

    def one(act: Callable[[], Said]) -> Said:
        start.wait(20)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def test_of_many_with_one_code_one_comes_in_and_the_others_are_told_plainly(office: Office) -> None:
    for turn in range(5):
        gateway = f"gw-{turn}"
        code = issue(office, gateway)
        said = together(*(partial(ask, office, gateway, code, f"10.{turn}.0.{number}") for number in range(AT_ONCE)))
        (key_hex,) = [one for one in said if one not in {WrongCode.code, TooMany.code}]
        with office.ledger.read() as conn:
            assert assets.gateway_key(conn, office.cipher, gateway) == bytes.fromhex(key_hex)
            assert len(enrolment.certificates(conn, [gateway])) == 1


def test_of_wrong_tries_at_once_each_counts(office: Office) -> None:
    """Five are free; were one lost or failed, the sixth would still be let through."""
    for turn in range(3):
        whose = {GATEWAY: f"gw-guessed-{turn}"}
        together(*[partial(service.count_wrong_try, office.ledger, whose, NOW_MS)] * 5)
        with pytest.raises(TooMany):
            service.check_tries(office.ledger, whose, NOW_MS)


def test_coming_in_and_being_retired_at_once_end_in_one_of_both(office: Office) -> None:
    ask(office, "gw-both", issue(office, "gw-both"), "10.9.0.0")

    def retired() -> str:
        try:
            with office.ledger.write() as conn:
                enrolment.revoke_gateway(conn, "gw-both", "s-1", NOW_MS)
        except NotFound:
            return "not in service"
        return "retired"

    for turn in range(8):
        code = issue(office, "gw-both")
        together(partial(ask, office, "gw-both", code, f"10.9.1.{turn}"), retired)
        with office.ledger.read() as conn:
            standing = [one for one in enrolment.certificates(conn, ["gw-both"]) if one.revoked_at_ms is None]
            is_in_service = assets.gateway_by_id(conn, "gw-both").retired_at_ms is None
        assert len(standing) == is_in_service
    with office.ledger.read() as conn:
        assert "gateway_revoked" in {entry.act for entry in audit.entries(conn, facility(office), 100)}


@pytest.mark.parametrize("gateway", ["a\x00b", "x" * 64, "✗", "गेटवे"])
def test_a_name_that_can_be_no_gateways_is_a_wrong_code_like_any(office: Office, gateway: str) -> None:
    assert ask(office, gateway, "2222222222", f"10.8.0.{len(gateway)}") == WrongCode.code
