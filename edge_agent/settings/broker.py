"""How the broker is reached: TLS with verification unless it stands on this very machine or plaintext is asked for.

There is no setting that switches verification off. Only while this machine's clock is proved wrong are certificates'
dates not compared with it, since a gateway that lost its time gets it back over this very connection.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
import urllib.parse
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_agent.settings import certificate
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from pathlib import Path

FORBIDDEN_MODE = 0o077
MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}
SOFTWARE_MS = 1_767_225_600_000
"""2026-01-01: this software is no older."""
NO_CHECK_TIME = ssl.VerifyFlags(0x200000)
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h, which the ssl module does not name."""
_HOST = re.compile(r"[A-Za-z0-9_.:%-]{1,253}")
WARN_DAYS = 30
"""A certificate that ends within these days is told of at every connection."""


class BrokerSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of `[gateway]` that says how the broker is reached; paths are relative to the settings file."""

    broker_url: str
    plaintext: bool = False
    username: str | None = None
    password_file: str | None = None
    broker_ca_file: str | None = None
    certificate_file: str | None = None
    certificate_key_file: str | None = None


class Broker(NamedTuple):
    """Where MQTT goes, checked; `password` is a secret."""

    host: str
    port: int
    tls: bool
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    certificate_key_file: Path | None = None


class ClosingSocket(ssl.SSLSocket):
    """A socket that a failed handshake leaves closed, which the MQTT library does not see to."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the standard library's own signature
        """Raises OSError, and has closed itself then."""
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def broker_of(setting: BrokerSetting, folder: Path) -> Broker:
    """The broker of one settings file in `folder`; raises SettingProblem with one line that names the key."""
    host, port, tls = _address(setting)
    if bool(setting.certificate_file) != bool(setting.certificate_key_file):
        raise wrong("gateway.certificate_file", "goes together with certificate_key_file; one of the two is missing")
    password = None
    if setting.password_file:
        password = secret_text(folder / setting.password_file, "gateway.password_file")
    if setting.certificate_key_file:
        secret_text(folder / setting.certificate_key_file, "gateway.certificate_key_file")
    return Broker(
        host=host,
        port=port,
        tls=tls,
        username=setting.username,
        password=password,
        ca_file=_readable(setting.broker_ca_file, folder, "gateway.broker_ca_file"),
        certificate_file=_readable(setting.certificate_file, folder, "gateway.certificate_file"),
        certificate_key_file=folder / setting.certificate_key_file if setting.certificate_key_file else None,
    )


def tls_context(broker: Broker, now_ms: int) -> ssl.SSLContext:
    """TLS 1.2 or newer that proves the broker's name and authority; raises OSError for files that cannot be used.

    `now_ms` is this machine's wall clock, with which certificates' dates would be compared.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = ClosingSocket
    if is_clock_wrong(broker, now_ms):
        context.verify_flags |= NO_CHECK_TIME
    if broker.ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(broker.ca_file)
    if broker.certificate_file is not None:
        # A password is never asked for at a terminal where nobody sits.
        context.load_cert_chain(broker.certificate_file, broker.certificate_key_file, password=lambda: b"")
    return context


def is_clock_wrong(broker: Broker, now_ms: int) -> bool:
    """Whether this machine's clock contradicts the gateway's own certificate; without one, is older than the software.

    Outside its own certificate's time either the clock is wrong or the broker, by its own clock, lets nobody in.
    """
    life = None if broker.certificate_file is None else certificate.life_of(broker.certificate_file)
    if life is None:
        return now_ms < SOFTWARE_MS
    return not life.begins_at_ms <= now_ms < life.ends_at_ms


def ending_soon(broker: Broker, now_ms: int) -> str:
    """What to say of this gateway's own certificate when it has at most 30 days left, else nothing."""
    life = None if broker.certificate_file is None else certificate.life_of(broker.certificate_file)
    if life is None:
        return ""
    days = certificate.days_left(life.ends_at_ms, now_ms)
    if days > WARN_DAYS:
        return ""
    when = f"ends in {days} days" if days >= 0 else "has ended (or this machine's clock is wrong)"
    return f"this gateway's certificate {when}; enrol the gateway again"


def secret_text(path: Path, key: str) -> str:
    """What a secret's file holds; raises SettingProblem where others than its owner may read it."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise wrong(key, f"cannot read {path}") from error
    if mode & FORBIDDEN_MODE:
        raise wrong(key, f"others may read {path}; run: chmod 600 {path}")
    return text


def wrong(key: str, message: str) -> SettingProblem:
    """A problem with one key of the settings."""
    return SettingProblem(f"{key}: {message}", variable=key)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this very machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_host(host: str) -> bool:
    """Whether it is written as a host name or an address may be; anything else no look-up takes."""
    try:
        return _HOST.fullmatch(host.encode("idna").decode("ascii")) is not None
    except UnicodeError:
        return False


def split_url(text: str) -> tuple[urllib.parse.SplitResult, str, int | None] | None:
    """A URL with its host and its port, if it names one; None without a host, or where either cannot be."""
    try:
        url = urllib.parse.urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        return None
    return (url, host, port) if is_host(host) else None


def _address(setting: BrokerSetting) -> tuple[str, int, bool]:
    split = split_url(setting.broker_url)
    if split is None or split[0].scheme not in MQTT_PORTS or split[0].username or split[0].path.strip("/"):
        raise wrong("gateway.broker_url", "must be mqtts://host:port or mqtt://host:port, without name or password")
    url, host, port = split
    tls = url.scheme == "mqtts"
    if not (tls or setting.plaintext or is_loopback(host)):
        raise wrong("gateway.broker_url", "mqtt:// sends in the clear: use mqtts://, or set plaintext = true knowingly")
    if not tls and (setting.certificate_file or setting.broker_ca_file):
        raise wrong("gateway.broker_url", "certificates are only used with mqtts://")
    return host, port or MQTT_PORTS[url.scheme], tls


def _readable(name: str | None, folder: Path, key: str) -> Path | None:
    if not name:
        return None
    path = folder / name
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise wrong(key, f"cannot read {path}") from error
