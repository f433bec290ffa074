"""The pages: what is asked for each, and what is said of it. They know no warehouse and no browser."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from salesnav_source.marts.dashboard import queries
from salesnav_source.marts.dashboard.charts import unchecked
from salesnav_source.marts.dashboard.marts import Marts
from salesnav_source.marts.dashboard.model import Filters, Page
from salesnav_source.marts.dashboard.pages import data, inmail, search, seats, ssi, usage
from salesnav_source.marts.dashboard.pages.view import View
from salesnav_source.marts.dashboard.queries import Query
from salesnav_source.marts.dashboard.scope import Scope

_PAGES: dict[str, tuple[Callable[[Filters], dict[str, Query]], Callable[[View], Page]]] = {
    "usage": (usage.ask, usage.page),
    "search": (search.ask, search.page),
    "inmail": (inmail.ask, inmail.page),
    "ssi": (ssi.ask, ssi.page),
    "seats": (seats.ask, seats.page),
    "data": (data.ask, data.page),
}
_QUESTIONS = {
    "usage": usage.QUESTION,
    "search": search.QUESTION,
    "inmail": inmail.QUESTION,
    "ssi": ssi.QUESTION,
    "seats": seats.QUESTION,
}
"""What the pages that are about people answer."""


def build(key: str, marts: Marts, filters: Filters, scope: Scope) -> Page:
    """Returns a page.

    Args:
        key: one of `PAGES`.
        marts: to ask.
        filters: what is looked at.
        scope: what there is.
    """
    ask, page = _PAGES[key]
    filters = replace(scope.comparable(filters), team_written=scope.written(filters.team))
    # also the span before, and the weeks that charts show before a short one
    seen = replace(filters, first=min(filters.wide.first, filters.before.first, filters.first - timedelta(6)))
    asked = {"coverage": queries.coverage(seen), "holders": queries.holders(filters), "seats": queries.seats(filters)}
    asked["missing"] = queries.missing(filters)
    found = marts.frames({**asked, **ask(filters)})
    view = View(filters, scope, found)
    if view.nobody and key != "data":
        return Page(key, _QUESTIONS[key], view.nobody, (), (), (), has_data=False)
    with unchecked():
        return replace(page(view), has_data=view.has_data)
