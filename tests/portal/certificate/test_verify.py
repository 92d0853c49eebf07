from __future__ import annotations

import dataclasses
import random
import zlib
from typing import TYPE_CHECKING

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.certificate import base45, cose
from portal.certificate.renderings import hcert
from portal.certificate.verify import INFLATED_BYTES_MAX, FindingWord, is_signed_by, verify_hcert
from sheetal.contracts.problem import Problem, Refused, WireProblem
from tests.portal.given_certificates import (
    DAY_MS,
    NAME,
    NOW_MS,
    PENTAVALENT,
    RECORD,
    container,
    packed,
    parts,
    unpacked,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from portal.certificate.keys import SigningKeys

MUTANTS = 600
KID = 4


@pytest.fixture(scope="session")
def text(keys: SigningKeys) -> str:
    return hcert.render(RECORD, keys, 12345, NOW_MS)


def reason_of(problem: pytest.ExceptionInfo[Problem]) -> object:
    return problem.value.facts["reason"]


def test_a_good_certificate_is_authentic(keys: SigningKeys, text: str) -> None:
    verified = verify_hcert(text, keys.trust, NOW_MS)
    assert verified.issuer == "IN"
    assert verified.kid == keys.signer.kid
    assert verified.issued_at_ms == NOW_MS // 1000 * 1000
    assert verified.status_index == 12345
    assert set(verified.subclaims) == {1, 3}
    assert NAME not in repr(verified)


def test_the_clock_is_a_finding_and_no_verdict(keys: SigningKeys, text: str) -> None:
    assert verify_hcert(text, keys.trust, NOW_MS + 731 * DAY_MS).findings == (FindingWord.EXPIRED,)
    assert verify_hcert(text, keys.trust, NOW_MS - DAY_MS).findings == (FindingWord.NOT_YET_VALID,)
    late = verify_hcert(text, keys.trust, NOW_MS + 2000 * DAY_MS)
    assert late.findings == (FindingWord.EXPIRED, FindingWord.SIGNER_EXPIRED)


@pytest.mark.parametrize("field", ["payload", "protected", "signature"])
def test_mutants_inside_an_intact_container_are_refused(keys: SigningKeys, text: str, field: str) -> None:
    place = {"protected": 0, "payload": 2, "signature": 3}[field]
    chance = random.Random(field)
    for _ in range(MUTANTS):
        fields = parts(text)
        mutant = bytearray(fields[place])  # type: ignore[call-overload]
        mutant[chance.randrange(len(mutant))] ^= chance.randrange(1, 256)
        fields[place] = bytes(mutant)
        with pytest.raises((Refused, WireProblem)):
            verify_hcert(container(fields), keys.trust, NOW_MS)


def test_mutants_of_the_whole_message_never_change_what_is_believed(keys: SigningKeys, text: str) -> None:
    signed = unpacked(text)
    believed = verify_hcert(text, keys.trust, NOW_MS)
    chance, accepted = random.Random(7), 0
    for _ in range(MUTANTS):
        mutant = bytearray(signed)
        for _ in range(chance.randrange(1, 4)):
            mutant[chance.randrange(len(mutant))] = chance.randrange(256)
        try:
            assert verify_hcert(packed(bytes(mutant)), keys.trust, NOW_MS) == believed
            accepted += 1
        except (Refused, WireProblem):
            continue
    assert accepted < MUTANTS // 100  # only what happens not to change a signed byte


@settings(deadline=None)
@given(changed=st.data())
def test_another_name_or_date_under_the_same_signature_is_refused(
    keys: SigningKeys, text: str, changed: st.DataObject
) -> None:
    fields = parts(text)
    assert isinstance(fields[2], bytes)
    claims = cbor2.loads(fields[2])
    subject = claims[-260][3]
    target = changed.draw(st.sampled_from(["name", "birthDate", "lot", "dose"]))
    if target in subject:
        subject[target] = changed.draw(st.text(max_size=20).filter(lambda new: new != subject[target]))
    else:
        subject["vaccination"][target] = changed.draw(st.integers(10, 99))
    fields[2] = cbor2.dumps(claims)
    with pytest.raises(Refused) as problem:
        verify_hcert(container(fields), keys.trust, NOW_MS)
    assert reason_of(problem) == "wrong_signature"


@pytest.mark.parametrize("algorithm", [None, 0, "none", "ES256", -35, -37, -8, 5, True])
def test_the_algorithm_comes_from_the_key_not_from_the_message(keys: SigningKeys, algorithm: object) -> None:
    protected = cbor2.dumps({1: algorithm, KID: keys.signer.kid})
    payload = cbor2.dumps({1: "IN", 4: 2_000_000_000, 6: 1_000_000_000, -260: {3: {}}})
    message = cose.Sign1(protected, payload, b"", None, None).to_be_signed
    for signature in (keys.sign(message), b"", bytes(64)):
        with pytest.raises(Refused) as problem:
            verify_hcert(container([protected, {}, payload, signature]), keys.trust, NOW_MS)
        assert reason_of(problem) == "wrong_algorithm"


def test_a_foreign_key_is_unknown_and_cannot_borrow_our_name(keys: SigningKeys, foreign_keys: SigningKeys) -> None:
    with pytest.raises(Refused) as problem:
        verify_hcert(hcert.render(RECORD, foreign_keys, 1, NOW_MS), keys.trust, NOW_MS)
    assert reason_of(problem) == "unknown_key"
    borrowed = dataclasses.replace(foreign_keys, signer=dataclasses.replace(foreign_keys.signer, kid=keys.signer.kid))
    with pytest.raises(Refused) as problem:
        verify_hcert(hcert.render(RECORD, borrowed, 1, NOW_MS), keys.trust, NOW_MS)
    assert reason_of(problem) == "wrong_signature"


def test_the_right_key_is_found_among_equal_ids(keys: SigningKeys, foreign_keys: SigningKeys, text: str) -> None:
    twin = dataclasses.replace(foreign_keys.signer, kid=keys.signer.kid)
    assert verify_hcert(text, [twin, keys.signer], NOW_MS).kid == keys.signer.kid


def test_a_key_id_only_outside_the_protected_header_still_counts(keys: SigningKeys, text: str) -> None:
    payload = parts(text)[2]
    assert isinstance(payload, bytes)
    protected = cbor2.dumps({1: -7})
    signature = keys.sign(cose.Sign1(protected, payload, b"", None, None).to_be_signed)
    loose = container([protected, {KID: keys.signer.kid}, payload, signature])
    assert verify_hcert(loose, keys.trust, NOW_MS).kid == keys.signer.kid


def test_the_protected_key_id_wins_over_a_loose_one(keys: SigningKeys, foreign_keys: SigningKeys, text: str) -> None:
    fields = parts(text)
    fields[1] = {KID: foreign_keys.signer.kid}
    assert verify_hcert(container(fields), [*foreign_keys.trust, *keys.trust], NOW_MS).kid == keys.signer.kid
    with pytest.raises(Refused) as problem:
        verify_hcert(container(fields), foreign_keys.trust, NOW_MS)
    assert reason_of(problem) == "unknown_key"


def test_no_key_id_at_all_is_unknown(keys: SigningKeys, text: str) -> None:
    fields = parts(text)
    fields[0] = cbor2.dumps({1: -7})
    with pytest.raises(Refused) as problem:
        verify_hcert(container(fields), keys.trust, NOW_MS)
    assert reason_of(problem) == "unknown_key"


def damaged(text: str) -> list[tuple[str, str]]:
    bomb = zlib.compress(bytes(INFLATED_BYTES_MAX + 1), 9)
    cut, more = base45.decode(text[4:])[:-5], base45.decode(text[4:]) + b"more"
    return [
        ("", "not_hcert"),
        ("HC2:" + text[4:], "not_hcert"),
        (text.lower(), "not_hcert"),
        ("HC1:", "bad_zlib"),
        ("HC1:###", "bad_base45"),
        (text + "!", "bad_base45"),
        ("HC1:" + "A" * 5_000, "too_big"),
        ("HC1:" + base45.encode(bomb), "too_big"),
        ("HC1:" + base45.encode(zlib.compress(zlib.compress(bytes(10**7)))), "bad_cbor"),
        ("HC1:" + base45.encode(cut), "bad_zlib"),
        ("HC1:" + base45.encode(more), "bad_zlib"),
        (packed(b"\xff\xff"), "bad_cbor"),
        (packed(cbor2.dumps({"no": "message"})), "bad_cose"),
        (packed(cbor2.dumps([b"", {}, b"", b""])), "bad_cose"),
    ]


def test_what_is_no_certificate_is_named_for_what_it_is(keys: SigningKeys, text: str) -> None:
    for wrong, reason in damaged(text):
        with pytest.raises(WireProblem) as problem:
            verify_hcert(wrong, keys.trust, NOW_MS)
        assert reason_of(problem) == reason, wrong[:40]


@pytest.mark.parametrize(
    "claims",
    [
        [],
        {1: "IN"},
        {4: 1, 6: 1},
        {4: "1", 6: 1, -260: {}},
        {4: 1, 6: 1, -260: []},
        {4: 1, 6: 1, -260: {"3": {}}},
        {4: 1, 6: 1, -260: {3: "text"}},
    ],
)
def test_signed_claims_that_are_no_certificate_are_no_certificate(keys: SigningKeys, claims: object) -> None:
    signed = cose.sign1(cbor2.dumps(claims), keys.signer.kid, keys.sign)
    with pytest.raises(WireProblem) as problem:
        verify_hcert(packed(signed), keys.trust, NOW_MS)
    assert reason_of(problem) == "bad_claims"


@pytest.mark.parametrize("status", [None, {}, {"status_list": 3}, {"status_list": {"idx": "7", "uri": "u"}}])
def test_a_certificate_without_a_usable_status_claim_is_still_authentic(keys: SigningKeys, status: object) -> None:
    claims = {4: 2_000_000_000, 6: 1_000_000_000, -260: {3: {}}, 65535: status}
    signed = cose.sign1(cbor2.dumps(claims), keys.signer.kid, keys.sign)
    verified = verify_hcert(packed(signed), keys.trust, NOW_MS)
    assert (verified.status_index, verified.status_uri) == (None, None)


def test_white_space_around_a_pasted_text_does_no_harm(keys: SigningKeys, text: str) -> None:
    assert verify_hcert(f"\n{text}\r\n", keys.trust, NOW_MS).status_index == 12345


@settings(deadline=None)
@given(st.text(max_size=300).map(lambda tail: "HC1:" + tail))
def test_random_texts_never_do_worse_than_a_wire_problem(keys: SigningKeys, text: str) -> None:
    with pytest.raises(WireProblem):
        verify_hcert(text, keys.trust, NOW_MS)


@pytest.mark.parametrize(
    "change", [lambda s: s[:-1], lambda s: s + b"\0", lambda _: b"", lambda _: bytes(64), lambda _: b"\xff" * 64]
)
def test_a_signature_of_another_length_or_out_of_range_is_none(
    keys: SigningKeys, change: Callable[[bytes], bytes]
) -> None:
    assert not is_signed_by(keys.signer.public_key, change(keys.sign(b"m")), b"m")


def test_a_certificate_of_any_product_verifies(keys: SigningKeys) -> None:
    verified = verify_hcert(hcert.render(PENTAVALENT, keys, 1, NOW_MS), keys.trust, NOW_MS)
    assert set(verified.subclaims) == {3}
