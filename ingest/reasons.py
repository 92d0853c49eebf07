"""Why ingest refuses: the words of the dead letter and of a refused range."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Each refusal's one word; the first group refuses a whole message, the second single rows of it."""

    TOO_BIG = "too_big"
    BAD_TOPIC = "bad_topic"
    BAD_JSON = "bad_json"
    WRONG_VERSION = "wrong_version"
    FOREIGN_GATEWAY = "foreign_gateway"
    UNKNOWN_GATEWAY = "unknown_gateway"
    WRONG_MAC = "wrong_mac"
    BAD_BODY = "bad_body"
    UNPROCESSABLE = "unprocessable"

    FOREIGN_SENSOR = "foreign_sensor"
    IMPLAUSIBLE = "implausible"
    FUTURE_STAMP = "future_stamp"
    STORE_REFUSED = "store_refused"
    CONTRADICTING = "contradicting"
