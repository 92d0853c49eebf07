from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.certificate import bundle
from portal.certificate.renderings import hcert
from sheetal.contracts.problem import Refused, Rejected
from tests.portal.given_certificates import NAME, NOW_MS, RECORD, records

if TYPE_CHECKING:
    from portal.certificate.keys import SigningKeys
    from sheetal.contracts.dose_record import DoseRecord

SECRET = bytes(range(16))
secrets = st.binary(min_size=16, max_size=16)


@pytest.fixture(scope="session")
def content(keys: SigningKeys) -> bundle.Content:
    return bundle.content_of(RECORD, hcert.render(RECORD, keys, 5, NOW_MS), NOW_MS)


@settings(max_examples=25, deadline=None)
@given(record=records, secret=secrets)
def test_a_bundle_opens_with_its_secret_to_what_was_put_in(
    keys: SigningKeys, record: DoseRecord, secret: bytes
) -> None:
    content = bundle.content_of(record, hcert.render(record, keys, 5, NOW_MS), NOW_MS)
    data = bundle.seal(content, secret)
    assert bundle.unseal(data, secret, bundle.name_of(secret, record.certificate)) == content
    assert len(data) in bundle.SIZES
    assert data == bundle.seal(content, secret)


def test_nothing_personal_can_be_read_without_the_secret(content: bundle.Content) -> None:
    data = bundle.seal(content, SECRET)
    for word in (NAME, "1990-02-03", "Covishield", "CS-2301", content.hcert, content.certificate):
        assert word.encode() not in data
    assert "Asha" not in bundle.name_of(SECRET, content.certificate)


@settings(deadline=None)
@given(other=secrets)
def test_another_secret_opens_nothing_and_names_another_file(content: bundle.Content, other: bytes) -> None:
    if other == SECRET:
        return
    name = bundle.name_of(SECRET, content.certificate)
    assert bundle.name_of(other, content.certificate) != name
    with pytest.raises(Refused) as problem:
        bundle.unseal(bundle.seal(content, SECRET), other, name)
    assert problem.value.facts["reason"] == "wrong_secret"


def test_a_bundle_does_not_open_under_another_name_or_with_a_changed_byte(content: bundle.Content) -> None:
    data, name = bundle.seal(content, SECRET), bundle.name_of(SECRET, content.certificate)
    with pytest.raises(Refused):
        bundle.unseal(data, SECRET, bundle.name_of(SECRET, "another"))
    for at in (0, 1, 13, 2000, len(data) - 1):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises(Refused):
            bundle.unseal(changed, SECRET, name)
    for cut in (b"", data[:5], data[:20]):
        with pytest.raises(Refused):
            bundle.unseal(cut, SECRET, name)


def test_two_contents_never_share_key_and_nonce(content: bundle.Content) -> None:
    other = msgspec.structs.replace(content, issued_at_ms=NOW_MS + 1)
    nonces = {bundle.seal(one, SECRET)[1:13] for one in (content, other)}
    assert len(nonces) == 2


def test_the_path_spreads_the_names(content: bundle.Content) -> None:
    name = bundle.name_of(SECRET, content.certificate)
    assert bundle.NAME.fullmatch(name)
    assert bundle.path_of(name) == f"b/{name[:2]}/{name}.enc"


def test_content_that_fits_no_size_is_rejected(content: bundle.Content) -> None:
    huge = random.Random(1).randbytes(100_000).hex()
    with pytest.raises(Rejected):
        bundle.seal(msgspec.structs.replace(content, qr_svg=huge), SECRET)


def drawn(svg: str) -> np.ndarray:
    width = int(re.findall(r'<svg width="(\d+)"', svg)[0])
    pixels = np.full((width, width), 255, np.uint8)
    for x, y, length, height in re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)", svg):
        pixels[int(y) : int(y) + int(height), int(x) : int(x) + int(length)] = 0
    return np.kron(pixels, np.ones((4, 4), np.uint8))


@pytest.mark.parametrize("length", [700, 900])
def test_the_drawing_is_the_code_of_the_text(length: int) -> None:
    text = "HC1:" + "AB:CD9" * (length // 6)
    svg = bundle.qr_svg(text)
    assert svg.startswith("<svg")
    assert "<script" not in svg
    found = zxingcpp.read_barcodes(drawn(svg))
    assert found[0].text == text


def test_the_display_fields_are_those_of_the_record(content: bundle.Content) -> None:
    assert content.name == NAME
    dose = content.doses[0]
    assert (dose.number, dose.total, dose.lot, dose.date) == (2, 2, "CS-2301", "2026-11-23")
    assert RECORD.reference_id not in msgspec.json.encode(content).decode()
