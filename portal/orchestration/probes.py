"""A gateway's probes as its configuration tells them, and the change of one (pure).

The configuration is the gateway's own (`Reported.config`); what stands in it beside the words below is kept as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from portal.errors import FieldProblem
from portal.language import marked
from sheetal.contracts.problem import NotFound
from sheetal.contracts.seal import UNREADABLE
from sheetal.contracts.topics import SENSOR_IDENTIFIER, sensor_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROBES_MAX = 500
WORD_MAX = 64
CENTI = 100
SECOND_MS = 1_000
CELSIUS_MIN, CELSIUS_MAX = -100, 100
INTERVAL_MS_MIN, INTERVAL_MS_MAX = 100, 3_600_000
MINUTES_MAX = 2_880
NUMBER_MAX = 2**31 - 1
"""Beyond it nothing is meant, and what shows a number could fail at it."""
_NUMBER = re.compile(r"[+-]?[0-9]{1,3}([.,][0-9]{1,2})?")
_COUNT = re.compile(r"[0-9]{1,5}")
_SECONDS = re.compile(r"[0-9]{1,4}([.,][0-9]{1,3})?")

LIMITS = (
    "range_min_centi_celsius",
    "range_max_centi_celsius",
    "freeze_alarm_centi_celsius",
    "heat_alarm_centi_celsius",
)
MINUTES = ("freeze_alarm_minutes", "heat_alarm_minutes")
INTERVAL = "interval_ms"
EDITED = (INTERVAL, *LIMITS, *MINUTES)


@dataclass(frozen=True)
class Probe:
    """One probe; `values` holds what may be changed from here, as the gateway tells it, `signs` how alarms compare."""

    name: str
    appliance: str
    field: str
    kind: str
    values: Mapping[str, int]
    signs: Mapping[str, str]

    def typed(self) -> dict[str, str]:
        """The values as they stand in the form's fields: seconds, degrees with a point, minutes."""
        return {name: _typed(name, value) for name, value in self.values.items()}


def probes_of(config: bytes) -> list[Probe]:
    """The probes of a configuration in its own order; what is not as expected is left out."""
    found = []
    for source, probe in _entries(_decoded(config)):
        values = {name: probe[name] for name in EDITED if _is_whole(probe.get(name))}
        found.append(
            Probe(
                name=probe["probe"],
                appliance=_word(probe.get("appliance")),
                field=_word(probe.get("field")),
                kind=_word(source.get("kind")),
                values=values,
                signs={
                    "freeze": "≤" if probe.get("freeze_alarm_inclusive") else "<",
                    "heat": "≥" if probe.get("heat_alarm_inclusive") else ">",
                },
            )
        )
    return found[:PROBES_MAX]


def probe_named(config: bytes, name: str) -> Probe:
    """One probe; raises NotFound."""
    for probe in probes_of(config):
        if probe.name == name:
            return probe
    raise NotFound(marked("This gateway has no such probe."))


def changed(config: bytes, name: str, values: Mapping[str, int]) -> dict[str, Any]:
    """The whole configuration with these values in one probe; raises NotFound."""
    whole = _decoded(config)
    for _, probe in _entries(whole):
        if probe["probe"] == name:
            probe.update({key: value for key, value in values.items() if key in probe})
            return whole
    raise NotFound(marked("This gateway has no such probe."))


def checked(typed: Mapping[str, str], before: Probe) -> dict[str, int]:
    """What a person typed, in milliseconds, centi-degrees and minutes; raises FieldProblem for the first that is wrong.

    Only what the gateway has told of the probe is looked at.
    """
    values = {name: _read(name, typed.get(name, "")) for name in before.values}
    _check_order(values)
    return values


def _check_order(values: Mapping[str, int]) -> None:
    low, high, freeze, heat = (values.get(name) for name in LIMITS)
    if low is not None and high is not None and low >= high:
        raise FieldProblem(marked("The range must end above where it begins."), field=LIMITS[1])
    alarms_are_on = all(values.get(name) for name in MINUTES)
    if alarms_are_on and freeze is not None and heat is not None and freeze >= heat:
        raise FieldProblem(marked("The heat limit must be above the freeze limit."), field=LIMITS[3])


def _read(name: str, text: str) -> int:
    if name in LIMITS:
        return _centi_celsius(name, text)
    if name == INTERVAL:
        return _interval_ms(name, text.strip())
    if not _COUNT.fullmatch(text.strip()) or int(text) > MINUTES_MAX:
        raise FieldProblem(marked("Enter whole minutes from 0 to 2880; 0 switches the alarm off."), field=name)
    return int(text)


def _interval_ms(name: str, text: str) -> int:
    whole, _, part = text.replace(",", ".").partition(".")
    value = int(whole) * SECOND_MS + int(part.ljust(3, "0")) if _SECONDS.fullmatch(text) else 0
    if not INTERVAL_MS_MIN <= value <= INTERVAL_MS_MAX:
        raise FieldProblem(marked("Enter seconds from 0.1 to 3600."), field=name)
    return value


def _centi_celsius(name: str, text: str) -> int:
    plain = text.strip().replace("\N{MINUS SIGN}", "-").replace(",", ".")
    problem = FieldProblem(marked("Enter degrees from −100 to 100, such as −0.5."), field=name)
    if not _NUMBER.fullmatch(plain):
        raise problem
    whole, _, part = plain.lstrip("+-").partition(".")
    value = int(whole) * CENTI + int(part.ljust(2, "0"))
    value = -value if plain.startswith("-") else value
    if not CELSIUS_MIN * CENTI <= value <= CELSIUS_MAX * CENTI:
        raise problem
    return value


def _typed(name: str, value: int) -> str:
    if name == INTERVAL:
        return f"{value // SECOND_MS}.{value % SECOND_MS:03}".rstrip("0").rstrip(".")
    if name in MINUTES:
        return str(value)
    whole, part = divmod(abs(value), CENTI)
    sign = "\N{MINUS SIGN}" if value < 0 else ""
    return f"{sign}{whole}.{part:02}".removesuffix("0")


def _entries(config: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
    sources = config.get("source")
    for source in sources if isinstance(sources, list) else []:
        probes = source.get("probe") if isinstance(source, dict) else None
        for probe in probes if isinstance(probes, list) else []:
            if isinstance(probe, dict) and _is_name(probe.get("probe")):
                yield source, probe


def _word(value: object) -> str:
    return value[:WORD_MAX] if isinstance(value, str) else ""


def _is_name(value: object) -> bool:
    """Whether a gateway would take it as a probe's name; any other could lead out of the page's address."""
    return isinstance(value, str) and SENSOR_IDENTIFIER.fullmatch(sensor_of("g", value)) is not None


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= NUMBER_MAX


def _decoded(config: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(config, type=dict[str, Any])
    except UNREADABLE:
        return {}
