"""The pages on which people sign in, see what waits, and decide. They work without JavaScript.

A decision made here takes the road of every other one (`House.decide`): the same policy, the same desk, recorded first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from urllib.parse import parse_qsl, quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tidewaiter.approvals.book import UNSETTLED
from tidewaiter.approvals.desk import Request as Asked
from tidewaiter.approvals.desk import State, Word
from tidewaiter.approvals.requests import Ledger, Requests
from tidewaiter.console.gate import TOKEN, Gate, comes_from_elsewhere, onward
from tidewaiter.console.pages import page
from tidewaiter.console.rights import Rights, readable_to, rights_on
from tidewaiter.console.sessions import Session, Sessions
from tidewaiter.console.sheet import Line, line_of, sheet_of
from tidewaiter.errors import LoginRefused, NotFound, NotPermitted, TidewaiterError, UsageError
from tidewaiter.identity import Directory, FailedLogins
from tidewaiter.identity.passwords import proven
from tidewaiter.model import Kind, Principal
from tidewaiter.policy import Policies
from tidewaiter.visible import harmless

CHANNEL = "console"
FORM_BYTES = 1 << 16  # a note of 2,000 characters, each of four bytes and each of those written as %XX, fits
FIELDS = 16
NOTE_CHARACTERS = 2000
LISTED = 50  # on one page
AUTO = "auto"  # a query parameter: the page asks by itself, which keeps no session alive
HAVE = "have"  # which version of the page the browser shows
DID = "did"  # what they just did, which the next page answers
BEFORE = "before"  # only requests older than this one
VIEWS = {"waiting": "Waiting", "over": "Over", "mine": "Mine", "all": "All"}
REFUSED = "This name and password do not open the console, or not any more."
FORGED = "This form did not come from a page of this console, or from one that is too old. Nothing was done."


class Decide(Protocol):
    """A principal's decision with every check that there is; each refusal is recorded."""

    async def __call__(
        self, id: str, principal: str, word: Word, *, note: str, channel: str, place: str, seen: str
    ) -> Asked:
        """Raises NotFound, NotPermitted, Conflict, StoreUnavailable, LedgerUnavailable."""


@dataclass(frozen=True, slots=True)
class House:
    """What the pages stand on. `addresses` are the console's own, see config.console.

    `sessions` are those of whoever is signed in. `deliveries` says of a request which channel was told of it. `reject`
    takes the source, the name and the reason of what came to nothing, for counting.
    """

    addresses: Sequence[str]
    directory: Directory
    requests: Requests
    ledger: Ledger
    policies: Callable[[], Policies]
    decide: Decide
    sessions: Sessions
    deliveries: Callable[[str], Awaitable[tuple[tuple[str, str], ...]]]
    failed_logins: FailedLogins
    reject: Callable[[str, str, str], None]
    now_s: Callable[[], float]


Handler = Callable[[Request], Awaitable[Response]]
View = Callable[[Request, Session, Principal], Awaitable[Response]]


class Desk:
    """The pages behind the sign-in, and the sign-in."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._gate = Gate(house.addresses, house.sessions, house.directory, house.now_s)

    @property
    def is_open(self) -> bool:
        """Whether anybody can sign in."""
        return self._gate.is_open

    async def is_signed_in(self, request: Request) -> bool:
        """Whether a request comes from somebody who is signed in."""
        try:
            return await self._gate.session_of(request) is not None
        except TidewaiterError:
            return False  # the store is away: the pages behind say so

    def routes(self) -> list[Route]:
        """Everything that is served."""
        return [
            Route("/sign-in", self._guarded(self._sign_in_page)),
            Route("/sign-in", self._guarded(self._sign_in), methods=["POST"]),
            Route("/sign-out", self._guarded(self._signed_in(self._sign_out)), methods=["POST"]),
            Route("/requests", self._guarded(self._signed_in(self._list))),
            Route("/requests/{id}", self._guarded(self._signed_in(self._one))),
            Route("/requests/{id}/{word}", self._guarded(self._signed_in(self._decide)), methods=["POST"]),
        ]

    # -- before every page --------------------------------------------------------------------------------------------
    def _guarded(self, handler: Handler) -> Handler:
        """Refuse what comes to an address that is not ours; say what failed in a page."""

        async def guarded(request: Request) -> Response:
            if not self._gate.is_open:
                return page("message", 403, title="Nobody can sign in here", said=_CLOSED)
            if self._gate.origin_of(request) is None:
                return page("message", 421, title="Not at this address", said=_ELSEWHERE, link=self._house.addresses[0])
            try:
                return await handler(request)
            except TidewaiterError as error:
                return page("message", error.fault.http_status, title="That did not work", said=_sentence(error))

        return guarded

    def _signed_in(self, view: View) -> Handler:
        """Ask for a session first."""

        async def signed_in(request: Request) -> Response:
            session = await self._gate.session_of(request, is_active=AUTO not in request.query_params)
            who = self._house.directory.principal(session.principal) if session is not None else None
            if session is not None and who is not None:
                return await view(request, session, who)
            if request.method == "POST":
                return page("message", 401, title="You are not signed in", said=_SIGNED_OUT, link="/sign-in")
            if comes_from_elsewhere(request):  # our own page asks again, and then the browser sends the cookie
                return page("again", link=request.url.path)
            return RedirectResponse(f"/sign-in?next={quote(onward(request.url.path))}", 303)

        return signed_in

    # -- signing in and out -------------------------------------------------------------------------------------------
    async def _sign_in_page(self, request: Request) -> Response:
        return self._form(request, onward(request.query_params.get("next", "")))

    async def _sign_in(self, request: Request) -> Response:
        form, source = await _form(request), _source(request)
        name, next_ = form.get("name", "").strip(), onward(form.get("next", ""))
        if not self._gate.is_ours(request, None, form.get(TOKEN, "")):
            self._house.reject(source, name, "console: forged or stale sign-in form")
            return self._form(request, next_, name, FORGED, 403)
        origin = self._gate.origin_of(request) or ""
        try:
            key, session = await self._begin(name, form.get("password", ""), origin, source)
        except LoginRefused:
            return self._form(request, next_, name, REFUSED, 401)
        except NotPermitted as error:
            return self._form(request, next_, name, str(error), 403)
        await self._gate.end(request)  # somebody else may sit there now
        told = {"session": session.id, "principal": session.principal, "credential": session.credential}
        try:
            await self._house.ledger.record("console.login", told | {"source": source, "address": origin})
        except BaseException:
            await asyncio.to_thread(self._gate.sessions.end, key)
            raise
        response = RedirectResponse(next_, 303)
        self._gate.keep(response, origin, key)
        return response

    async def _begin(self, name: str, password: str, origin: str, source: str) -> tuple[str, Session]:
        """Whoever proves who they are gets a session. Raises LoginRefused, NotPermitted, both counted."""
        house, now_s = self._house, self._house.now_s()
        is_limited = not house.failed_logins.allow(source, now_s)
        try:
            who, credential = await asyncio.to_thread(proven, house.directory, name, password, now_s)
            if is_limited:  # only now, so that the right password takes as long as a wrong one
                raise LoginRefused("too many failed logins")
        except LoginRefused:
            house.failed_logins.failed(source, now_s)
            house.reject(source, name, "console: login refused")
            raise
        if who.kind is not Kind.USER:
            house.reject(source, name, f"console: {who.kind} at the console")
            raise NotPermitted(f"{who.name} is {_a(who.kind)}: the console is for people")
        opened = (who.name, credential.id, credential.datasources, origin, source, credential.expires_at_s, now_s)
        return await asyncio.to_thread(self._gate.sessions.begin, *opened)

    async def _sign_out(self, request: Request, session: Session, who: Principal) -> Response:
        form = await _form(request)
        if not self._gate.is_ours(request, session, form.get(TOKEN, "")):
            return self._forged(request, session)
        await self._gate.end(request)
        response = RedirectResponse("/", 303)
        self._gate.drop(response, session.origin)
        told = {"session": session.id, "principal": who.name, "source": _source(request)}
        await self._house.ledger.record("console.logout", told)
        return response

    def _form(self, request: Request, next_: str, name: str = "", problem: str = "", status: int = 200) -> Response:
        token, give = self._gate.offer(request)
        response = page("sign_in", status, token=token, next=next_, name=harmless(name[:200]), problem=problem)
        give(response)
        return response

    def _forged(self, request: Request, session: Session) -> Response:
        self._house.reject(_source(request), session.principal, "console: forged or stale form")
        return page("message", 403, viewer=session, title="Nothing was done", said=FORGED, link="/requests")

    # -- requests -----------------------------------------------------------------------------------------------------
    async def _list(self, request: Request, session: Session, who: Principal) -> Response:
        chosen = request.query_params.get("show", "waiting")
        chosen = chosen if chosen in VIEWS else "waiting"
        before = "" if chosen == "waiting" else request.query_params.get(BEFORE, "")
        found, older = await self._chosen(chosen, before, session, who)
        lines = await asyncio.to_thread(self._lines, found, session, who)
        version = str(hash(tuple(lines)))
        if request.query_params.get(HAVE) == version:
            return Response(status_code=204)
        return page(
            "requests",
            viewer=session,
            waits=[one for one in lines if one.waits_for_me],
            rest=[one for one in lines if not one.waits_for_me],
            views=VIEWS,
            chosen=chosen,
            version=version,
            before=before,
            older=older,
        )

    async def _chosen(self, chosen: str, before: str, session: Session, who: Principal) -> tuple[list[Asked], str]:
        """What a page lists, and the id before which the next one goes on, if there is one. Raises NotFound."""
        house = self._house
        if chosen == "waiting":
            return await house.requests.all(is_live=True), ""
        readable = readable_to(who, session.datasources, house.policies(), house.now_s(), is_mine=chosen == "mine")
        states = [state for state in State if chosen != "over" or state not in UNSETTLED]
        found = await house.requests.newest(LISTED + 1, before, readable, states)
        return found[:LISTED], found[LISTED - 1].id if len(found) > LISTED else ""

    def _lines(self, found: Sequence[Asked], session: Session, who: Principal) -> list[Line]:
        told = [(one, self._rights(one, session, who)) for one in found]
        return [line_of(one, rights, who.name) for one, rights in told if rights.sees]

    async def _one(self, request: Request, session: Session, who: Principal) -> Response:
        return await self._shown(request, session, who)

    async def _decide(self, request: Request, session: Session, who: Principal) -> Response:
        form, id_ = await _form(request), request.path_params["id"]
        if not self._gate.is_ours(request, session, form.get(TOKEN, "")):
            return self._forged(request, session)
        word, note = _word(request.path_params["word"]), " ".join(form.get("note", "").split())
        try:
            told = await self._decided(id_, session, who, word, note, form.get("seen", ""), _source(request))
        except TidewaiterError as error:
            return await self._shown(request, session, who, str(error), error.fault.http_status, note)
        return RedirectResponse(f"/requests/{told.id}?{DID}={word}", 303)

    async def _decided(
        self, id_: str, session: Session, who: Principal, word: Word, note: str, seen: str, source: str
    ) -> Asked:
        """Have the decision made by whoever is signed in. Raises what deciding raises, and UsageError."""
        if word.needs_note and not note:
            raise UsageError("Say why: whoever asked reads it.")
        if len(note) > NOTE_CHARACTERS:
            raise UsageError(f"A note has at most {NOTE_CHARACTERS} characters; this one has {len(note)}.")
        if not seen:
            raise UsageError("The form does not say what was looked at: look again.")
        found = await self._house.requests.find(id_)
        rights = self._rights(found, session, who)
        place = f"{source}, console session {session.id}"
        if session.datasources and found.datasource not in session.datasources:
            reason = f"the credential {session.credential} is not for datasource {found.datasource}"
            by = {"approver": who.name, "channel": CHANNEL, "place": place}
            told = {"request": found.id, "decision": word.value, "reason": reason, "by": by}
            await self._house.ledger.record("request.refused", told)
            raise NotFound(f"there is no request {id_!r}")
        try:
            return await self._house.decide(
                found.id, who.name, word, note=harmless(note), channel=CHANNEL, place=place, seen=seen
            )
        except NotPermitted:
            if not rights.sees:  # the refusal is recorded; who may not see it learns nothing of it
                raise NotFound(f"there is no request {id_!r}") from None
            raise

    async def _shown(
        self, request: Request, session: Session, who: Principal, problem: str = "", status: int = 200, note: str = ""
    ) -> Response:
        """One request, as it is now."""
        id_ = request.path_params["id"]
        try:
            found = await self._house.requests.find(id_)
        except NotFound:
            return _missing(session)
        rights = self._rights(found, session, who)
        if not rights.sees:
            return _missing(session)
        deliveries = await self._house.deliveries(found.id)
        sheet = await asyncio.to_thread(sheet_of, found, rights, who.name, deliveries)
        if request.query_params.get(HAVE) == sheet.version:
            return Response(status_code=204)
        said = _said(found, who.name, request)
        shown = partial(
            page, "request", status, viewer=session, one=sheet, said=said, problem=problem, note=harmless(note)
        )
        return await asyncio.to_thread(shown, most=NOTE_CHARACTERS)

    def _rights(self, found: Asked, session: Session, who: Principal) -> Rights:
        return rights_on(found, who, session.datasources, self._house.policies(), self._house.now_s())


_CLOSED = (
    "This console listens beyond this machine without TLS. Set [console] tls, or [console] url to the https:// address "
    "of a proxy in front, or listen on 127.0.0.1; then restart the gateway."
)
_ELSEWHERE = "The console does not know itself by the address that your browser asked for. Use this one:"
_SIGNED_OUT = "Nothing was done. Your session is over, or was ended: sign in and look again."


def _missing(session: Session) -> Response:
    said = "There is no such request, or none that you may see."
    return page("message", 404, viewer=session, title="Nothing here", said=said, link="/requests")


def _outcome(request: Asked, word: Word) -> str:
    """What a click led to; the same after a double click, which counts once."""
    if word is Word.APPROVE and request.state is State.OPEN:
        stand = ", ".join(f"{' or '.join(need.groups)} {met} of {need.quorum}" for need, met in request.progress)
        return f"Your approval counts. It waits for others: {stand}."
    said = {Word.APPROVE: "Your approval counts", Word.DENY: "Denied", Word.CLOSE: "The review is closed"}[word]
    return f"{said}: request {request.id} is now {request.state}."


def _word(text: str) -> Word:
    try:
        return Word(text)
    except ValueError:
        raise HTTPException(404) from None


def _said(found: Asked, who: str, request: Request) -> str:
    """What the click led to after which the browser asks for this page; nothing where they made no such click."""
    word = request.query_params.get(DID, "")
    last = next((event.what for event in reversed(found.history) if event.who == who), "")
    return _outcome(found, Word(word)) if word == last and word in {one.value for one in Word} else ""


def _source(request: Request) -> str:
    return request.client.host if request.client else ""


def _sentence(error: TidewaiterError) -> str:
    return f"{error}. Nothing was done." if error.fault.http_status == 503 else str(error)


def _a(kind: Kind) -> str:
    return f"{'an' if kind is Kind.AGENT else 'a'} {kind}"


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form as browsers send it. Raises HTTPException for what is no such form, or too long."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise HTTPException(415)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            raise HTTPException(413)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS, errors="replace")
    except ValueError:
        raise HTTPException(400) from None
    return dict(pairs)
