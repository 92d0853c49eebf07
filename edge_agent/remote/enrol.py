"""`python -m edge_agent enrol`: a code from the portal against a certificate and a sealing key, once.

Whatever breaks it off, the key stays and the same command can be given again; nothing half is left behind.
"""

from __future__ import annotations

import argparse
import http.client
import ssl
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

import msgspec

from edge_agent.remote.identity import Files, check_answer, keep_answer, request_for
from edge_agent.settings.broker import is_loopback, split_url
from sheetal.contracts.enrolment import Enrolment, EnrolmentRequest
from sheetal.contracts.problem import Problem, Refused, SettingProblem, Unavailable
from sheetal.contracts.seal import UNREADABLE
from sheetal.contracts.topics import IDENTIFIER

if TYPE_CHECKING:
    from collections.abc import Sequence

PATH = "/api/v1/gateways/enrol"
TIMEOUT_SECONDS = 20.0
ANSWER_BYTES_MAX = 64 * 1024
CODE_SIGNS_MAX = 64
DETAIL_LENGTH_MAX = 200
MOVED = 301
_CLOCK_CODES = {9, 10}
"""OpenSSL's "not yet valid" and "has expired"."""
_SAID = {
    403: "the code is not taken: it is mistyped, used, expired or tried too often; ask for a new one in the portal",
    404: "the portal does not know how to enrol gateways: is --portal its address?",
    MOVED: "the portal leads elsewhere: give --portal the address that it leads to, as a browser shows it",
    413: "the portal finds the request too large: is --portal its address?",
    429: "the portal has seen too many tries: wait some minutes and give the same command again",
}


class Portal(NamedTuple):
    """Where the portal is; `ca_file` where the system does not know who signed its certificate."""

    scheme: str
    host: str
    port: int
    path: str
    ca_file: Path | None

    @property
    def url(self) -> str:
        """Its address as the settings file wants it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def main(arguments: Sequence[str], answers: TextIO = sys.stdin, out: TextIO = sys.stdout) -> int:
    """The command line: 0 enrolled, 1 not now, 2 for something wrong here; each in one line."""
    parser = argparse.ArgumentParser(prog="python -m edge_agent enrol", description="Takes this gateway in.")
    parser.add_argument("--portal", required=True, metavar="URL", help="https://… of the portal")
    parser.add_argument("--gateway", required=True, metavar="ID", help="the id that the code was issued for")
    parser.add_argument("--folder", type=Path, default=Path("/etc/sheetal"), help="where its files go")
    parser.add_argument("--ca-file", type=Path, help="who signed the portal's certificate, where the system knows not")
    asked = parser.parse_args(arguments)
    try:
        portal = portal_of(asked.portal, asked.ca_file)
        files = _files(asked.folder.resolve(), asked.gateway)
        out.write(f"{enrol(portal, files, _code(answers, out))}\n")
    except SettingProblem as problem:
        sys.stderr.write(f"{problem.message}\n")
        return 2
    except Problem as problem:
        sys.stderr.write(f"{problem.message}\n")
        return 1
    return 0


def enrol(portal: Portal, files: Files, code: str) -> str:
    """Takes the gateway in; gives the sentence that says what to do next.

    Raises SettingProblem, Refused (the portal says no) and Unavailable (the same again later).
    """
    try:
        files.folder.mkdir(parents=True, exist_ok=True)
        csr_pem = request_for(files)
        answer = ask(portal, EnrolmentRequest(gateway=files.gateway, code=code, csr_pem=csr_pem))
        check_answer(files, csr_pem, answer)
        made = keep_answer(files, answer, portal.url)
    except ImportError as error:
        raise SettingProblem("enrolment needs the package cryptography: install sheetal[edge]", variable="") from error
    except OSError as error:
        raise SettingProblem(f"{error.filename or files.folder}: {error.strerror}", variable="--folder") from error
    if made:
        return f"enrolled; add its sources to {files.settings} (or from the portal), then try: check --config"
    return f"enrolled; the files are renewed, {files.settings} stays as it was: restart the gateway"


def portal_of(url: str, ca_file: Path | None) -> Portal:
    """The portal's address, checked; raises SettingProblem for one that is not encrypted and not of this machine."""
    split = split_url(url)
    if split is None or split[0].scheme not in {"https", "http"} or split[0].username or split[0].query:
        raise SettingProblem("--portal: must be https://host or https://host:port", variable="--portal")
    parts, host, port = split
    if parts.scheme == "http" and not is_loopback(host):
        raise SettingProblem(
            "--portal: http:// would tell the code and the key to others: use https://", variable="--portal"
        )
    port = port or (443 if parts.scheme == "https" else 80)
    return Portal(parts.scheme, host, port, parts.path.rstrip("/"), ca_file)


def ask(portal: Portal, request: EnrolmentRequest) -> Enrolment:
    """One question to the portal. Raises Refused, Unavailable, and SettingProblem for a `ca_file` without use."""
    connection = _connection(portal)
    try:
        body = msgspec.json.encode(request)
        connection.request("POST", portal.path + PATH, body, {"Content-Type": "application/json"})
        with connection.getresponse() as response:
            status, answer = response.status, response.read(ANSWER_BYTES_MAX)
    except ssl.SSLCertVerificationError as error:
        raise Unavailable(_untrusted(error)) from error
    except (OSError, http.client.HTTPException) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise Unavailable(
            f"the portal does not answer ({said}): nothing is lost, give the same command again"
        ) from error
    finally:
        connection.close()
    if status // 100 != 2:  # noqa: PLR2004 - any success
        raise _refusal(status, answer)
    try:
        return msgspec.json.decode(answer, type=Enrolment)
    except UNREADABLE as error:
        raise Refused("what answers is not the portal: is --portal its address?", reason="bad_answer") from error


def _files(folder: Path, gateway: str) -> Files:
    if not IDENTIFIER.fullmatch(gateway):
        raise SettingProblem("--gateway: must be 1 to 48 letters, digits, '-' or '_'", variable="--gateway")
    return Files(folder, gateway)


def _code(answers: TextIO, out: TextIO) -> str:
    if answers.isatty():
        out.write("Code from the portal: ")
        out.flush()
    code = "".join(answers.readline(4 * CODE_SIGNS_MAX).replace("-", " ").split()).upper()
    if not 1 <= len(code) <= CODE_SIGNS_MAX:
        raise SettingProblem("the code is read from the terminal or from standard input: none came", variable="")
    return code


def _connection(portal: Portal) -> http.client.HTTPConnection:
    if portal.scheme == "http":
        return http.client.HTTPConnection(portal.host, portal.port, timeout=TIMEOUT_SECONDS)
    try:
        context = ssl.create_default_context(cafile=portal.ca_file)
    except OSError as error:
        raise SettingProblem(f"--ca-file: {portal.ca_file} holds no certificate", variable="--ca-file") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return http.client.HTTPSConnection(portal.host, portal.port, timeout=TIMEOUT_SECONDS, context=context)


def _untrusted(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in _CLOCK_CODES:
        here = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
        return f"the portal's certificate does not hold at this machine's time, {here} UTC: set its clock, then repeat"
    return f"the portal's certificate is not believed ({error.verify_message}): --ca-file names who signed it"


def _refusal(status: int, answer: bytes) -> Problem:
    """The portal's own words follow ours where it has any (RFC 9457)."""
    try:
        told = msgspec.json.decode(answer, type=dict[str, object])
    except UNREADABLE:
        told = {}
    detail = " ".join(str(told.get("detail") or told.get("title") or "").split())[:DETAIL_LENGTH_MAX]
    is_elsewhere = status // 100 == MOVED // 100
    words = _SAID.get(MOVED if is_elsewhere else status, f"the portal answered {status}")
    message = f"{words} ({detail})" if detail else words
    if status >= 500 or status == 429:  # noqa: PLR2004 - a server's trouble, or too many tries
        return Unavailable(f"{message}; nothing is lost, give the same command again")
    return Refused(message, reason="refused", status=status)
