"""The InfluxDB adapter: line protocol in, InfluxQL out, over influxdb-client's low-level call.

Only the client's connection pool, TLS and authentication are used. Its batching writer drops data silently and its
own retries do not cover writes, so `sheetal.readings.retry` does that work. Nothing connects before the first call.
"""

from __future__ import annotations

import json
from threading import Event
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import urlsplit

import msgspec
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from sheetal.contracts.problem import Rejected, Unavailable
from sheetal.readings import influxql
from sheetal.readings.line_protocol import lines_of
from sheetal.readings.port import Bucket, Capabilities, Health, WriteResult, check_bucket_width, clamp_span, sift
from sheetal.readings.retry import NO_ANSWER, Answer, Retry, retry_after_seconds, rows_refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sheetal.contracts.reading import Reading

LINES_PER_BODY_MAX = 5_000
"""About 400 kB: far below the 25 MB at which a 1.x server breaks the connection."""

ROWS_PER_PAGE_MAX = 10_000
SENSORS_PER_QUERY_MAX = 20
CONNECT_MS_MAX = 2_000
ANSWER_MS_MAX = 10_000
PERMISSION_RETRY_SECONDS = 60.0
REASON_CHARACTERS_MAX = 200

_DATABASE_MISSING = "database not found"
_NOT_FOUND = 404
_FORBIDDEN = {401, 403}


class Address(NamedTuple):
    """Where one server takes and gives readings; `database_to_create` only where we may make it ourselves."""

    origin: str
    write_path: str
    write_query: dict[str, str]
    read_query: dict[str, str]
    database_to_create: str | None
    next_step_when_missing: str


def v1_address(origin: str, database: str) -> Address:
    """InfluxDB 1.x: the database is made when it is missing."""
    return Address(
        origin,
        "/write",
        {"db": database, "precision": "ms"},
        {"db": database, "epoch": "ms"},
        database,
        f"create the database {database}, or let the account create it",
    )


def v2_address(origin: str, organisation: str, bucket: str) -> Address:
    """InfluxDB 2.x: the bucket exists; reads need its mapping to the database (and policy) of the same name."""
    database, _, policy = bucket.partition("/")
    return Address(
        origin,
        "/api/v2/write",
        {"org": organisation, "bucket": bucket, "precision": "ms"},
        {"db": database, **({"rp": policy} if policy else {}), "epoch": "ms"},
        None,
        f"create the bucket {bucket} in the organisation {organisation} and map it to the database {database} "
        "(influx v1 dbrp create)",
    )


class InfluxdbReadings:
    """A readings store on an InfluxDB server; under one key the last sample written stays."""

    def __init__(self, address: Address, token: str | None = None) -> None:
        self._address = address
        self._closing = Event()
        self._retry = Retry(self._closing.wait)
        self.capabilities = Capabilities(
            durable_on_ack=True,
            rows_per_request_max=LINES_PER_BODY_MAX,
            supports_delete=address.database_to_create is not None,
            partial_batch_possible=True,
        )
        self._client = InfluxDBClient(
            url=address.origin,
            token=token or "",
            org=address.write_query.get("org", ""),
            auth_basic=address.database_to_create is not None and token is not None,
        )
        # The client carries no types; this is the one call that is made.
        self._call = cast("Callable[..., tuple[object, int, object]]", self._client.api_client.call_api)

    def write(self, batch: Sequence[Reading]) -> WriteResult:
        """Send the batch in bodies of at most 5,000 lines; see the port."""
        indexes, rejected = sift(batch)
        lines = lines_of(batch[index] for index in indexes)
        for start in range(0, len(lines), LINES_PER_BODY_MAX):
            refused = rows_refused(lines[start : start + LINES_PER_BODY_MAX], self._send)
            rejected += [(indexes[start + row], reason) for row, reason in refused]
        return WriteResult(len(batch) - len(rejected), sorted(rejected))

    def read(
        self, sensor: str, start_ms: int, end_ms: int, *, limit: int | None = None, after_ms: int | None = None
    ) -> list[Reading]:
        """The samples of one sensor in time order, fetched page by page; see the port."""
        first_ms, until_ms = clamp_span(start_ms, end_ms, after_ms)
        found: list[Reading] = []
        while first_ms < until_ms and (limit is None or len(found) < limit):
            wanted = ROWS_PER_PAGE_MAX if limit is None else min(limit - len(found), ROWS_PER_PAGE_MAX)
            result = self._query(influxql.select_rows(first_ms, until_ms, wanted), [sensor])
            page = influxql.readings_of(sensor, result)
            found += page
            if len(page) < wanted:
                break
            first_ms = page[-1].measured_at_ms + 1
        return found

    def downsample(
        self, sensors: Sequence[str], start_ms: int, end_ms: int, every_ms: int, *, origin_ms: int = 0
    ) -> dict[str, list[Bucket]]:
        """Buckets computed by the server, a few sensors at a time; see the port."""
        check_bucket_width(every_ms)
        first_ms, until_ms = clamp_span(start_ms, end_ms)
        found: dict[str, list[Bucket]] = {sensor: [] for sensor in sensors}
        names = list(found) if first_ms < until_ms else []
        for start in range(0, len(names), SENSORS_PER_QUERY_MAX):
            some = names[start : start + SENSORS_PER_QUERY_MAX]
            statement = influxql.select_buckets(len(some), first_ms, until_ms, every_ms, origin_ms)
            found |= influxql.buckets_of(self._query(statement, some))
        return found

    def count(self, sensor: str, start_ms: int, end_ms: int) -> int:
        """How many samples the range holds; see the port."""
        first_ms, until_ms = clamp_span(start_ms, end_ms)
        if first_ms >= until_ms:
            return 0
        return influxql.count_of(self._query(influxql.select_count(first_ms, until_ms), [sensor]))

    def expire(self, before_ms: int) -> int:
        """Delete older samples on 1.x; on 2.x the bucket's own retention does it and this is 0. See the port."""
        _, until_ms = clamp_span(0, before_ms)
        if not self.capabilities.supports_delete:
            return 0
        gone = influxql.count_of(self._query(influxql.select_count_before(until_ms)))
        self._query(influxql.delete_before(until_ms), method="POST")
        return gone

    def health(self) -> Health:
        """One cheap read, tried once; see the port."""
        answer = self._ask(
            "GET", "/query", self._address.read_query | {"q": influxql.select_count(1, 2), **_bind([""])}
        )
        host = urlsplit(self._address.origin).netloc
        return Health(ok=answer.is_success, detail=f"InfluxDB at {host}{answer.message and f': {answer.message}'}")

    def close(self) -> None:
        """Let go of the connections; a call that waits for its next attempt gives up. See the port."""
        if not self._closing.is_set():
            self._closing.set()
            # The last response holds on to its pool, and a pool closes its connections when nobody holds it.
            self._client.api_client.last_response = None
            self._client.close()  # type: ignore[no-untyped-call]  # the client carries no types

    def _send(self, lines: Sequence[bytes]) -> Answer:
        body = b"\n".join(lines)
        query = self._address.write_query
        answer = self._settled("POST", self._address.write_path, query, body)
        if answer.status == _NOT_FOUND and self._create_database():
            answer = self._settled("POST", self._address.write_path, query, body)
        if not (answer.is_success or answer.refuses_rows):
            raise self._problem(answer)
        return answer

    def _query(self, statement: str, sensors: Sequence[str] = (), method: str = "GET") -> influxql.Result:
        query = self._address.read_query | {"q": statement, **_bind(sensors)}
        result = self._result(self._settled(method, "/query", query))
        if result.error.startswith(_DATABASE_MISSING) and self._create_database():
            result = self._result(self._settled(method, "/query", query))
        if result.error.startswith(_DATABASE_MISSING):
            raise self._problem(Answer(_NOT_FOUND, result.error))
        if result.error:
            raise Unavailable(f"the readings server could not answer: {result.error}", retry_after_seconds=5.0)
        return result

    def _result(self, answer: Answer) -> influxql.Result:
        if not answer.is_success:
            raise self._problem(answer)
        try:
            return influxql.parse_answer(answer.content)
        except msgspec.ValidationError as error:
            raise Unavailable(
                f"what answers at {self._address.origin} is no InfluxDB: {error}",
                next_step="check the address in SHEETAL_READINGS_URL",
                retry_after_seconds=PERMISSION_RETRY_SECONDS,
            ) from error

    def _create_database(self) -> bool:
        """Make the missing database where that is ours to do; raises as `write` does."""
        name = self._address.database_to_create
        if name is None:
            return False
        self._result(self._settled("POST", "/query", {"q": influxql.create_database(name)}))
        return True

    def _problem(self, answer: Answer) -> Unavailable | Rejected:
        """What no retry here can mend. A wrong secret or a missing place can be put right outside, so rows wait."""
        if answer.status in _FORBIDDEN:
            next_step = "check SHEETAL_READINGS_TOKEN and what it permits"
        elif answer.status == _NOT_FOUND:
            next_step = self._address.next_step_when_missing
        else:
            message = f"the readings server refused the request ({answer.status}): {answer.message}"
            return Rejected(message, next_step="report this with the server's version", status=answer.status)
        return Unavailable(
            f"the readings server refused ({answer.status}): {answer.message}",
            next_step=next_step,
            retry_after_seconds=PERMISSION_RETRY_SECONDS,
            status=answer.status,
        )

    def _settled(self, method: str, path: str, query: Mapping[str, str], body: bytes = b"") -> Answer:
        return self._retry.until_settled(lambda: self._ask(method, path, query, body))

    def _ask(self, method: str, path: str, query: Mapping[str, str], body: bytes = b"") -> Answer:
        """One request; every way in which it can end becomes an answer."""
        if self._closing.is_set():
            return Answer(NO_ANSWER, "the store was closed")
        try:
            content, status, _ = self._call(
                path,
                method,
                query_params=dict(query),
                header_params={"Content-Type": "text/plain; charset=utf-8", "Accept": "application/json"},
                body=body,
                response_type="object",
                _request_timeout=(CONNECT_MS_MAX, ANSWER_MS_MAX),
            )
        except ApiException as error:
            headers: Mapping[str, str] = error.headers or {}
            after = retry_after_seconds(headers.get("Retry-After"))
            return Answer(error.status or NO_ANSWER, _words(error.body or error.reason), after)
        except (HTTPError, OSError, UnicodeDecodeError) as error:
            return Answer(NO_ANSWER, type(error).__name__)
        return Answer(status, content=content)


def _bind(sensors: Sequence[str]) -> dict[str, str]:
    return {"params": json.dumps(influxql.bound(sensors))} if sensors else {}


def _words(body: object) -> str:
    """What a server's error body says, bounded: 1.x says `error`, 2.x says `message`."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        text = str(parsed.get("error") or parsed.get("message") or text)
    return " ".join(text.split())[:REASON_CHARACTERS_MAX]
