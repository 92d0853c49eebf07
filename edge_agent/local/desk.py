"""What the gateway's own pages answer: who may see what, and what each button does."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.local import guard
from edge_agent.local.carried import Carried
from edge_agent.local.request import COOKIE, Request, Response, redirect
from edge_agent.local.set_up_view import SetUp, Speech, door_page, set_up_page
from edge_agent.local.view import page
from edge_agent.local.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from edge_agent.local.access import Access, Session
    from edge_agent.local.duty import Duty
    from edge_agent.local.export_desk import ExportDesk
    from edge_agent.local.log_desk import LogDesk
    from edge_agent.local.view import Snapshot
    from edge_agent.outbox.history import RefusedSpan

POST_PATHS = frozenset({"login", "logout", "test", "silence", "export"})
PREFIX = "/gw/setup"


class DeskParts(NamedTuple):
    """What the desk is made of; `names` are those by which browsers may call us, beside addresses."""

    access: Access
    duty: Duty
    snapshot: Callable[[], Snapshot]
    log: LogDesk
    export: ExportDesk
    refused: Callable[[], Sequence[RefusedSpan]]
    names: Collection[str]
    pairing: str
    has_command: bool
    carried: Callable[[], Carried] = Carried


class Desk:
    """Answers requests; called from several threads."""

    def __init__(self, parts: DeskParts) -> None:
        self._parts = parts

    def answer(self, asked: Request) -> Response:
        """The answer to one request."""
        if not guard.is_our_host(asked.headers.get("host"), self._parts.names):
            return Response(421, b"This gateway is called by its address.", "text/plain; charset=utf-8")
        if asked.method == "POST":
            return self._act(asked)
        if asked.path in {"/", "/gw"}:
            shown = page(self._parts.snapshot(), WORDS[asked.language], asked.query.get("probe", ""))
            return Response(200, shown.encode())
        if asked.path == "/gw/log" or asked.path.startswith("/gw/log/"):
            return self._parts.log.answer(asked)
        return self._behind_the_door(asked)

    def _behind_the_door(self, asked: Request) -> Response:
        if asked.path not in {PREFIX, f"{PREFIX}/readings.csv"}:
            return Response(404)
        session = self._parts.access.session(asked.token)
        if asked.path == PREFIX:
            return self._set_up(asked, session) if session else self._door(asked)
        return self._parts.export.download(asked) if session else redirect(_home(asked))

    def _act(self, asked: Request) -> Response:
        act = asked.path.removeprefix(f"{PREFIX}/")
        if act not in POST_PATHS:
            return Response(404)
        if not guard.is_from_our_page(asked.headers):
            return Response(403, b"This form was not sent by this gateway's page.", "text/plain; charset=utf-8")
        if act == "login":
            return self._log_in(asked)
        session = self._parts.access.session(asked.token)
        if session is None:
            return redirect(_home(asked))
        if not guard.same(asked.form.get("form", ""), session.form_token):
            return Response(403, b"This form is not of this session.", "text/plain; charset=utf-8")
        return self._do(act, asked)

    def _do(self, act: str, asked: Request) -> Response:
        if act == "logout":
            self._parts.access.log_out(asked.token)
            return redirect(_home(asked), ("Set-Cookie", _cookie("", 0)))
        if act == "export":
            return self._parts.export.begin(asked)
        if act == "test":
            self._parts.duty.sound_test_alarm()
        else:
            self._parts.duty.silence()
        return redirect(f"{_home(asked)}&done={act}")

    def _log_in(self, asked: Request) -> Response:
        access = self._parts.access
        more = _speech(asked).more
        if not access.is_door_token(asked.form.get("form", "")):
            return self._door(asked, more.old_form, 403)
        token = access.log_in(asked.form.get("code", ""))
        if token is not None:
            return redirect(_home(asked), ("Set-Cookie", _cookie(token, 900)))
        door = access.door()
        said = "" if door.locked_seconds or not door.has_code else more.wrong.format(door.tries_left)
        return self._door(asked, said, 429 if door.locked_seconds else 403)

    def _door(self, asked: Request, said: str = "", status: int = 200) -> Response:
        access = self._parts.access
        shown = door_page(_speech(asked), access.door(), access.door_token(), said)
        return Response(status, shown.encode())

    def _set_up(self, asked: Request, session: Session) -> Response:
        from edge_agent.local.pairing import square  # noqa: PLC0415 - only who sets up needs it

        parts, speech = self._parts, _speech(asked)
        set_up = SetUp(
            form_token=session.form_token,
            session_seconds=parts.access.seconds_left(session),
            has_command=parts.has_command,
            pairing=parts.pairing,
            square=square(parts.pairing),
            refused=parts.refused(),
            done=asked.query.get("done", ""),
            carried=parts.carried(),
        )
        export = parts.export.section(asked, session.form_token)
        return Response(200, set_up_page(speech, parts.snapshot(), set_up, export).encode())


def _speech(asked: Request) -> Speech:
    from edge_agent.local.set_up_words import SET_UP_WORDS  # noqa: PLC0415 - the screen needs none of them

    return Speech(WORDS[asked.language], SET_UP_WORDS[asked.language])


def _home(asked: Request) -> str:
    return f"{PREFIX}?lang={asked.language}"


def _cookie(token: str, seconds: int) -> str:
    return f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/gw; Max-Age={seconds}"
