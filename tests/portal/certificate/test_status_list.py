from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.certificate.advisory import ENTRIES, Level
from portal.certificate.status_list import open_list, sign_list
from sheetal.contracts.problem import Refused, WireProblem
from tests.portal.given_certificates import DAY_MS, NOW_MS, STANDBY_URL

if TYPE_CHECKING:
    from portal.certificate.keys import SigningKeys


def decoded(text: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(text + "=="))
    return found


@settings(max_examples=15, deadline=None)
@given(levels=st.dictionaries(st.integers(0, ENTRIES - 1), st.sampled_from(Level), max_size=50))
def test_a_signed_list_opens_to_what_was_put_in(keys: SigningKeys, levels: dict[int, Level]) -> None:
    opened = open_list(sign_list(levels, keys, NOW_MS), keys.trust)
    assert {index: opened.level_of(index) for index in levels} == levels
    assert opened.level_of(ENTRIES - 1) is levels.get(ENTRIES - 1, Level.OK)


def test_the_list_says_whose_it_is_and_how_long_it_counts(keys: SigningKeys) -> None:
    opened = open_list(sign_list({}, keys, NOW_MS), keys.trust)
    assert opened.uri == f"{STANDBY_URL}/status/doses.json"
    assert opened.valid_from_ms == NOW_MS // 1000 * 1000
    assert not opened.is_stale(NOW_MS + 14 * DAY_MS - 1000)
    assert opened.is_stale(NOW_MS + 14 * DAY_MS)


def test_the_same_levels_at_the_same_instant_give_the_same_bytes(keys: SigningKeys) -> None:
    levels = {9: Level.UNDER_INVESTIGATION}
    assert sign_list(levels, keys, NOW_MS) == sign_list(levels, keys, NOW_MS)


def test_an_almost_empty_list_is_small(keys: SigningKeys) -> None:
    thousand = {index * 997: Level.REVACCINATION_ADVISED for index in range(1000)}
    assert len(sign_list({}, keys, NOW_MS)) < 1_500
    assert len(sign_list(thousand, keys, NOW_MS)) < 8_000


def test_the_words_are_those_of_the_standards(keys: SigningKeys) -> None:
    file = json.loads(sign_list({}, keys, NOW_MS))
    assert decoded(file["protected"])["alg"] == "ES256"
    payload = decoded(file["payload"])
    assert payload["statusSize"] == 2
    assert payload["validFrom"] == "2026-11-23T09:20:31Z"
    assert payload["validUntil"] == "2026-12-07T09:20:31Z"


def test_a_foreign_or_changed_list_is_refused(keys: SigningKeys, foreign_keys: SigningKeys) -> None:
    with pytest.raises(Refused):
        open_list(sign_list({}, foreign_keys, NOW_MS), keys.trust)
    file = json.loads(sign_list({7: Level.REVACCINATION_ADVISED}, keys, NOW_MS))
    for name in ("payload", "protected", "signature"):
        for at in range(0, len(file[name]), 7):
            letter = "A" if file[name][at] != "A" else "B"
            changed = {**file, name: file[name][:at] + letter + file[name][at + 1 :]}
            if base64.urlsafe_b64decode(changed[name] + "==") == base64.urlsafe_b64decode(file[name] + "=="):
                continue
            with pytest.raises((Refused, WireProblem)):
                open_list(json.dumps(changed).encode(), keys.trust)


def test_another_algorithm_is_refused(keys: SigningKeys) -> None:
    file = json.loads(sign_list({}, keys, NOW_MS))
    header = {**decoded(file["protected"]), "alg": "none"}
    file["protected"] = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    file["signature"] = ""
    with pytest.raises(Refused):
        open_list(json.dumps(file).encode(), keys.trust)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"protected":"!","payload":"","signature":""}', b"\xff"])
def test_what_is_no_list_is_named_so(keys: SigningKeys, data: bytes) -> None:
    with pytest.raises(WireProblem) as problem:
        open_list(data, keys.trust)
    assert problem.value.facts["reason"] == "bad_list"
