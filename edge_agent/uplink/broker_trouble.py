"""What stands between the gateway and its broker, in one line that says what to do (pure)."""

from __future__ import annotations

import ssl

CLOSED_EARLY = (
    "the broker closed the connection before it let this gateway in: is the gateway enrolled, and its certificate good?"
)
"""A broker that refuses a certificate may hang up before its reason is heard."""

_VERIFY = {
    9: "the broker's certificate is not valid yet: set this machine's clock",
    10: "the broker's certificate has expired: renew it there; if it is new, set this machine's clock",
    18: "the broker's certificate is signed by itself: put its authority into gateway.broker_ca_file",
    19: "the broker's certificate is of an unknown authority: put that authority into gateway.broker_ca_file",
    20: "the broker's certificate is of an unknown authority: put that authority into gateway.broker_ca_file",
    21: "the broker's certificate is of an unknown authority: put that authority into gateway.broker_ca_file",
    62: "the broker's certificate is for another name: use the name in it in gateway.broker_url",
    64: "the broker's certificate is for another address: use the name in it in gateway.broker_url",
}
"""By the verification codes of OpenSSL's x509_vfy.h."""

_NO_TLS = "the broker speaks no TLS on this port: correct gateway.broker_url"
_SAID = {
    "certificate required": "the broker wants a certificate of this gateway: enrol it",
    "certificate expired": "the broker finds this gateway's certificate expired: enrol the gateway again",
    "certificate revoked": "this gateway's certificate is revoked: enrol it again if it is still in use",
    "alert unknown ca": "the broker does not know who signed this gateway's certificate: enrol the gateway again",
    "certificate unknown": "the broker does not take this gateway's certificate: enrol the gateway again",
    "bad certificate": "the broker does not take this gateway's certificate: enrol the gateway again",
    "decrypt error": "the broker does not take this gateway's certificate: enrol the gateway again",
    "key values mismatch": "certificate_key_file is not the key of certificate_file: enrol the gateway again",
    "wrong version number": _NO_TLS,
    "packet length too long": _NO_TLS,
    "record layer failure": _NO_TLS,
    "protocol version": "the broker speaks only TLS older than 1.2: renew the broker",
    "unsupported protocol": "the broker speaks only TLS older than 1.2: renew the broker",
    "no certificate or crl found": "gateway.broker_ca_file holds no certificate",
    "bad decrypt": "certificate_key_file is encrypted or damaged: enrol the gateway again",
    "pem": "a certificate or key file is damaged: enrol the gateway again",
    "not authorized": "the broker does not let this gateway in: is it enrolled, and not retired?",
    "bad user name or password": "the broker does not let this gateway in: correct username and password_file",
}
"""By a part of what OpenSSL, or MQTT's CONNACK, says; the first that fits."""


_AGAIN = "a running gateway tries again by itself; nothing is lost"
_NO_ROUTE = "is the network up, and is there a way to that address?"
_NO_NAME = "is the name in gateway.broker_url right, and does this machine's name service answer?"
_NO_ANSWER = "is the broker's address right, and does the network (a firewall) let this gateway through?"
_UNREACHED = {
    "connection refused": "is the broker running at that address and port, and does the network let this gateway in?",
    "timed out": _NO_ANSWER,
    "timeout": _NO_ANSWER,
    "name or service not known": _NO_NAME,
    "name resolution": _NO_NAME,
    "no address associated": _NO_NAME,
    "nodename nor servname": _NO_NAME,
    "no route to host": _NO_ROUTE,
    "network is unreachable": _NO_ROUTE,
    "network is down": _NO_ROUTE,
    "host is down": _NO_ROUTE,
}
"""What to look at, by a part of what the operating system says of a connection that did not come about."""


def words_of(error: Exception | str) -> str:
    """One line for whatever went wrong on the way to the broker."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY.get(error.verify_code, f"the broker's certificate does not hold: {error.verify_message}")
    said = " ".join(str(error).split())
    plain = said.lower().replace("_", " ")
    known = next((words for part, words in _SAID.items() if part in plain), None)
    if known is not None:
        return known
    look = next((words for part, words in _UNREACHED.items() if part in plain), None)
    return f"the broker cannot be reached: {said}" + (f": {look} {_AGAIN}" if look else f"; {_AGAIN}")


def is_certificate_trouble(said: str) -> bool:
    """Whether a line of the MQTT library tells of TLS; it hides such errors from its callers."""
    return "[SSL" in said or "SSL:" in said
