"""The people of the story at their browsers: a signed-in person who speaks to the portal over HTTP, like any client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx

from sheetal.contracts.problem import Refused, Unavailable

if TYPE_CHECKING:
    from types import TracebackType

HTTP_SECONDS = 15.0


class Person:
    """One signed-in member of staff; a context manager. Raises Unavailable when the portal does not answer."""

    def __init__(self, portal_url: str, login: str, password: str) -> None:
        self._login = login
        self._password = password
        self._client = httpx.Client(
            base_url=portal_url,
            headers={"Origin": portal_url, "Sec-Fetch-Site": "same-origin"},
            timeout=HTTP_SECONDS,
            follow_redirects=True,
        )

    def __enter__(self) -> Self:
        try:
            self._sign_in()
        except BaseException:  # whatever went wrong, the connection is let go of
            self._client.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def page(self, path: str) -> str:
        """A page's HTML; raises Unavailable when it is not shown."""
        answer = self._send("GET", path)
        if answer.status_code != httpx.codes.OK:
            raise Unavailable(f"{path} answered {answer.status_code}", path=path)
        return answer.text

    def ask(self, path: str, **query: str | int) -> Any:  # noqa: ANN401, JSON has no narrower type
        """A JSON answer to a GET; raises Unavailable when there is none."""
        answer = self._send("GET", path, params=query)
        if answer.status_code != httpx.codes.OK:
            raise Unavailable(f"{path} answered {answer.status_code}: {answer.text[:300]}", path=path)
        return answer.json()

    def act(self, path: str, body: dict[str, object], key: str | None = None) -> Any:  # noqa: ANN401, as above
        """A JSON answer to a POST; raises Refused with the problem's own fields when the portal says no."""
        answer = self.post(path, body, key)
        if answer.status_code == httpx.codes.CONFLICT:
            problem = answer.json()
            raise Refused(
                f"{problem.get('title', 'refused')} ({problem.get('reason', '?')})", **_without_reserved(problem)
            )
        if answer.status_code not in {httpx.codes.OK, httpx.codes.CREATED}:
            raise Unavailable(f"{path} answered {answer.status_code}: {answer.text[:300]}", path=path)
        return answer.json()

    def post(self, path: str, body: dict[str, object], key: str | None = None) -> httpx.Response:
        """The plain answer to a POST, whatever its status."""
        return self._send("POST", path, json=body, headers={"Idempotency-Key": key} if key else {})

    def _sign_in(self) -> None:
        token = _csrf_token(self._send("GET", "/login").text)
        fields = {"user_name": self._login, "password": self._password, "csrf_token": token}
        answer = self._send("POST", "/login", data=fields, follow_redirects=False)
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise Unavailable(f"{self._login} could not sign in", status=answer.status_code)

    def _send(self, method: str, path: str, **what: Any) -> httpx.Response:  # noqa: ANN401, httpx's own options
        try:
            return self._client.request(method, path, **what)
        except httpx.HTTPError as error:
            raise Unavailable(f"the portal does not answer: {type(error).__name__}", path=path) from error


def _csrf_token(page: str) -> str:
    _, _, rest = page.partition('name="csrf_token" value="')
    return rest.partition('"')[0]


def _without_reserved(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name not in {"message", "next_step"}}
