"""One signed question to the portal: what did this sensor's readings amount to?"""

from __future__ import annotations

import hashlib
import hmac
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Final

import msgspec

from sheetal.contracts.problem import SettingProblem, Unavailable
from sheetal.thermal.report import ExposureReport

if TYPE_CHECKING:
    from edge_agent.settings.file import Settings

TIMEOUT_SECONDS: Final = 60.0
ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024
_decoder = msgspec.json.Decoder(ExposureReport)


def signature(key: bytes, path_with_query: str, at_ms: int) -> str:
    """The mac over method, path and instant: hex HMAC-SHA-256 under the gateway's enrolment key."""
    return hmac.new(key, f"GET\n{path_with_query}\n{at_ms}".encode(), hashlib.sha256).hexdigest()


def ask_exposure(settings: Settings, sensor: str, from_ms: int, until_ms: int, now_ms: int) -> ExposureReport:
    """The portal's report over [from_ms, until_ms).

    Raises Unavailable with the reason when there is none, and SettingProblem for an address that is not http(s).
    """
    base = (settings.portal_url or "").rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise SettingProblem(f"gateway.portal_url: {base!r} is not an http(s) address", variable="gateway.portal_url")
    path = f"/api/v1/sensors/{urllib.parse.quote(sensor, safe='')}/exposure?from_ms={from_ms}&until_ms={until_ms}"
    signed = urllib.parse.urlsplit(base).path + path
    headers = {
        "Accept": "application/json",
        "X-Sheetal-Gateway": settings.gateway,
        "X-Sheetal-At": str(now_ms),
        "X-Sheetal-Mac": signature(settings.key, signed, now_ms),
    }
    request = urllib.request.Request(base + path, headers=headers)  # noqa: S310 checked above
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 checked above
            return _decoder.decode(answer.read(ANSWER_BYTES_MAX))
    except urllib.error.HTTPError as error:
        with error:
            raise Unavailable(f"the portal answered {error.code} {error.reason}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise Unavailable(f"the portal at {base} did not answer: {reason}") from error
