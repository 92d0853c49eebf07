"""One HTTP request to an InfluxDB server through influxdb-client's low-level call; every end of it is an `Answer`.

Only the client's connection pool, TLS and authentication are used. Its batching writer drops data silently and its
own retries do not cover writes. Nothing connects before the first request.
"""

from __future__ import annotations

import json
import re
from threading import Event
from typing import TYPE_CHECKING, TypeAlias, cast

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from sheetal.readings.retry import NO_ANSWER, Answer, retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sheetal.readings.address import Address

Body: TypeAlias = "bytes | dict[str, str]"

CONNECT_MS_MAX = 2_000
ANSWER_MS_MAX = 10_000
REASON_CHARACTERS_MAX = 200

_LINES = "text/plain; charset=utf-8"
_JSON = "application/json"
_DROPPED = re.compile(r"\bdropped=(\d+)$")
"""How 1.x and 2.x end their words when they stored the other points of a body."""


class InfluxdbHttp:
    """A server's address and secret with a pool of connections; may be used from several threads at once."""

    def __init__(self, address: Address, token: str | None) -> None:
        self.closing = Event()
        self._client = InfluxDBClient(
            url=address.origin,
            token=token or "",
            org=address.write_query.get("org", ""),
            auth_basic=address.takes_passwords and token is not None,
        )
        # The client carries no types; this is the one call that is made.
        self._call = cast("Callable[..., tuple[object, int, object]]", self._client.api_client.call_api)

    def ask(self, method: str, path: str, query: Mapping[str, str], body: Body = b"") -> Answer:
        """Sends one request, once; a dictionary goes as JSON. Never raises."""
        if self.closing.is_set():
            return Answer(NO_ANSWER, "the store was closed")
        try:
            content, status, headers = self._call(
                path,
                method,
                query_params=dict(query),
                header_params={
                    "Content-Type": _LINES if isinstance(body, bytes) else _JSON,
                    "Accept": "application/json",
                },
                body=body,
                response_type="object",
                _request_timeout=(CONNECT_MS_MAX, ANSWER_MS_MAX),
            )
        except ApiException as error:
            found: Mapping[str, str] = error.headers or {}
            after = retry_after_seconds(found.get("Retry-After"))
            words, is_foreign = _words(error.body or error.reason)
            dropped = _DROPPED.search(words)
            return Answer(
                error.status or NO_ANSWER,
                words,
                after,
                rows_dropped=int(dropped[1]) if dropped else None,
                is_foreign=is_foreign,
            )
        except (HTTPError, OSError, UnicodeDecodeError) as error:
            return Answer(NO_ANSWER, type(error).__name__)
        return Answer(status, content=content, headers=cast("Mapping[str, str]", headers))

    def close(self) -> None:
        """Lets go of the connections; later requests are not sent."""
        if not self.closing.is_set():
            self.closing.set()
            # The last response holds on to its pool, and a pool closes its connections when nobody holds it.
            self._client.api_client.last_response = None
            self._client.close()  # type: ignore[no-untyped-call]  # the client carries no types


def _words(body: object) -> tuple[str, bool]:
    """What an error body says, bounded, and whether it lacks the server's form: 1.x `error`, 2.x `message`."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    own = (parsed.get("error") or parsed.get("message")) if isinstance(parsed, dict) else None
    return " ".join(str(own or text).split())[:REASON_CHARACTERS_MAX], own is None
