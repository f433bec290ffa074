"""The dashboard's pages over HTTP: what may be asked for, and what is answered."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from salesnav_source.exceptions import ConfigurationError, SalesnavError
from salesnav_source.marts.dashboard import html
from salesnav_source.marts.dashboard.address import SeveralPeopleError, query_of, read, span_of
from salesnav_source.marts.dashboard.days import SPANS, day_text
from salesnav_source.marts.dashboard.drawing import DrawingError, Renderer
from salesnav_source.marts.dashboard.marts import Marts
from salesnav_source.marts.dashboard.model import PAGES, Filters, Page, Person, Table
from salesnav_source.marts.dashboard.pages import build
from salesnav_source.marts.dashboard.scope import Scope
from salesnav_source.marts.dashboard.tables import as_csv
from salesnav_source.settings.names import RELEASE

MOST_SUGGESTED = 300
"""People whom the field for a person suggests; of more, one types and is shown who it may be."""

_MOST_CHOICES = 50
_ASSETS = {"page.css": ("text/css", html.STYLE), "page.js": ("text/javascript", html.SCRIPT)}


@dataclass(frozen=True)
class _OnSite(html.Surroundings):
    """Each page, table and person has an address."""

    key: str
    filters: Filters
    scope: Scope
    all_rows: bool = False

    @property
    def rows(self) -> int:  # type: ignore[override]
        return 1_000_000 if self.all_rows else html.MOST_ROWS

    def page(self, key: str) -> str:
        return f"/{key}{query_of(self.filters, self.scope)}"

    def csv(self, table: Table, content: Callable[[], bytes]) -> str | None:
        return f"/{self.key}/{table.key}.csv{query_of(self.filters, self.scope)}"

    def more(self, table: Table) -> str:
        return f"/{self.key}{query_of(self.filters, self.scope, rows='all')}#{table.key}"

    def person(self, person: Person) -> str:
        return f"/{self.key}{query_of(replace(self.filters, person=person, team=None), self.scope)}"


class Site:
    """Answers with pages made from the marts, anew each time."""

    def __init__(self, marts: Marts, names: bool, renderer: Renderer, scripts: Renderer) -> None:
        """Asks nothing yet.

        Args:
            marts: to ask.
            names: whether people are named.
            renderer: draws the charts.
            scripts: makes the script for the browser, which would keep charts waiting.
        """
        self._marts = marts
        self._names = names
        self._renderer = renderer
        self._scripts = scripts

    @property
    def application(self) -> Starlette:
        """The ASGI application; what is not in its list is not there."""
        return Starlette(
            routes=[
                Route("/", self._start),
                Route(f"/assets/charts-{RELEASE}.js", self._charts),
                Route("/assets/{name}", self._asset),
                Route("/{key}", self._page),
                Route("/{key}/{table}.csv", self._csv),
            ],
            exception_handlers={404: lambda *_: PlainTextResponse("There is no such page.", 404)},
        )

    def _start(self, request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/usage{query}", 303)

    def _asset(self, request: Request) -> Response:
        kind, content = _ASSETS.get(request.path_params["name"], ("", ""))
        return Response(content, media_type=kind) if kind else _missing()

    @cached_property
    def _bundle(self) -> str:
        return self._scripts.bundle()

    def _charts(self, request: Request) -> Response:
        kept = {"cache-control": "private, max-age=604800, immutable"}
        return Response(self._bundle, media_type="text/javascript", headers=kept)

    def _page(self, request: Request) -> Response:
        key, query = request.path_params["key"], dict(request.query_params)
        if key not in PAGES:
            return _missing()
        try:
            scope = Scope.of(self._marts)
        except SalesnavError as error:
            return HTMLResponse(_document(key, _alert(str(error)), ""), 503)
        try:
            filters = read(query, scope, self._names)
            page = build(key, self._marts, filters, scope)
        except SeveralPeopleError as error:
            shown = _alert(str(error)) + _choices(key, error, scope)
            return HTMLResponse(_document(key, shown, _header(key, error.filters, scope)), 300)
        except ConfigurationError as error:
            header = _header(key, scope.filters(names=self._names), scope)
            return HTMLResponse(_document(key, _alert(str(error)), header), 400)
        except SalesnavError as error:
            return HTMLResponse(_document(key, _alert(str(error)), ""), 503)
        drawn = self._drawn(page)
        around = _OnSite(key, filters, scope, query.get("rows") == "all")
        inside = html.body(page, drawn, around) + html.specs(drawn)
        return HTMLResponse(_document(key, inside, _header(key, filters, scope)))

    def _drawn(self, page: Page) -> dict[str, html.Drawn]:
        """Returns the charts that can be drawn; the others say that they cannot, and show their figures."""
        drawn: dict[str, html.Drawn] = {}
        for figure in page.figures:
            try:
                drawn |= html.pictures([replace(page, figures=(figure,))], self._renderer)
            except DrawingError:
                continue
        return drawn

    def _csv(self, request: Request) -> Response:
        key, name = request.path_params["key"], request.path_params["table"]
        if key not in PAGES:
            return _missing()
        try:
            scope = Scope.of(self._marts)
            page = build(key, self._marts, read(dict(request.query_params), scope, self._names), scope)
        except ConfigurationError as error:
            return PlainTextResponse(str(error), 400)
        except SalesnavError as error:
            return PlainTextResponse(str(error), 503)
        table = page.csvs().get(name)
        if table is None:
            return _missing()
        # the name is one of the page's own keys, never what was asked for
        named = {"content-disposition": f'attachment; filename="{table.key}.csv"'}
        return Response(as_csv(table), media_type="text/csv", headers=named)


def _missing() -> Response:
    return PlainTextResponse("There is no such page.", 404)


def _alert(text: str) -> str:
    return f'<p class="warning" role="alert">{escape(text)}</p>'


def _document(key: str, inside: str, header: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(PAGES[key])} · Sales Navigator</title>"
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/assets/page.css">'
        f'<script src="/assets/charts-{RELEASE}.js" defer></script><script src="/assets/page.js" defer></script></head>'
        '<body><a class="skip" href="#content">Skip to the content</a>'
        f'<header><h1>Sales Navigator</h1>{header}</header><main id="content" data-page="{key}">{inside}</main></body></html>'
    )


def _header(key: str, filters: Filters, scope: Scope) -> str:
    there = scope.only(filters)
    newest = f"Data up to {day_text(there.last_day)}" if there.last_day else "Nothing is loaded"
    at = there.read_at
    read_at = f", last read {day_text(at.date())} {at:%H:%M} UTC" if at is not None else ""
    query = escape(query_of(filters, scope))
    links = "".join(
        f'<a href="/{one}{query}"{" aria-current=page" if one == key else ""}>{escape(title)}</a>'
        for one, title in PAGES.items()
    )
    return (
        f'<p class="small">{newest}{read_at}. Days are UTC.</p>{_form(key, filters, scope)}{_spans(key, filters, scope)}'
        f'<nav class="pages" aria-label="Pages">{links}</nav>'
    )


def _form(key: str, filters: Filters, scope: Scope) -> str:
    people = scope.labels(filters.names)
    chosen = filters.chosen_contracts[0] if filters.chosen_contracts else ""
    contracts = {"": "All contracts", **{urn: _told(scope, urn) for urn in scope.contracts["contract"]}}
    fields = _select("contract", "Contract", contracts, chosen)
    if scope.teams:
        fields += _select("team", "Team", {"": "All teams", **{team: team for team in scope.teams}}, filters.team or "")
    label, listed = "", ""
    if filters.person:
        mine = (people[["contract", "seat_id", "holder_number"]] == list(filters.person)).all(axis=1)
        label = str(people.loc[mine, "label"].iloc[0])
    suggested = people[people["contract"] == chosen] if chosen else people
    if len(suggested) <= MOST_SUGGESTED:
        options = "".join(f'<option value="{escape(name)}"></option>' for name in suggested["label"])
        listed = f'<datalist id="people">{options}</datalist>'
    what = "Person (name, e-mail or seat)" if filters.names else "Person (seat number)"
    field = f'<input name="person" value="{escape(label)}" placeholder="Everyone" autocomplete="off" list="people">'
    fields += f"<label>{what}{field}</label>{listed}"
    for name, shown, day in (("from", "From", filters.first), ("to", "To", filters.last)):
        fields += f'<label>{shown}<input type="date" name="{name}" value="{day.isoformat()}"></label>'
    return (
        f'<form class="filters" action="/{key}" method="get" aria-label="Filters">{fields}'
        f'<button type="submit">Show</button><a href="/{key}">Show everything</a></form>'
    )


def _told(scope: Scope, urn: str) -> str:
    """Returns what a contract is called, with its number where several are called so."""
    name = scope.name(urn)
    several = sum(scope.name(other) == name for other in scope.contracts["contract"]) > 1
    return f"{name} ({urn.rpartition(':')[2]})" if several else name


def _select(name: str, label: str, options: dict[str, str], chosen: str) -> str:
    shown = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(text)}</option>'
        for value, text in options.items()
    )
    return f'<label>{label}<select name="{name}">{shown}</select></label>'


def _spans(key: str, filters: Filters, scope: Scope) -> str:
    now = span_of(filters, scope)
    links = ""
    for name, (title, _) in SPANS.items():
        named = scope.span(name)
        query = query_of(replace(filters, first=named.first, last=named.last), scope, span=name)
        # two spans may be the same days
        current = " aria-current=true" if name == now else ""
        links += f'<li><a href="{escape(f"/{key}{query}")}"{current}>{title}</a></li>'
    seen = scope.comparable(filters)
    led = "Changes" if seen.compared_days is None else f"Changes: {seen.now.period}"
    compared = f"{led} against {seen.before.period}."
    return f'<ul class="spans" aria-label="Days">{links}</ul><p class="small">{filters.period}. {compared}</p>'


def _choices(key: str, error: SeveralPeopleError, scope: Scope) -> str:
    links = ""
    for row in error.people.head(_MOST_CHOICES).itertuples():
        person = Person(row.contract, int(row.seat_id), int(row.holder_number))
        address = f"/{key}{query_of(replace(error.filters, person=person), scope)}"
        more = f", {scope.name(row.contract)}, seat {row.seat_id}"
        links += f'<li><a href="{escape(address)}">{escape(row.label)}</a>{escape(more)}</li>'
    return f"<ul>{links}</ul>"
