from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from sheetal.contracts.enrolment import CODE_LENGTH, CODE_LETTERS, RESERVED_IDS, Enrolment, EnrolmentRequest


def test_a_code_cannot_be_misread_and_is_hard_to_guess() -> None:
    assert not set("01IO") & set(CODE_LETTERS)
    assert len(set(CODE_LETTERS)) ** CODE_LENGTH >= 2**50


def test_a_request_must_be_whole() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"gateway":"gw-01","code":"ABCDEFGHJK"}', type=EnrolmentRequest)


def test_an_enrolment_survives_the_wire() -> None:
    enrolment = Enrolment(
        gateway="gw-01", certificate_pem="c", authority_pem="a", key_hex="00", broker_url="mqtts://broker:8883"
    )
    assert msgspec.json.decode(msgspec.json.encode(enrolment), type=Enrolment) == enrolment


def test_no_gateway_may_be_called_like_a_service_at_the_broker() -> None:
    rules = (Path(__file__).parents[3] / "deploy" / "mosquitto" / "access").read_text()
    assert set(re.findall(r"^user (\S+)$", rules, re.MULTILINE)) == RESERVED_IDS
