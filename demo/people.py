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
        token = _csrf_token(self._client.get("/login").text)
        fields = {"user_name": self._login, "password": self._password, "csrf_token": token}
        answer = self._client.post("/login", data=fields, follow_redirects=False)
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise Unavailable(f"{self._login} could not sign in", status=answer.status_code)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def page(self, path: str) -> str:
        """A page's HTML; raises Unavailable when it is not shown."""
        answer = self._client.get(path)
        if answer.status_code != httpx.codes.OK:
            raise Unavailable(f"{path} answered {answer.status_code}", path=path)
        return answer.text

    def ask(self, path: str, **query: str | int) -> Any:  # noqa: ANN401, JSON has no narrower type
        """A JSON answer to a GET; raises Unavailable when there is none."""
        answer = self._client.get(path, params=query)
        if answer.status_code != httpx.codes.OK:
            raise Unavailable(f"{path} answered {answer.status_code}: {answer.text[:300]}", path=path)
        return answer.json()

    def act(self, path: str, body: dict[str, object], key: str | None = None) -> Any:  # noqa: ANN401, as above
        """A JSON answer to a POST; raises Refused with the problem's own fields when the portal says no."""
        headers = {"Idempotency-Key": key} if key else {}
        answer = self._client.post(path, json=body, headers=headers)
        if answer.status_code == httpx.codes.CONFLICT:
            body = answer.json()
            raise Refused(f"{body.get('title', 'refused')} ({body.get('reason', '?')})", **_without_reserved(body))
        if answer.status_code not in {httpx.codes.OK, httpx.codes.CREATED}:
            raise Unavailable(f"{path} answered {answer.status_code}: {answer.text[:300]}", path=path)
        return answer.json()


def _csrf_token(page: str) -> str:
    _, _, rest = page.partition('name="csrf_token" value="')
    return rest.partition('"')[0]


def _without_reserved(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name not in {"message", "next_step"}}
