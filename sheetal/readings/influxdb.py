"""The InfluxDB adapter: line protocol in, InfluxQL out; 1.x, 2.x and 3 by their address.

Requests are bounded in lines, names and rows, tried again by `sheetal.readings.retry`, and never half believed: what is
not acknowledged in full is Unavailable, and sending it again is safe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import msgspec

from sheetal.contracts.problem import Rejected, Unavailable
from sheetal.readings import influxql
from sheetal.readings.grouping import common_range, name_groups, span_groups, within
from sheetal.readings.influxdb_http import InfluxdbHttp
from sheetal.readings.line_protocol import MEASUREMENT, body_of
from sheetal.readings.port import Bucket, Capabilities, Health, WriteResult, check_bucket_width, clamp_span
from sheetal.readings.retry import TOO_LARGE, Answer, Retry, rows_refused
from sheetal.readings.sift import is_sensor_name, sift

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sheetal.contracts.reading import Reading
    from sheetal.readings.address import Address
    from sheetal.readings.grouping import Span
    from sheetal.readings.influxdb_http import Body

Found = TypeVar("Found")

LINES_PER_BODY_MAX = 5_000
"""About 400 kB: far below the 25 MB at which a 1.x server breaks the connection."""

ROWS_PER_PAGE_MAX = 10_000
PERMISSION_RETRY_SECONDS = 60.0

_DATABASE_MISSING = "database not found"
_WRITTEN = 204
_BAD_REQUEST = 400
_NOT_FOUND = 404
_FORBIDDEN = {401, 403}


class InfluxdbReadings:
    """A readings store on an InfluxDB server; under one key the last sample written stays."""

    def __init__(self, address: Address, token: str | None = None) -> None:
        self._address = address
        self._http = InfluxdbHttp(address, token)
        self._retry = Retry(self._http.closing.wait)
        self.capabilities = Capabilities(
            durable_on_ack=True,
            rows_per_request_max=LINES_PER_BODY_MAX,
            supports_delete=address.supports_delete,
            partial_batch_possible=True,
            reads_are_durable=False,
        )

    def write(self, batch: Sequence[Reading]) -> WriteResult:
        """Send the batch in bodies of at most 5,000 lines; see the port."""
        good, indexes, rejected = sift(batch)
        for start in range(0, len(good), LINES_PER_BODY_MAX):
            refused = rows_refused(good[start : start + LINES_PER_BODY_MAX], self._send)
            rejected += [(indexes[start + row], reason) for row, reason in refused]
        return WriteResult(len(batch) - len(rejected), sorted(rejected))

    def read(
        self, sensor: str, start_ms: int, end_ms: int, *, limit: int | None = None, after_ms: int | None = None
    ) -> list[Reading]:
        """The samples of one sensor in time order, fetched page by page; see the port."""
        first_ms, until_ms = clamp_span(start_ms, end_ms, after_ms)
        found: list[Reading] = []
        while is_sensor_name(sensor) and first_ms < until_ms and (limit is None or len(found) < limit):
            wanted = ROWS_PER_PAGE_MAX if limit is None else min(limit - len(found), ROWS_PER_PAGE_MAX)
            page = self._query(influxql.select_rows([sensor], first_ms, until_ms, wanted), influxql.readings_of)
            found += page
            if len(page) < wanted:
                break
            first_ms = page[-1].measured_at_ms + 1
        return found

    def read_many(self, spans: Sequence[Span]) -> list[Reading]:
        """The samples of many spans; those close in time come together, see the port."""
        clamped = [(sensor, *clamp_span(start, end)) for sensor, start, end in spans if is_sensor_name(sensor)]
        groups = span_groups(span for span in clamped if span[1] < span[2])
        return [reading for group in groups for reading in self._read_group(group)]

    def newest_ms(self, sensors: Sequence[str], start_ms: int, end_ms: int) -> dict[str, int]:
        """The newest instant of each sensor in the range, some sensors at a time; see the port."""
        first_ms, until_ms = clamp_span(start_ms, end_ms)
        found: dict[str, int] = {}
        for names in name_groups(filter(is_sensor_name, sensors)) if first_ms < until_ms else ():
            found |= self._query(influxql.select_newest(names, first_ms, until_ms), influxql.newest_of)
        return found

    def downsample(
        self, sensors: Sequence[str], start_ms: int, end_ms: int, every_ms: int, *, origin_ms: int = 0
    ) -> dict[str, list[Bucket]]:
        """Buckets computed by the server, some sensors at a time; see the port."""
        check_bucket_width(every_ms)
        first_ms, until_ms = clamp_span(start_ms, end_ms)
        found: dict[str, list[Bucket]] = {sensor: [] for sensor in sensors}
        for names in name_groups(filter(is_sensor_name, found)) if first_ms < until_ms else ():
            statement = influxql.select_buckets(names, first_ms, until_ms, every_ms, origin_ms)
            found |= self._query(statement, influxql.buckets_of)
        return found

    def count(self, sensor: str, start_ms: int, end_ms: int) -> int:
        """How many samples the range holds; see the port."""
        first_ms, until_ms = clamp_span(start_ms, end_ms)
        if first_ms >= until_ms or not is_sensor_name(sensor):
            return 0
        return self._query(influxql.select_count(sensor, first_ms, until_ms), influxql.count_of)

    def expire(self, before_ms: int) -> int:
        """Delete older samples; 3 cannot, there the database's own retention does it and this is 0. See the port."""
        _, until_ms = clamp_span(0, before_ms)
        if not self.capabilities.supports_delete:
            return 0
        gone = self._query(influxql.select_count_before(until_ms), influxql.count_of)
        if gone and self._address.version == 1:
            self._query(influxql.delete_before(until_ms), influxql.nothing_of, method="POST")
        elif gone:
            self._delete(until_ms)
        return gone

    def health(self) -> Health:
        """One cheap read, tried once; see the port."""
        answer = self._http.ask("GET", "/query", self._address.read_query | {"q": influxql.select_count("-", 1, 2)})
        host = urlsplit(self._address.origin).netloc
        return Health(ok=answer.is_success, detail=f"InfluxDB at {host}{answer.message and f': {answer.message}'}")

    def close(self) -> None:
        """Let go of the connections; a call that waits for its next attempt gives up. See the port."""
        self._http.close()

    def _read_group(self, spans: list[Span]) -> list[Reading]:
        """The spans by one statement over their common range; one by one where that range holds too much."""
        if len(spans) == 1:
            return self.read(*spans[0])
        names = list(dict.fromkeys(sensor for sensor, _, _ in spans))
        statement = influxql.select_rows(names, *common_range(spans), ROWS_PER_PAGE_MAX)
        found = self._query(statement, influxql.readings_of)
        if len(found) == ROWS_PER_PAGE_MAX:
            return [reading for span in spans for reading in self.read(*span)]
        return within(found, spans)

    def _send(self, readings: Sequence[Reading]) -> Answer:
        """One body; only the server's own 204 says that it is durable."""
        body = body_of(readings)
        query = self._address.write_query
        answer = self._settled("POST", self._address.write_path, query, body)
        if answer.status == _NOT_FOUND and self._create_database():
            answer = self._settled("POST", self._address.write_path, query, body)
        if answer.is_success and answer.status != _WRITTEN:
            raise self._stranger(f"it answered a write with {answer.status}")
        if answer.status == TOO_LARGE and len(readings) == 1:
            raise self._problem(answer)
        if not (answer.is_success or answer.refuses_rows):
            raise self._problem(answer)
        return answer

    def _delete(self, before_ms: int) -> None:
        """The request of 2.x; it takes the last instant as included, and keeps one that it takes as excluded."""
        place = {name: self._address.write_query[name] for name in ("org", "bucket")}
        body = {
            "start": influxql.rfc3339(0),
            "stop": influxql.rfc3339(before_ms - 1),
            "predicate": f'_measurement="{MEASUREMENT}"',
        }
        answer = self._settled("POST", "/api/v2/delete", place, body)
        if answer.status != _WRITTEN:
            raise self._stranger(f"it answered with {answer.status}") if answer.is_success else self._problem(answer)

    def _query(self, statement: str, take: Callable[[influxql.Result], Found], method: str = "GET") -> Found:
        """What `take` finds in the answer to one statement."""
        query = self._address.read_query | {"q": statement}
        answer = self._settled(method, "/query", query)
        result = self._taken(answer, influxql.parse_answer)
        if result.error.startswith(_DATABASE_MISSING) and self._create_database():
            answer = self._settled(method, "/query", query)
            result = self._taken(answer, influxql.parse_answer)
        if result.error.startswith(_DATABASE_MISSING):
            raise self._problem(Answer(_NOT_FOUND, result.error))
        if result.error:
            raise Unavailable(f"the readings server could not answer: {result.error}", retry_after_seconds=5.0)
        return self._taken(answer, lambda _: take(result))

    def _taken(self, answer: Answer, take: Callable[[object], Found]) -> Found:
        if not answer.is_success:
            raise self._problem(answer)
        try:
            return take(answer.content)
        except (msgspec.ValidationError, ValueError, IndexError) as error:
            raise self._stranger(str(error)) from error

    def _stranger(self, sign: str) -> Unavailable:
        return Unavailable(
            f"what answers at {self._address.origin} is no InfluxDB: {sign}",
            next_step="check the address in SHEETAL_READINGS_URL, and any proxy before the server",
            retry_after_seconds=PERMISSION_RETRY_SECONDS,
        )

    def _create_database(self) -> bool:
        """Make the missing database where that is ours to do; raises as `write` does."""
        name = self._address.database_to_create
        if name is None:
            return False
        self._taken(self._settled("POST", "/query", {"q": influxql.create_database(name)}), influxql.parse_answer)
        return True

    def _problem(self, answer: Answer) -> Unavailable | Rejected:
        """What no retry here can mend. A wrong secret or a missing place can be put right outside, so rows wait."""
        if answer.status in _FORBIDDEN:
            next_step = "check SHEETAL_READINGS_TOKEN and what it permits"
        elif answer.status == _NOT_FOUND:
            next_step = self._address.next_step_when_missing
        elif answer.status == TOO_LARGE:
            next_step = "let the server, and any proxy before it, take bodies of 1 MB (max-body-size)"
        elif answer.is_foreign and answer.status == _BAD_REQUEST:
            next_step = "look at the proxy before the server: these words are not InfluxDB's"
        else:
            message = f"the readings server refused the request ({answer.status}): {answer.message}"
            return Rejected(message, next_step="report this with the server's version", status=answer.status)
        return Unavailable(
            f"the readings server refused ({answer.status}): {answer.message}",
            next_step=next_step,
            retry_after_seconds=PERMISSION_RETRY_SECONDS,
            status=answer.status,
        )

    def _settled(self, method: str, path: str, query: Mapping[str, str], body: Body = b"") -> Answer:
        return self._retry.until_settled(lambda: self._http.ask(method, path, query, body))
