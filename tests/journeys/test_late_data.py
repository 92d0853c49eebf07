"""A logger out of a drawer: its file comes a week late through a running district, and finds the doses given meanwhile.

The refrigerator was kept by a twice-daily record that saw nothing; the logger beside the vials saw one frosty night.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from demo.people import Person
from portal.orchestration.service import issue_holding
from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.problem import Refused
from sheetal.contracts.verdict import Finding
from sheetal.ledger import assets, judgements, stock
from sheetal.ledger.manual_checks import ManualCheck, add_manual_check
from tests.journeys.evidence import until
from tests.journeys.test_replay import replay

if TYPE_CHECKING:
    from pathlib import Path

    from demo.district import District

pytestmark = [pytest.mark.journey, pytest.mark.timeout(240)]

BOX, HOLDING, SENSOR = "A-drawer", "H-drawer", "gw-replay.drawer"
SECONDS_MAX = 60.0
WEEK_MS = 7 * DAY_MS


def keep_by_hand(live: District) -> int:
    """A week of stock under a record that saw nothing; gives when it began."""
    now_ms = live.now_ms()
    begin_ms = now_ms - WEEK_MS - now_ms % MINUTE_MS
    with live.ledger.write() as conn:
        facility = stock.holding_by_id(conn, live.good_holding).facility_id
        lot = stock.holding_by_id(conn, live.good_holding).lot_id
        place = assets.Appliance(
            id=BOX,
            facility_id=facility,
            name="ILR without telemetry",
            kind="ilr",
            model="made up",
            centi_celsius_min=200,
            centi_celsius_max=800,
            freeze_alarm_centi_celsius=-50,
            freeze_alarm_minutes=60,
            heat_alarm_centi_celsius=800,
            heat_alarm_minutes=600,
            alarm_source="WHO PQS device rule",
        )
        assets.add_appliance(conn, place, now_ms)
        logger = assets.Sensor(
            id=SENSOR, gateway_id="gw-replay", serial="drawer", model="logger", interval_ms=10 * MINUTE_MS
        )
        assets.register_sensor(conn, logger, now_ms)
        assets.assign_sensor(conn, SENSOR, BOX, "beside the vials", begin_ms, now_ms)
        stock.receive_holding(
            conn, HOLDING, lot, facility, 40, BOX, EvidenceKind.TWICE_DAILY, begin_ms, now_ms, "journey"
        )
        for at_ms in (*range(begin_ms + 12 * HOUR_MS, now_ms, 12 * HOUR_MS), now_ms):
            check = ManualCheck(
                appliance_id=BOX,
                checked_at_ms=at_ms,
                centi_celsius=430,
                centi_celsius_min=310,
                centi_celsius_max=560,
                actor="journey",
            )
            add_manual_check(conn, check, now_ms)
        issue_holding(conn, live.session, HOLDING, now_ms=now_ms, actor="journey")
    return begin_ms


def give(live: District) -> Any:  # noqa: ANN401 - JSON
    """A dose from it, as soon as the gate opens."""
    booked = live.appointments[0]
    body: dict[str, object] = {
        "session": live.session,
        "appointment": booked.appointment,
        "scan": HOLDING,
        "citizen_code": booked.code,
    }
    given: list[Any] = []

    def gave() -> bool:
        with Person(live.portal_url, "vaccinator", live.password) as vaccinator:
            try:
                given.append(vaccinator.act("/api/v1/doses", body, key=str(uuid.uuid4())))
            except Refused:
                return False
        return True

    until(gave, SECONDS_MAX)
    return given[0]


def logger_file(folder: Path, begin_ms: int) -> tuple[Path, int]:
    """Two days of rows with 90 minutes of frost in the first night; gives when that may have begun."""
    frost_ms = begin_ms + 5 * HOUR_MS
    lines = ["time_utc,celsius"]
    for at_ms in range(begin_ms, begin_ms + 2 * DAY_MS, 10 * MINUTE_MS):
        cold = frost_ms <= at_ms <= frost_ms + 90 * MINUTE_MS
        stamp = datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.append(f"{stamp},{-1.8 if cold else 4.2}")
    path = folder / "drawer.csv"
    path.write_text("\n".join(lines) + "\n")
    return path, frost_ms - 10 * MINUTE_MS


def is_held_for_all_of_it(live: District) -> bool:
    """Whether the whole frost has been judged; the file may come in pieces."""
    with live.ledger.read() as conn:
        found = judgements.latest_verdict(conn, HOLDING)
    return found is not None and [hit.minutes_confirmed for hit in found.verdict.reached] == [90]


def test_a_file_a_week_late_finds_the_dose_given_meanwhile(live: District, tmp_path: Path) -> None:
    begin_ms = keep_by_hand(live)
    dose = give(live)
    with live.ledger.read() as conn:
        before = judgements.verdicts_of(conn, HOLDING)
    assert {one.verdict.finding for one in before} == {Finding.USABLE}

    path, from_ms = logger_file(tmp_path, begin_ms)
    done = replay(live, str(path))
    assert done.code == 0, done.told
    until(lambda: is_held_for_all_of_it(live), SECONDS_MAX)
    assert live.holding(HOLDING).disposition is Disposition.QUARANTINED
    with live.ledger.read() as conn:
        newest, *older = judgements.verdicts_of(conn, HOLDING)
    (hit,) = newest.verdict.reached
    assert newest.verdict.finding is Finding.HOLD
    assert (hit.sensor, hit.compromised_from_ms) == (SENSOR, from_ms)
    assert older[-len(before) :] == before, "what was found before remains as it was"

    with Person(live.portal_url, "officer", live.password) as officer:

        def is_listed() -> bool:
            page = officer.page(f"/cc/verdicts/{newest.id}")
            return "Late data brought this verdict." in page and "authentic, with advisory" in page

        until(is_listed, SECONDS_MAX)
        recall = officer.ask(f"/api/v1/recalls/{HOLDING}")
        assert [one["dose"] for one in recall["doses"]] == [dose["dose"]]
        assert recall["compromised_from_ms"] == from_ms
        page = officer.page(f"/cc/verdicts/{newest.id}")
        assert "Dose 1 of 1" in page
        assert "A newer verdict stands." in officer.page(f"/cc/verdicts/{older[0].id}")
