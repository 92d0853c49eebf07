"""What an InfluxDB server says of itself, held against what the readings need of it.

1.x tells its settings to an administrator (`SHOW DIAGNOSTICS`), 2.x to an operator token (`/api/v2/config`), 3 to
nobody; what was not told is for a person to look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from sheetal.readings import influxql
from sheetal.readings.finding import Finding, look, problem, well
from sheetal.readings.influxdb_http import InfluxdbHttp
from sheetal.readings.retry import NO_ANSWER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sheetal.readings.address import Address
    from sheetal.readings.retry import Answer

ROWS_IN_AN_ANSWER_MIN = 10_000
HOURS_IN_A_SHARD_MIN = 24
_REFUSED = {401, 403}
_WHY_SYNC = "readings that were acknowledged are lost when the power fails"


def server_findings(address: Address, token: str | None) -> list[Finding]:
    """Whether the server answers, as what, and whether its settings are such that nothing acknowledged is lost."""
    http = InfluxdbHttp(address, token)
    try:
        greeting = _greeting(address, http.ask("GET", "/ping", {}))
        if greeting[0].next_step:
            return greeting
        match address.version:
            case 1:
                return [*greeting, *_v1_settings(http), *_v1_policies(http, address.place)]
            case 2:
                return [*greeting, *_v2_settings(http)]
        return [*greeting, *_v3_notes()]
    finally:
        http.close()


def _greeting(address: Address, answer: Answer) -> list[Finding]:
    host = urlsplit(address.origin).netloc
    if answer.status == NO_ANSWER:
        return [problem(f"nothing answers at {host}: {answer.message}", "start the server, or correct its address")]
    if answer.status in _REFUSED:
        return [problem(f"{host} refuses the secret ({answer.status})", "check SHEETAL_READINGS_TOKEN")]
    version = _version(answer)
    if not version:
        return [problem(f"what answers at {host} names no InfluxDB version", "check the address, and any proxy")]
    words = f"InfluxDB {version} answers at {host}"
    major = version.lstrip("v").partition(".")[0]
    if major.isdecimal() and int(major) != address.version:
        return [problem(f"{words}, not version {address.version}", f"begin the address with influxdb{major}+")]
    return [well(words)]


def _version(answer: Answer) -> str:
    """1.x and 2.x say it in a header, 3 in the body."""
    body = cast("Mapping[str, object]", answer.content) if isinstance(answer.content, dict) else {}
    return answer.headers.get("X-Influxdb-Version") or str(body.get("version") or "")


def _v1_settings(http: InfluxdbHttp) -> list[Finding]:
    answer = http.ask("GET", "/query", {"q": influxql.SHOW_DIAGNOSTICS})
    tables = {name: rows[0] for name, rows in influxql.tables_of(answer.content).items() if rows}
    if "config-data" not in tables:
        return [
            look(
                f"the account may not ask for the settings ({answer.status} {answer.message})".replace(" )", ")"),
                'see in influxdb.conf that [data] has wal-fsync-delay = "0s", max-values-per-tag = 0 and '
                "max-series-per-database = 0",
            )
        ]
    return [*v1_data_findings(tables["config-data"]), *v1_httpd_findings(tables.get("config-httpd", {}))]


def v1_data_findings(settings: Mapping[str, object]) -> list[Finding]:
    """What section [data] of a 1.x server does to readings."""
    delay = settings.get("wal-fsync-delay")
    findings = [
        well("every write is synced to disk before it is acknowledged (wal-fsync-delay 0s)")
        if delay == "0s"
        else problem(f"wal-fsync-delay is {delay}: {_WHY_SYNC}", 'set wal-fsync-delay = "0s" in [data] and restart')
    ]
    for name in ("max-values-per-tag", "max-series-per-database"):
        most = settings.get(name)
        findings.append(
            well(f"any number of sensors ({name} 0)")
            if most == 0
            else problem(f"{name} is {most}: sensors beyond are refused", f"set {name} = 0 in [data] and restart")
        )
    return findings


def v1_httpd_findings(settings: Mapping[str, object]) -> list[Finding]:
    """What section [http] of a 1.x server does to answers."""
    most = settings.get("max-row-limit", 0)
    if not isinstance(most, int) or most == 0 or most > ROWS_IN_AN_ANSWER_MIN:
        return []
    return [problem(f"max-row-limit is {most}: answers are cut", "set max-row-limit = 0 in [http] and restart")]


def _v1_policies(http: InfluxdbHttp, database: str) -> list[Finding]:
    answer = http.ask("GET", "/query", {"q": influxql.show_policies(database)})
    policies = [row for rows in influxql.tables_of(answer.content).values() for row in rows]
    if answer.is_success and not policies:
        return [well(f"the database {database} is not there yet; the first write makes it, kept for ever")]
    return policy_findings(database, policies) or [
        look(
            f"the retention of {database} cannot be asked ({answer.status} {answer.message})",
            f'see that SHOW RETENTION POLICIES ON "{database}" gives duration 0s',
        )
    ]


def policy_findings(database: str, policies: list[dict[str, object]]) -> list[Finding]:
    """What the default policy of a 1.x database does to late readings."""
    findings: list[Finding] = []
    for policy in policies:
        if policy.get("default") is not True:
            continue
        change = f'ALTER RETENTION POLICY "{policy.get("name")}" ON "{database}"'
        if policy.get("duration") == "0s":
            findings.append(well(f"{database} keeps readings for ever (policy {policy.get('name')})"))
        else:
            words = f"{database} drops readings after {policy.get('duration')} and refuses older ones"
            findings.append(problem(words, f"{change} DURATION INF"))
        if _hours(str(policy.get("shardGroupDuration"))) < HOURS_IN_A_SHARD_MIN:
            words = f"shards of {policy.get('shardGroupDuration')} are short: each is a folder with files of its own"
            findings.append(look(words, f"{change} SHARD DURATION 7d"))
    return findings


def _hours(duration: str) -> int:
    hours = duration.partition("h")[0]
    return int(hours) if "h" in duration and hours.isdecimal() else HOURS_IN_A_SHARD_MIN


def _v2_settings(http: InfluxdbHttp) -> list[Finding]:
    answer = http.ask("GET", "/api/v2/config", {})
    body = cast("dict[str, object]", answer.content) if isinstance(answer.content, dict) else {}
    config = body.get("config")
    delay = config.get("storage-wal-fsync-delay") if isinstance(config, dict) else None
    if delay is None:
        return [
            look(
                "only an operator token may ask a 2.x server whether it syncs",
                "see that `influxd print-config --key-name storage-wal-fsync-delay` says 0s, as it does by default",
            )
        ]
    if delay in (0, "0s"):
        return [well("every write is synced to disk before it is acknowledged (storage-wal-fsync-delay 0s)")]
    return [problem(f"storage-wal-fsync-delay is {delay}: {_WHY_SYNC}", "set it to 0s and restart")]


def _v3_notes() -> list[Finding]:
    return [
        look(
            "3 acknowledges when its log is in the object store", "see that the store is one that survives the machine"
        ),
        look("3 Core answers only about the last days (432 files)", "use Enterprise for charts of a month"),
    ]
