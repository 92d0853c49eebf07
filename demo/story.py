"""The story: one refrigerator freezes, the gate closes, a dose given before is found, its certificate lives on.

Every step acts and looks as a person would, over HTTP; each raises a Problem when it does not come true in time.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from demo import citizen
from demo.people import Person
from sheetal.contracts.problem import Problem, Refused, Unavailable
from sheetal.thermal import bundle as bundles

if TYPE_CHECKING:
    from demo.district import District

POLL_SECONDS = 0.5
FREEZE_LIMIT = -50
FREEZING_MINUTES_BEFORE_DOSE = 12


@dataclass(slots=True)
class Memory:
    """What one step leaves for the next."""

    dose_before: dict[str, Any]
    dose_beside: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One sentence of the story, how to play it, and how long it may take."""

    sentence: str
    play: Callable[[District, Memory], str]
    seconds: float


@dataclass(frozen=True, slots=True)
class Played:
    """How a step went; `detail` is what was seen, or why it failed."""

    sentence: str
    ok: bool
    detail: str
    seconds: float


Tell = Callable[["Played"], None]


def play(district: District, tell: Tell) -> list[Played]:
    """Play all steps in order and stop at the first that fails."""
    memory = Memory({}, {})
    played: list[Played] = []
    for step in STEPS:
        result = play_one(step, district, memory)
        tell(result)
        played.append(result)
        if not result.ok:
            break
    return played


def play_one(step: Step, district: District, memory: Memory) -> Played:
    """Try the step until it comes true or its time is over; a refusal or a silent server may yet change."""
    began = time.monotonic()
    detail = ""
    while time.monotonic() - began < step.seconds:
        try:
            detail = step.play(district, memory)
            return Played(step.sentence, ok=True, detail=detail, seconds=time.monotonic() - began)
        except Problem as problem:
            detail = f"{problem.message} {problem.next_step}".strip()
        district.supervisor.raise_if_any_died()
        time.sleep(POLL_SECONDS)
    return Played(step.sentence, ok=False, detail=detail, seconds=time.monotonic() - began)


def readings_flow(district: District, memory: Memory) -> str:
    """Every appliance's sensor has readings in the store."""
    del memory
    with _officer(district) as officer:
        counts = [_exposure(officer, district, sensor)["readings"] for sensor in district.sensors()]
    if min(counts) == 0:
        raise Unavailable(f"{counts.count(0)} of {len(counts)} sensors have no readings yet")
    return f"{sum(counts):,} readings of {len(counts)} sensors stored and acknowledged"


def freeze_begins(district: District, memory: Memory) -> str:
    """The refrigerator has been at or below −0.5 °C for a while, not yet for an hour."""
    del memory
    with _officer(district) as officer:
        runs = [run for run in _exposure(officer, district, district.freezing_sensor)["runs"] if _is_freeze(run)]
    minutes = max((run["minutes_confirmed"] for run in runs), default=0)
    if minutes < FREEZING_MINUTES_BEFORE_DOSE:
        raise Unavailable(f"at or below −0.5 °C for {minutes} min so far")
    return f"{district.freezing_name} at or below −0.5 °C for {minutes} min; the rule holds at 60"


def dose_before_hold(district: District, memory: Memory) -> str:
    """A dose is given from the holding that is freezing: nobody knows yet, the gate is open."""
    with _vaccinator(district) as vaccinator:
        memory.dose_before = _give(vaccinator, district, 0, district.freezing_holding)
    return f"dose from {district.freezing_holding}, certificate {memory.dose_before['certificate'][:12]}…"


def device_alarm(district: District, memory: Memory) -> str:
    """The gateway's own alarm has come in, whatever the engine thinks."""
    del memory
    said = [alarm for alarm in district.alarms() if alarm.origin == "device"]
    alarms = [alarm for alarm in said if alarm.sensor_id == district.freezing_sensor]
    if not alarms:
        raise Unavailable("no device alarm yet")
    with _officer(district) as officer:
        if district.freezing_name not in officer.page("/cc/alarms"):
            raise Unavailable("the alarm is not on the officers' page yet")
    alarm = alarms[0]
    lowest = (alarm.extreme_centi_celsius or 0) / 100
    return f"{alarm.kind} alarm after {alarm.limit_minutes} min, lowest {lowest:+.1f} °C"


def engine_holds(district: District, memory: Memory) -> str:
    """Verdict and hold are committed, and the officer's page says why."""
    del memory
    held = district.holding(district.freezing_holding)
    if held is None or held.disposition != "QUARANTINED":
        raise Unavailable("not held yet")
    with _officer(district) as officer:
        page = officer.page(f"/cc/holdings/{district.freezing_holding}")
    if "Held" not in page or "60 min" not in page:
        raise Unavailable("the holding's page does not show the hold yet")
    return f"{district.freezing_holding} is QUARANTINED, verdict and reason on its page"


def verdict_found_again(district: District, memory: Memory) -> str:
    """The verdict's evidence is downloaded, and this program, which asks no server, finds the same in it."""
    del memory
    number = district.latest_verdict(district.freezing_holding)
    with _officer(district) as officer:
        bundle = bundles.decode(msgspec.json.encode(officer.ask(f"/api/v1/verdicts/{number}/bundle")))
        page = officer.page(f"/cc/verdicts/{number}")
    found = bundles.compare(bundle)
    if not found.is_same:
        raise Unavailable(f"verdict {number} is not found again: {len(found.differences)} places differ")
    if "Show your work" not in page:
        raise Unavailable("the verdict's page does not show its work yet")
    return (
        f"verdict {number}: {found.verdict.finding} again from {bundle.readings:,} readings, at /cc/verdicts/{number}"
    )


def gate_refuses(district: District, memory: Memory) -> str:
    """The vaccinator is told DO NOT USE with a reason, in both languages, and cannot record a dose."""
    del memory
    with _vaccinator(district) as vaccinator:
        answer = _check(vaccinator, district, district.freezing_holding)
        if answer["usable"] or answer["reason"] != "held":
            raise Unavailable("the gate is still open")
        try:
            _give(vaccinator, district, 1, district.freezing_holding)
        except Refused as refused:
            if refused.facts.get("reason") != "held":
                raise
        else:
            raise Unavailable("a dose was recorded from a held holding")
    return f"DO NOT USE: {answer['title']}"


def another_passes(district: District, memory: Memory) -> str:
    """The holding in the refrigerator beside it is offered instead, and a dose from it is recorded."""
    with _vaccinator(district) as vaccinator:
        instead = _check(vaccinator, district, district.freezing_holding)["take_instead"]
        if not instead or instead["holding"] != district.good_holding:
            raise Unavailable(f"{district.good_holding} is not offered instead")
        if not _check(vaccinator, district, district.good_holding)["usable"]:
            raise Unavailable(f"{district.good_holding} is not usable")
        memory.dose_beside = _give(vaccinator, district, 2, district.good_holding)
    return f"USE {district.good_holding}: dose recorded"


def recall_lists_dose(district: District, memory: Memory) -> str:
    """The dose given after the freeze began and before the hold is in the recall list, and only that one."""
    with _officer(district) as officer:
        recall = officer.ask(f"/api/v1/recalls/{district.freezing_holding}")
        page = officer.page(f"/cc/recalls/{district.freezing_holding}")
    doses = [dose["dose"] for dose in recall["doses"]]
    if doses != [memory.dose_before["dose"]]:
        raise Unavailable(f"the recall lists {len(doses)} doses")
    if "advisory" not in page:
        raise Unavailable("the recall page does not show the advisory yet")
    return "1 dose, given after the freeze began and before the hold"


def certificate_has_advisory(district: District, memory: Memory) -> str:
    """The recalled dose's certificate is still authentic and now carries an advisory; the other one's does not."""
    recalled = citizen.download(memory.dose_before["certificate_url"], district.trust())
    beside = citizen.download(memory.dose_beside["certificate_url"], district.trust())
    if recalled.advisory_level != 1 or beside.advisory_level != 0:
        raise Unavailable(f"advisory levels are {recalled.advisory_level} and {beside.advisory_level}")
    return f"authentic ({recalled.issuer}), advisory level {recalled.advisory_level}: under investigation"


def certificate_without_portal(district: District, memory: Memory) -> str:
    """With the portal stopped the certificate is still downloaded from the standby site and still verifies."""
    district.supervisor.stop_one("portal")
    try:
        if district.portal_answers():
            raise Unavailable("the portal still answers")
        certificate = citizen.download(memory.dose_before["certificate_url"], district.trust())
    finally:
        district.supervisor.restart("portal")
    return f"portal stopped, certificate downloaded and authentic ({certificate.issuer}), portal started again"


STEPS = (
    Step("Readings of 24 appliances flow through six gateways into the store", readings_flow, 60),
    Step("A refrigerator begins to freeze; nobody knows yet", freeze_begins, 60),
    Step("A dose is given from it, before any alarm", dose_before_hold, 30),
    Step("After 60 minutes its gateway raises the device alarm", device_alarm, 90),
    Step("The engine judges the holding and holds it at once", engine_holds, 30),
    Step("Its verdict is found again from its evidence bundle, without any server", verdict_found_again, 30),
    Step("The vaccinator is refused, with the reason and the next step", gate_refuses, 15),
    Step("Another holding passes", another_passes, 15),
    Step("The dose given before the hold is in the recall list", recall_lists_dose, 30),
    Step("Its certificate still verifies and carries an advisory", certificate_has_advisory, 60),
    Step("With the portal stopped the certificate is still there", certificate_without_portal, 30),
)


def _officer(district: District) -> Person:
    return Person(district.portal_url, "officer", district.password)


def _vaccinator(district: District) -> Person:
    return Person(district.portal_url, "vaccinator", district.password)


def _exposure(person: Person, district: District, sensor: str) -> Any:  # noqa: ANN401, JSON has no narrower type
    span = {"from_ms": district.history_from_ms, "until_ms": district.now_ms() + 1}
    return person.ask(f"/api/v1/sensors/{sensor}/exposure", **span)


def _is_freeze(run: dict[str, Any]) -> bool:
    return bool(run["side"] == "cold" and run["limit_centi_celsius"] == FREEZE_LIMIT)


def _check(person: Person, district: District, scan: str) -> Any:  # noqa: ANN401, as above
    return person.act("/api/v1/doses/check", {"session": district.session, "scan": scan})


def _give(person: Person, district: District, citizen_number: int, scan: str) -> Any:  # noqa: ANN401, as above
    appointment = district.appointments[citizen_number]
    body: dict[str, object] = {
        "session": district.session,
        "appointment": appointment.appointment,
        "scan": scan,
        "citizen_code": appointment.code,
    }
    return person.act("/api/v1/doses", body, key=str(uuid.uuid4()))
