"""The story of the freezing refrigerator on real processes, checked against what each part kept for itself.

In plain runs everything comes out of wheels; in the stack tier the same story runs over Mosquitto with passwords and
access rules, PostgreSQL and InfluxDB 1.6.7.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import cbor2
import pytest
from sqlalchemy import select

from portal.certificate import verify
from portal.certificate.keys import SigningKeys, make_keys
from portal.recall import service as recalls
from portal.vaccinator.tables import dose as dose_table
from sheetal.contracts.clock import now_ms
from sheetal.contracts.disposition import Disposition
from sheetal.contracts.limits import MINUTE_MS, Side
from sheetal.contracts.problem import Problem, Refused
from sheetal.contracts.verdict import Finding
from sheetal.ledger import alarms, audit, judgements, stock, telemetry
from sheetal.ledger.connect import open_telemetry
from tests.portal.given_certificates import container, parts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.journeys.evidence import Evidence, Row

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

FREEZE_CENTI_CELSIUS = -50
LAST_MOMENT_ROWS_MAX = 2
"""Samples of one appliance that the simulator wrote down in its last second and could not hand over any more."""
CHUNK_BYTES = 1 << 22


def freeze(told: Evidence) -> tuple[Row, list[Row]]:
    """From the simulator's own log: the last reading above −0.5 °C, and all since."""
    rows = told.truth()[told.district.freezing_sensor]
    last_good = max(n for n, row in enumerate(rows) if (row.centi_celsius or 0) > FREEZE_CENTI_CELSIUS)
    return rows[last_good], rows[last_good + 1 :]


def test_every_step_came_true(told: Evidence) -> None:
    assert [(step.sentence, step.detail) for step in told.played if not step.ok] == []
    assert len(told.played) == 11


def test_every_acknowledged_reading_is_stored_exactly_once_as_the_probe_saw_it(told: Evidence) -> None:
    for sensor, truth in told.truth().items():
        stored = told.stored(sensor)
        instants = [row.measured_at_ms for row in stored]
        assert instants == sorted(set(instants)), f"{sensor}: one instant twice"
        assert stored == told.acknowledged(sensor), f"{sensor}: the store and the gateway disagree"
        assert stored == truth[: len(stored)], f"{sensor}: the store and the simulator disagree"
        assert len(truth) - len(stored) <= LAST_MOMENT_ROWS_MAX, sensor
        assert len(stored) > 1_500, sensor


def test_a_broken_circuit_is_stored_as_a_fault_without_a_temperature(told: Evidence) -> None:
    broken = [reading for reading in told.readings("gw-04.ilr3-tvc") if reading.quality != 0]
    assert 39 <= len(broken) <= 41
    assert {reading.centi_celsius for reading in broken} == {None}


def test_nothing_was_refused_or_contradicted_on_the_way(told: Evidence) -> None:
    store = open_telemetry(told.district.plan.telemetry)
    with store.read() as connection:
        assert telemetry.dead_letters(connection, 10) == []
        assert telemetry.conflicts(connection, 10) == []
        states = {state.sensor_id: state for state in telemetry.sensor_states(connection)}
    store.close()
    for sensor in told.district.sensors():
        assert states[sensor].measured_at_ms == told.stored(sensor)[-1].measured_at_ms


def test_the_one_device_alarm_is_the_one_that_the_truth_calls_for(told: Evidence) -> None:
    _, frozen = freeze(told)
    with told.district.ledger.read() as connection:
        (alarm,) = [one for one in alarms.alarms(connection) if one.origin == "device"]
    began_at_ms = frozen[0].measured_at_ms
    assert (alarm.sensor_id, alarm.gateway_id) == (told.district.freezing_sensor, "gw-01")
    assert alarm.appliance_id == told.district.freezing_appliance
    assert (alarm.kind, alarm.limit_centi_celsius, alarm.limit_minutes) == ("freeze", FREEZE_CENTI_CELSIUS, 60)
    assert (alarm.began_at_ms, alarm.fired_at_ms) == (began_at_ms, began_at_ms + 60 * MINUTE_MS)
    until_fired = [row.centi_celsius for row in frozen if row.measured_at_ms <= alarm.fired_at_ms]
    assert alarm.extreme_centi_celsius == min(value for value in until_fired if value is not None)
    assert alarm.cleared_at_ms is None


def test_the_verdict_holds_that_holding_and_no_other(told: Evidence) -> None:
    last_good, frozen = freeze(told)
    held = told.district.freezing_holding
    with told.district.ledger.read() as connection:
        found = judgements.latest_verdict(connection, held)
        holdings = [stock.holding_by_id(connection, one.id) for one in told.district.seed.holding]
        (compromise,) = judgements.compromises(connection)
    assert found is not None
    (reached,) = found.verdict.reached
    assert found.verdict.finding is Finding.HOLD
    assert (reached.rule.side, reached.rule.limit_centi_celsius, reached.rule.minutes) == (Side.COLD, -50, 60)
    assert reached.rule.source.citation
    assert reached.run is not None
    assert reached.run.first_ms == frozen[0].measured_at_ms
    assert (compromise.holding_id, compromise.side, compromise.withdrawn_at_ms) == (held, "cold", None)
    assert compromise.compromised_from_ms == reached.compromised_from_ms == last_good.measured_at_ms
    by_disposition = {one.id: one.disposition for one in holdings}
    assert by_disposition.pop(held) is Disposition.QUARANTINED
    assert set(by_disposition.values()) == {Disposition.AVAILABLE}
    (quarantined,) = [one for one in holdings if one.id == held]
    assert quarantined.held_by_verdict_id == compromise.verdict_id


def test_a_short_warm_spell_elsewhere_was_noted_and_held_nothing(told: Evidence) -> None:
    with told.district.ledger.read() as connection:
        found = judgements.latest_verdict(connection, "H-1034")
    assert found is not None
    assert found.verdict.finding is Finding.EXCURSION_NOTED
    (warm,) = [run for run in found.verdict.noted if run.side is Side.HOT and run.limit_centi_celsius == 800]
    beyond = [row for row in told.truth()["gw-03.ilr2-tvc"] if (row.centi_celsius or 0) > 800]
    assert (warm.first_ms, warm.last_ms, warm.samples) == (beyond[0][0], beyond[-1][0], len(beyond))


def test_every_act_stands_in_an_unbroken_chain(told: Evidence) -> None:
    with told.district.ledger.read() as connection:
        reports = {
            head.facility_id: audit.verify_chain(connection, head.facility_id) for head in audit.heads(connection)
        }
        entries = audit.entries(connection, "F-101", 1_000)
    assert len(reports) == 6
    assert {report.broken_at for report in reports.values()} == {None}
    assert all(report.entries > 0 for report in reports.values())
    acts = [(entry.act, entry.subject) for entry in reversed(entries)]
    doses = [f"dose/{dose['dose']}" for dose in (told.memory.dose_before, told.memory.dose_beside)]
    story = [
        ("dose_given", doses[0]),
        ("held", told.district.freezing_holding),
        ("recall_opened", told.district.freezing_holding),
        ("dose_recalled", doses[0]),
        ("dose_given", doses[1]),
    ]
    assert [act for act in acts if act in story] in (story, [*story[:2], story[4], *story[2:4]])
    assert [act for act, _ in acts].count("dose_given") == 2, "a refused dose leaves no dose"


def test_the_refusal_is_a_problem_that_says_why_and_what_next(told: Evidence) -> None:
    answer = told.refusal
    assert answer is not None
    assert answer.status_code == 409
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert (problem["status"], problem["code"], problem["reason"]) == (409, "refused", "held")
    assert problem["title"]
    assert problem["detail"]
    assert problem["next_step"]
    assert problem["take_instead"]["holding"] == told.district.good_holding
    assert told.doses_left_around_refusal == (319, 319)


def test_exactly_the_dose_before_the_hold_is_recalled(told: Evidence) -> None:
    held, good = told.district.freezing_holding, told.district.good_holding
    recall = recalls.recall_of(told.district.ledger, held)
    (dose,) = recall.doses
    with told.district.ledger.read() as connection:
        given = connection.execute(select(dose_table.c.id, dose_table.c.holding_id)).all()
        (compromise,) = judgements.compromises(connection)
        left = {one: stock.holding_by_id(connection, one).doses_left for one in (held, good)}
    assert dict(tuple(row) for row in given) == {
        told.memory.dose_before["dose"]: held,
        told.memory.dose_beside["dose"]: good,
    }
    assert dose.dose == told.memory.dose_before["dose"]
    assert compromise.compromised_from_ms < dose.administered_at_ms < compromise.found_at_ms
    assert left == {held: 319, good: 179}
    with pytest.raises(Problem):
        recalls.recall_of(told.district.ledger, good)


def test_the_certificate_came_from_the_static_site_with_all_else_stopped(told: Evidence) -> None:
    assert {"portal", "alerts", "ingest", "portal.worker", "broker"} <= set(told.stopped)
    if told.district.ledger_label == "PostgreSQL":
        assert {"postgres", "influxd"} <= set(told.stopped)
    assert told.alone is not None
    assert (told.alone.issuer, told.alone.advisory_level) == ("IN", 1)
    verified = verify.verify_hcert(told.alone.hcert, told.district.trust(), now_ms())
    said = str(verified.subclaims)
    assert told.district.seed.citizen[0].name.split()[0] in said
    assert "CSD-2301" in said


def test_a_forged_certificate_is_refused(told: Evidence, tmp_path: Path) -> None:
    assert told.alone is not None
    trust = told.district.trust()
    protected, unprotected, payload, signature = parts(told.alone.hcert)
    assert isinstance(payload, bytes)
    renamed = payload.replace(b"Asha", b"Ravi")
    assert renamed != payload
    make_keys(tmp_path / "keys", issuer="Demo State Health Department", country="IN", demo=True, now_ms=now_ms())
    forger = SigningKeys.load(tmp_path / "keys", demo_allowed=True, standby_url="http://x", now_ms=now_ms())
    signed = forger.sign(cbor2.dumps(["Signature1", protected, b"", renamed]))
    for forged in ([protected, unprotected, renamed, signature], [protected, unprotected, renamed, signed]):
        with pytest.raises(Refused) as caught:
            verify.verify_hcert(container(forged), trust, now_ms())
        assert caught.value.facts["reason"] == "wrong_signature"
    assert verify.verify_hcert(container([protected, unprotected, payload, signature]), trust, now_ms()).issuer == "IN"


def test_no_citizen_is_named_anywhere_in_the_clear(told: Evidence) -> None:
    people = told.district.seed.citizen
    secrets = [word.encode() for one in people for word in (one.name, one.name.upper(), one.mobile)]
    controls = [b"H-1011", b"gw-01.ilr1-tvc", b"CSD-2301"]
    seen: set[bytes] = set()
    guilty: list[tuple[Path, bytes]] = []
    for path in files(told.folders):
        for chunk in chunks(path, overlap=64):
            guilty += [(path, secret) for secret in secrets if secret in chunk]
            seen |= {control for control in controls if control in chunk}
    assert guilty == []
    assert seen == set(controls), "the search itself finds what is there"


def test_no_log_line_names_a_person_or_a_certificates_secret(told: Evidence) -> None:
    logs = {path.name: path.read_text(errors="replace") for path in told.district.plan.logs.glob("*.log")}
    assert len(logs) >= 13
    secret = told.memory.dose_before["certificate_url"].partition("#")[2]
    words = [one.name.split()[0] for one in told.district.seed.citizen] + [secret, told.district.password]
    said = [(name, word) for name, text in logs.items() for word in words if re.search(rf"\b{re.escape(word)}\b", text)]
    assert said == []


def files(folders: list[Path]) -> Iterator[Path]:
    """Everything that any part of the district wrote."""
    found = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
    assert len(found) > 60
    yield from sorted(found)


def chunks(path: Path, overlap: int) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            before = b""
            while part := file.read(CHUNK_BYTES):
                yield before + part
                before = part[-overlap:]
    except FileNotFoundError:
        return  # a database's own housekeeping may take a file away meanwhile
