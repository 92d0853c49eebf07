"""The demo's Mosquitto: loopback only, a password for each user, and the access rules that production uses too."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ACCESS = Path(__file__).resolve().parents[1] / "deploy" / "mosquitto" / "access"
PASSWORD_BYTES = 24
HASH_SECONDS_MAX = 30.0


class Programs(NamedTuple):
    """Where Mosquitto and its password tool are."""

    broker: str
    hasher: str


def find() -> Programs | None:
    """The programs on PATH (Debian keeps the broker in /usr/sbin); None unless both are there."""
    broker = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    hasher = shutil.which("mosquitto_passwd")
    return Programs(broker, hasher) if broker and hasher else None


def make_passwords(users: Sequence[str]) -> dict[str, str]:
    """A random password for each user."""
    return {user: secrets.token_urlsafe(PASSWORD_BYTES) for user in users}


def by_certificate(port: int, folder: Path) -> str:
    """A second listener for gateways that were taken in at the portal, as production has it.

    The folder holds the authority, its list of revoked and the broker's own certificate before the broker starts.
    """
    return (
        f"\nlistener {port} 127.0.0.1\n"
        f"certfile {folder / 'server.crt'}\n"
        f"keyfile {folder / 'server.key'}\n"
        f"cafile {folder / 'ca.pem'}\n"
        f"crlfile {folder / 'gateways.crl'}\n"
        "require_certificate true\n"
        "use_identity_as_username true\n"
        "use_username_as_clientid true\n"
    )


def write_settings(programs: Programs, folder: Path, port: int, passwords: Mapping[str, str], more: str = "") -> Path:
    """The broker's settings file and, beside it, its users with hashed passwords; `more` is written at its end."""
    folder.mkdir(parents=True, exist_ok=True)
    known = folder / "passwords"
    known.touch(mode=0o600)
    known.write_text("".join(f"{user}:{password}\n" for user, password in passwords.items()))
    # It hashes a file of plain passwords in place, so that none is ever seen on a command line.
    subprocess.run([programs.hasher, "-U", str(known)], check=True, capture_output=True, timeout=HASH_SECONDS_MAX)
    settings = folder / "mosquitto.conf"
    settings.write_text(
        f"listener {port} 127.0.0.1\n"
        # Started by root, Mosquitto would become another user, who may not read the demo's folder.
        f"{'user root' if os.geteuid() == 0 else '# as the user who started it'}\n"
        "allow_anonymous false\n"
        f"password_file {known}\n"
        f"acl_file {ACCESS}\n"
        "persistence false\n"
        "set_tcp_nodelay true\n"
        "max_inflight_messages 1000\n"
        "max_queued_messages 100000\n" + more
    )
    return settings
