"""The dashboard, the alert rules and the page that tells of them, against what the services say of themselves."""

from __future__ import annotations

import enum
import json
import re
import types
import typing
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard
from grafana_foundation_sdk.models.prometheus import Dataquery

from sheetal.metrics import COMMON
from tests.stack.compose import ROOT
from tests.stack.exposed import SERVICES, dashboard, expressions, labels_by_name, panels, rules, taken_apart

PAGE = (ROOT / "docs" / "operations.md").read_text()
ROWS = ["Now", "The way of the data", "Back-pressure", "Verdicts", "Gate", "Certificates", "Gateways", "Machines"]
MUST_WARN_OF = {
    "IngestNotReady",
    "IngestStoreAway",
    "IngestInboxFull",
    "IngestDeadLettersRise",
    "IngestGapStaysOpen",
    "EvaluatorStopped",
    "JudgedThroughTooOld",
    "SealMissing",
    "CertificateExportLags",
    "GatewayClockWrong",
    "DiskFilling",
}


def parsed() -> Any:  # noqa: ANN401 - Grafana's classes carry no types that mypy could check further
    register_default_plugins()
    return Dashboard.from_json(dashboard())


def test_the_dashboard_has_no_word_that_grafanas_own_types_do_not_know() -> None:
    told = json.loads(json.dumps(parsed(), cls=JSONEncoder))
    assert list(missing(dashboard(), told)) == []


def missing(given: Any, known: Any, place: str = "") -> typing.Iterator[str]:  # noqa: ANN401 - any part of a JSON tree
    if isinstance(given, dict) and isinstance(known, dict):
        for key, value in given.items():
            yield from missing(value, known[key], f"{place}/{key}") if key in known else [f"{place}/{key}"]
    elif isinstance(given, list) and isinstance(known, list) and len(given) == len(known):
        for number, (one, other) in enumerate(zip(given, known, strict=True)):
            yield from missing(one, other, f"{place}/{number}")
    elif given != known:
        yield place


def test_every_value_of_the_dashboard_is_of_grafanas_own_type() -> None:
    assert list(misfits(parsed(), "")) == []


def misfits(one: Any, place: str) -> typing.Iterator[str]:  # noqa: ANN401 - any object of Grafana's models
    names = typing.get_type_hints(type(one), localns={"cogvariants": None}) if hasattr(one, "to_json") else {}
    for name, hint in names.items():
        value = getattr(one, name)
        if not fits(value, hint):
            yield f"{place}.{name}: {value!r} is no {hint}"
        for number, part in enumerate(value if isinstance(value, list) else [value]):
            yield from misfits(part, f"{place}.{name}[{number}]")


def fits(value: object, hint: Any) -> bool:  # noqa: ANN401 - a type hint has no type
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return any(fits(value, one) for one in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(fits(one, arguments[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(one, arguments[1]) for one in value.values())
    return not isinstance(hint, type) or is_of(value, hint)


def is_of(value: object, hint: type) -> bool:
    """Whether it is of a plain type; what Grafana's reader has left unread is read here."""
    if issubclass(hint, enum.Enum):
        return value in {one.value for one in hint}
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    read = getattr(hint, "from_json", None)
    if read is not None and isinstance(value, dict):
        model = read(value)
        return not [*misfits(model, ""), *missing(value, json.loads(json.dumps(model, cls=JSONEncoder)))]
    return hint is object or isinstance(value, hint)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("title",), 7),
        (("refresh",), 30),
        (("panels", 1, "gridPos", "h"), "eight"),
        (("panels", 1, "fieldConfig", "defaults", "unit"), 5),
        (("panels", 1, "targets", 0, "expr"), 1),
        (("panels", 1, "options", "graphMode"), "no such mode"),
        (("panels", 1, "links", 0, "url"), 7),
    ],
)
def test_a_wrong_value_would_be_seen(path: tuple[str | int, ...], value: object) -> None:
    board = dashboard()
    part: Any = board
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    register_default_plugins()
    try:
        read = Dashboard.from_json(board)
    except (ValueError, TypeError, AttributeError):
        return
    assert list(misfits(read, ""))


def test_a_wrong_word_would_be_seen() -> None:
    board = dashboard()
    board["panels"][1]["fieldConfig"]["defaults"]["unitt"] = "s"
    register_default_plugins()
    told = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
    assert list(missing(board, told)) == ["/panels/1/fieldConfig/defaults/unitt"]


def test_every_query_is_one_for_prometheus_at_the_provisioned_source() -> None:
    source = {"type": "prometheus", "uid": "sheetal"}
    for panel in panels():
        assert panel["datasource"] == source
        assert all(target["datasource"] == source for target in panel["targets"])
    queries = [target for panel in parsed().panels if panel.type_val != "row" for target in panel.targets]
    assert queries
    assert all(isinstance(query, Dataquery) for query in queries)


def test_the_dashboard_is_laid_out_in_its_rows_without_overlap() -> None:
    every = dashboard()["panels"]
    assert [panel["title"] for panel in every if panel["type"] == "row"] == ROWS
    assert len({panel["id"] for panel in every}) == len(every)
    taken = [
        (column, line)
        for panel in every
        for column in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for line in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(column for column, _ in taken) < 24


def test_units_are_those_that_grafana_knows() -> None:
    known = {value for name, value in vars(units).items() if name.isupper() or isinstance(value, str)}
    assert {panel["fieldConfig"]["defaults"]["unit"] for panel in panels()} <= known


def test_every_panel_says_what_it_shows_and_states_have_thresholds() -> None:
    for panel in panels():
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0] == {"color": "green", "value": None}
    assert sum(len(panel["fieldConfig"]["defaults"]["thresholds"]["steps"]) > 1 for panel in panels()) >= 15


def test_every_name_that_is_asked_for_is_one_that_a_service_tells() -> None:
    known = labels_by_name()
    asked = list(expressions())
    assert len(asked) > 80
    unknown = [(one.place, name) for one in asked for name in sorted(one.metrics - set(known))]
    assert unknown == []
    assert all(one.metrics for one in asked if one.expression != "vector(0)")


def test_every_label_that_is_asked_for_is_one_that_the_metric_has() -> None:
    known = labels_by_name()
    wrong = [
        (one.place, sorted(labels))
        for one in expressions()
        if (labels := (one.matched | one.grouped) - set().union(*(known[name] for name in one.metrics)))
    ]
    assert wrong == []


def test_legends_name_only_labels_that_are_left() -> None:
    for panel in panels():
        for target in panel["targets"]:
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            asked = taken_apart("", target["expr"])
            left = asked.grouped or set().union(*(labels_by_name()[name] for name in asked.metrics))
            assert named <= left, panel["title"]


def test_every_metric_is_shown_somewhere() -> None:
    shown = {name for one in expressions() for name in one.metrics}
    told = {metric.name for metrics in SERVICES.values() for metric in metrics} | {metric.name for metric in COMMON}
    unseen = [name for name in sorted(told) if not any(one.startswith(name) for one in shown)]
    assert unseen == []


def test_names_are_found_in_an_expression() -> None:
    asked = taken_apart(
        "", 'sum by (job, le) (rate(a_bucket{x="or b", y!~"c"}[5m])) / on (job) group_left d or vector(0)'
    )
    assert (asked.metrics - {"group_left"}, asked.matched, asked.grouped) == (
        {"a_bucket", "d"},
        {"x", "y"},
        {"job", "le"},
    )


def test_the_rules_warn_of_what_they_must() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    assert set(names) >= MUST_WARN_OF
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}, rule["alert"]
        assert rule["labels"]["severity"] in {"page", "look"}


def test_the_gate_is_paged_for_when_it_shuts_and_told_of_before() -> None:
    found = {rule["alert"]: rule for rule in rules()}
    assert found["JudgedThroughTooOld"]["expr"].endswith("> 600")
    assert "for" not in found["JudgedThroughTooOld"]
    assert found["JudgedThroughFallsBehind"]["expr"].endswith("> 300")


def test_every_alert_has_its_entry_in_the_runbook_and_every_entry_its_alert() -> None:
    entries = re.findall(r"^#### (\w+)$", PAGE, flags=re.MULTILINE)
    assert entries == [rule["alert"] for rule in rules()]
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
        entry = PAGE.split(f"#### {rule['alert']}\n")[1].split("####")[0]
        assert "**Means**" in entry, rule["alert"]
        assert "**Do**" in entry, rule["alert"]


def test_links_of_the_dashboard_lead_to_entries_that_are_there() -> None:
    known = {f"/public/sheetal/operations.md#{rule['alert'].lower()}" for rule in rules()}
    linked = {link["url"] for panel in panels() for link in panel["links"]}
    assert linked <= known
    assert known - linked == set()


def test_the_table_of_metrics_is_the_codes_own() -> None:
    table = [
        f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels) or '–'} | {metric.help} |"
        for metric in dict.fromkeys((*COMMON, *(metric for metrics in SERVICES.values() for metric in metrics)))
    ]
    written = [line for line in PAGE.splitlines() if line.startswith("| `sheetal_")]
    assert written == table
