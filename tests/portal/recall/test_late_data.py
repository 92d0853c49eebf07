"""A backlog that comes a week late, from its readings to the citizen's advisory, by engine and portal as they are.

One probe has told its story all along; the other one's gateway was cut off for a week and now sends what it kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from alerts.drain import drain_once
from alerts.evaluate import Stores
from alerts.hours import Hours
from portal.certificate import service as certificates
from portal.certificate.advisory import Level
from portal.cold_chain import evidence
from portal.identity.service import Role
from portal.orchestration.service import issue_holding
from portal.recall import service as recalls
from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.reading import Quality, Reading
from sheetal.contracts.verdict import Finding
from sheetal.ledger import assets, holdings, judgements, stock, telemetry_writes
from sheetal.ledger.holdings import Split
from sheetal.thermal import bundle as bundles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.ledger.judgements import StoredVerdict
    from tests.portal.clinic import Clinic
    from tests.portal.conftest import Browser, Stage

STEP_MS = 10 * MINUTE_MS
TOLD, LATE, BESIDE = "gw-01.told", "gw-01.late", "gw-01.beside"
FRIDGE, OTHER = "A-101-1", "A-101-2"
WEEK_MS = 7 * DAY_MS


class Week:
    """A week in two refrigerators, with an engine beside the portal."""

    def __init__(self, stage: Stage, clinic: Clinic) -> None:
        self.stage, self.clinic, self.now_ms = stage, clinic, stage.now_ms
        self.begin_ms = self.now_ms - WEEK_MS - (self.now_ms - WEEK_MS) % HOUR_MS
        self.asked: list[tuple[str, int, int]] = []
        self.engine = Stores(stage.ledger, stage.telemetry, Hours(stage.readings))
        with stage.ledger.write() as conn:
            assets.add_gateway(conn, stage.cipher, "gw-01", "F-101", bytes(32), self.begin_ms)
            for sensor, appliance in ((TOLD, FRIDGE), (LATE, FRIDGE), (BESIDE, OTHER)):
                probe = assets.Sensor(id=sensor, gateway_id="gw-01", serial=sensor, model="probe", interval_ms=STEP_MS)
                assets.register_sensor(conn, probe, self.begin_ms)
                assets.assign_sensor(conn, sensor, appliance, "coldest", self.begin_ms, self.begin_ms)
        for sensor in (TOLD, BESIDE):
            self.store([(at_ms, 450) for at_ms in range(self.begin_ms, self.now_ms, STEP_MS)], sensor)

    def store(self, samples: Sequence[tuple[int, int]], sensor: str) -> None:
        """What ingest does: rows durable, then their hours marked."""
        rows = [Reading(sensor, at_ms, value, Quality.OK, 1, n) for n, (at_ms, value) in enumerate(samples)]
        assert self.stage.readings.write(rows).rejected == []
        with self.stage.telemetry.write() as conn:
            marks = {(sensor, at_ms // HOUR_MS * HOUR_MS) for at_ms, _ in samples}
            telemetry_writes.mark_dirty(conn, marks)

    def receive(self, holding: str, at_ms: int, appliance: str = FRIDGE) -> None:
        with self.stage.ledger.write() as conn:
            stock.receive_holding(
                conn,
                holding,
                "covishield/CS-2301",
                "F-101",
                40,
                appliance,
                EvidenceKind.TELEMETRY,
                at_ms,
                at_ms,
                "store",
            )

    def judge(self) -> None:
        while drain_once(self.engine, self.now_ms).holdings:
            pass
        for appliance in (FRIDGE, OTHER):
            self.clinic.judge(appliance)

    def verdicts(self, holding: str) -> list[StoredVerdict]:
        with self.stage.ledger.read() as conn:
            return judgements.verdicts_of(conn, holding)

    def disposition(self, holding: str) -> Disposition:
        with self.stage.ledger.read() as conn:
            return stock.holding_by_id(conn, holding).disposition

    def backlog(self) -> int:
        """The silent probe's first day: 90 minutes of frost in its third hour; gives when it may have begun."""
        frost_ms = self.begin_ms + 3 * HOUR_MS
        samples = [
            (at_ms, -180 if frost_ms <= at_ms <= frost_ms + 90 * MINUTE_MS else 400)
            for at_ms in range(self.begin_ms, self.begin_ms + DAY_MS, STEP_MS)
        ]
        self.store(samples, LATE)
        return frost_ms - STEP_MS


@pytest.fixture
def week(stage: Stage, clinic: Clinic) -> Week:
    made = Week(stage, clinic)
    made.receive("H-1", made.begin_ms)
    made.receive("H-2", made.begin_ms)
    made.receive("H-after", made.begin_ms + 2 * DAY_MS)
    made.receive("H-beside", made.begin_ms, OTHER)
    with stage.ledger.write() as conn:
        part = Split(
            holding_id="H-part",
            doses=10,
            appliance_id=OTHER,
            evidence_kind=EvidenceKind.TELEMETRY,
            at_ms=made.begin_ms + 3 * DAY_MS,
        )
        holdings.split_holding(conn, "H-1", part, made.now_ms, "store")
    made.judge()
    return made


def give(week: Week, holding: str) -> str:
    with week.stage.ledger.write() as conn:
        issue_holding(conn, week.clinic.session.id, holding, now_ms=week.now_ms, actor="store")
    return week.clinic.give(week.clinic.book(), holding).dose


def test_a_week_late_the_past_run_opens_and_every_holding_that_stood_there_is_held(week: Week) -> None:
    first = {holding: week.verdicts(holding) for holding in ("H-1", "H-2", "H-part", "H-after", "H-beside")}
    assert {one.verdict.finding for found in first.values() for one in found} == {Finding.USABLE}
    from_ms = week.backlog()
    week.judge()
    for holding in ("H-1", "H-2", "H-part"):
        newest, *older = week.verdicts(holding)
        (hit,) = newest.verdict.reached
        assert (newest.verdict.finding, hit.sensor, hit.minutes_confirmed) == (Finding.HOLD, LATE, 90), holding
        assert hit.compromised_from_ms == from_ms
        assert week.disposition(holding) is Disposition.QUARANTINED
        assert older == first[holding], "what was found before remains as it was"
    for holding in ("H-after", "H-beside"):
        assert week.verdicts(holding)[0].verdict.finding is Finding.USABLE
        assert week.disposition(holding) is Disposition.AVAILABLE
    with week.stage.ledger.read() as conn:
        said = {one.holding_id: one.compromised_from_ms for one in judgements.compromises(conn)}
    assert said == dict.fromkeys(("H-1", "H-2", "H-part"), from_ms)


def test_the_doses_given_meanwhile_are_recalled_and_no_other(week: Week) -> None:
    doses = {holding: give(week, holding) for holding in ("H-1", "H-part", "H-after", "H-beside")}
    week.backlog()
    week.judge()
    recalls.open_new_recalls(week.stage.ledger, week.now_ms)
    assert {dose.dose for dose in recalls.recall_of(week.stage.ledger, "H-1").doses} == {doses["H-1"], doses["H-part"]}
    with week.stage.ledger.read() as conn:
        levels = {
            holding: found.level
            for holding, dose in doses.items()
            if (found := certificates.certificate_of_dose(conn, dose)) is not None
        }
    assert levels == {
        "H-1": Level.UNDER_INVESTIGATION,
        "H-part": Level.UNDER_INVESTIGATION,
        "H-after": Level.OK,
        "H-beside": Level.OK,
    }
    trail = recalls.trail_of(week.stage.ledger, "H-1", week.begin_ms, 1)
    assert (trail.given, trail.since) == (1, 2)


def test_one_late_reading_has_one_hour_read_again(week: Week, monkeypatch: pytest.MonkeyPatch) -> None:
    week.backlog()
    week.judge()
    read = week.stage.readings.read

    def counting(sensor: str, start_ms: int, end_ms: int, **more: int | None) -> list[Reading]:
        week.asked.append((sensor, start_ms, end_ms))
        return read(sensor, start_ms, end_ms, **more)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(week.stage.readings, "read", counting)
    late_ms = week.begin_ms + 3 * HOUR_MS + 5 * MINUTE_MS
    week.store([(late_ms, -200)], LATE)
    week.judge()
    again = [(sensor, start, end) for sensor, start, end in week.asked if start < week.now_ms - HOUR_MS]
    assert again == [(LATE, week.begin_ms + 3 * HOUR_MS, week.begin_ms + 4 * HOUR_MS)]
    (hit,) = week.verdicts("H-1")[0].verdict.reached
    assert hit.run is not None
    assert (hit.run.extreme_centi_celsius, hit.run.samples) == (-200, 11)


def test_in_whatever_order_the_data_came_the_verdict_is_the_same(week: Week) -> None:
    week.backlog()
    week.judge()
    found = week.verdicts("H-2")[0]
    week.receive("H-new", week.begin_ms)
    week.judge()
    ordered = week.verdicts("H-new")[0]
    assert ordered.digest == found.digest
    said, same = (
        msgspec.structs.replace(
            one.verdict,
            holding="",
            stays=[msgspec.structs.replace(stay, stay=0) for stay in one.verdict.stays],
            reached=[msgspec.structs.replace(hit, stay=0) for hit in one.verdict.reached],
        )
        for one in (found, ordered)
    )
    assert said == same


def test_its_page_says_that_late_data_brought_it_and_old_verdicts_are_found_again(week: Week, client: Browser) -> None:
    give(week, "H-1")
    old = week.verdicts("H-1")[-1]
    week.backlog()
    week.judge()
    recalls.open_new_recalls(week.stage.ledger, week.now_ms)
    newest = week.verdicts("H-1")[0]
    officer = week.stage.add_person(Role.COLD_CHAIN_OFFICER)
    client.sign_in("cold_chain_officer")
    page = client.get(f"/cc/verdicts/{newest.id}").text
    for text in ("Late data brought this verdict.", "Dose 1 of 1", "Open recall list", f"/cc/verdicts/{old.id}"):
        assert text in page, text
    assert "A newer verdict stands." in client.get(f"/cc/verdicts/{old.id}").text
    stores = evidence.Stores(week.stage.ledger, week.stage.telemetry, week.stage.readings)
    now, then = (bundles.compare(evidence.bundle_of(stores, officer, one.id, week.now_ms)) for one in (newest, old))
    assert now.is_same
    assert not then.is_same
    assert then.verdict.finding is Finding.HOLD, "with today's readings the old verdict would have held"
