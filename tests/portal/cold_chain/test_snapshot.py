from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from portal.cold_chain import store
from portal.cold_chain.snapshot import FRESH_MS, SCOPES_MAX, Snapshot, Snapshots
from sheetal.ledger import alarms, holdings, judgement_writes, telemetry_writes
from sheetal.ledger.judgements import ApplianceJudgement, latest_verdict
from sheetal.ledger.telemetry import SensorState

if TYPE_CHECKING:
    from tests.portal.conftest import Stage

NOW = 1_800_000_000_000


class Maker:
    def __init__(self, seconds: float = 0) -> None:
        self.made = 0
        self.seconds = seconds

    def __call__(self) -> Snapshot:
        time.sleep(self.seconds)
        self.made += 1
        return Snapshot([], {}, [])


def test_a_snapshot_is_kept_while_nothing_changes() -> None:
    kept, make = Snapshots(), Maker()
    first = kept.get(None, 1, NOW, make)
    assert kept.get(None, 1, NOW + FRESH_MS - 1, make) is first
    assert make.made == 1


def test_a_change_time_or_a_clock_that_went_back_makes_a_new_one() -> None:
    kept, make = Snapshots(), Maker()
    kept.get(None, 1, NOW, make)
    kept.get(None, 2, NOW, make)
    kept.get(None, 2, NOW + FRESH_MS, make)
    kept.get(None, 2, NOW - 1, make)
    assert make.made == 4


def test_each_scope_has_its_own() -> None:
    kept, make = Snapshots(), Maker()
    assert kept.get(None, 1, NOW, make) is not kept.get("F-101", 1, NOW, make)


def test_the_number_of_scopes_is_bounded() -> None:
    kept, make = Snapshots(), Maker()
    for number in range(SCOPES_MAX + 5):
        kept.get(number, 1, NOW, make)
    assert len(kept._kept) == SCOPES_MAX
    kept.get(SCOPES_MAX + 4, 1, NOW, make)
    assert make.made == SCOPES_MAX + 5


def test_many_askers_at_once_make_it_once() -> None:
    kept, make = Snapshots(), Maker(0.05)
    askers = [threading.Thread(target=kept.get, args=(None, 1, NOW, make)) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert make.made == 1


def token(stage: Stage) -> tuple[int | None, ...]:
    with stage.ledger.read() as conn, stage.telemetry.read() as telemetry:
        return store.change_token(conn, telemetry)


def test_whatever_an_officer_must_see_changes_the_token(seeded: Stage) -> None:
    seen = [token(seeded)]
    assert token(seeded) == seen[0]
    with seeded.telemetry.write() as conn:
        sample = SensorState(
            sensor_id="gw-01.a-101-1-tvc",
            measured_at_ms=seeded.now_ms,
            centi_celsius=-120,
            quality=0,
            received_at_ms=seeded.now_ms,
            clock_offset_ms=0,
            change=0,
        )
        telemetry_writes.put_sensor_states(conn, [sample])
    seen.append(token(seeded))
    with seeded.ledger.write() as conn:
        judged = ApplianceJudgement(
            appliance_id="A-101-1", judged_through_ms=seeded.now_ms, known_through_ms=seeded.now_ms, state="freezing"
        )
        judgement_writes.put_appliance_judgement(conn, judged)
    seen.append(token(seeded))
    with seeded.ledger.write() as conn:
        found = latest_verdict(conn, "H-1")
        assert found is not None
        judgement_writes.append_verdict(conn, found.verdict, seeded.now_ms)
    seen.append(token(seeded))
    with seeded.ledger.write() as conn:
        holdings.hold(conn, "H-3", None, "s-1", "seen frozen", seeded.now_ms)
    seen.append(token(seeded))
    with seeded.ledger.write() as conn:
        open_alarm = alarms.alarms(conn)[0]
        alarms.acknowledge_alarm(conn, open_alarm.id, "s-1", "power_cut", "generator on", seeded.now_ms)
    seen.append(token(seeded))
    assert len(set(seen)) == len(seen)
