"""What the dashboard answers over HTTP, to whom, and what it says of an address that asks for what is not there."""

import http.client
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import duckdb
import pytest

from salesnav_source.exceptions import ConfigurationError
from salesnav_source.marts.dashboard import pages
from salesnav_source.marts.dashboard.address import SeveralPeopleError, query_of, read
from salesnav_source.marts.dashboard.days import SPANS
from salesnav_source.marts.dashboard.model import PAGES
from salesnav_source.marts.dashboard.server import listen

from .conftest import ONE, TWO, Built, name_teams
from .test_dashboard import served_dashboard
from .test_numbers import ask, figure, number


class Client:
    """Asks over a socket of its own, and follows nothing."""

    def __init__(self, address: str) -> None:
        self.parts = urlsplit(address)
        self.token = self.parts.query.partition("=")[2]
        self.cookie = ""

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection(self.parts.hostname, self.parts.port, timeout=60)
        kept = {"Cookie": self.cookie} if self.cookie else {}
        connection.request(method, path, headers={**kept, **headers})
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, answer.read().decode("utf-8", "replace")


@pytest.fixture(scope="module")
def address(built: Built) -> Iterator[str]:
    with served_dashboard(built.database) as address:
        yield address


@pytest.fixture
def stranger(address: str) -> Client:
    return Client(address)


@pytest.fixture
def client(address: str) -> Client:
    return let_in(address)


def let_in(address: str) -> Client:
    client = Client(address)
    status, headers, _ = client.ask(f"/?token={client.token}")
    assert status == 303
    client.cookie = headers["set-cookie"].partition(";")[0]
    return client


PATHS = ["/", "/usage", "/usage/usage-by-person.csv", "/assets/page.css", "/nothing"]


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_is_served(stranger: Client, path: str) -> None:
    status, _, said = stranger.ask(path)
    assert status == 401
    assert "Open the address that `salesnav dashboard` has printed" in said
    assert stranger.ask(f"{path}?token=x")[0] == 401
    assert stranger.ask(path, Cookie=f"salesnav_{stranger.parts.port}={stranger.token}")[0] == 401


def test_the_token_is_exchanged_for_a_cookie(stranger: Client) -> None:
    status, headers, _ = stranger.ask(f"//other.example/seats?contract={ONE}&token={stranger.token}")
    assert status == 303
    assert headers["location"] == f"/other.example/seats?{urlencode({'contract': ONE})}", "it leads to no other host"
    assert {"httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in headers["set-cookie"].split(";")}
    assert stranger.token not in headers["set-cookie"]
    stranger.cookie = headers["set-cookie"].partition(";")[0]
    assert stranger.ask("/usage")[0] == 200


def test_pages_of_other_sites_get_nothing(client: Client) -> None:
    assert client.ask("/usage")[0] == 200
    assert client.ask("/usage", Host="evil.example")[0] == 403
    assert client.ask("/usage", Origin="http://evil.example")[0] == 403
    assert client.ask("/usage", "POST")[0] == 405


@pytest.mark.parametrize(
    "path",
    [
        "/site.py",
        "/assets/page.py",
        "/assets/../html.py",
        "/assets/%2e%2e/html.py",
        "/../../pyproject.toml",
        "/usage/no.csv",
    ],
)
def test_what_is_not_on_the_list_is_not_there(client: Client, path: str) -> None:
    status, _, said = client.ask(path)
    assert (status, said) in ((404, "There is no such page."), (404, "Not Found"))


def test_nothing_inline_may_run_and_nothing_is_kept(client: Client) -> None:
    _, headers, page = client.ask("/usage")
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy
    assert headers["cache-control"] == "no-store"
    assert not re.search(r"<[^>]+\son\w+=|<style|\sstyle=", page)
    assert set(re.findall(r"<script([^>]*)>", page)) <= {
        ' type="application/json" id="specs"',
        *(match for match in re.findall(r"<script([^>]*)>", page) if 'src="/assets/' in match),
    }


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"contract": "Nobody"}, "There is no contract Nobody in the marts. There are: One"),
        ({"team": "Nobody"}, "There is no team Nobody"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "before it begins"),
        ({"from": "soon"}, "is a day as YYYY-MM-DD, not soon"),
        ({"span": "ever"}, "There is no span ever. There are: last-7"),
        ({"person": "<i>Nobody"}, "Nobody with the name, address or seat number “&lt;i&gt;Nobody”"),
        ({"seat": "1"}, "by its number and its contract"),
        ({"contract": ONE, "seat": "9" * 30}, "There is no seat"),
    ],
)
def test_an_address_that_asks_for_what_is_not_there_is_told(client: Client, query: dict[str, str], said: str) -> None:
    for path in ("/usage", "/usage/usage-by-person.csv"):
        status, _, page = client.ask(f"{path}?{urlencode(query)}")
        assert status == 400
        assert said in page or said.replace("&lt;", "<").replace("&gt;", ">") in page
        assert "Traceback" not in page


def test_a_name_that_may_be_several_people_is_asked_back(client: Client) -> None:
    status, _, page = client.ask("/usage?person=e")
    assert status == 300
    assert "Choose one." in page and "seat=" in page


TEAMS = {"blanks": "EMEA  South", "hard blank": "EMEA\u00a0South", "long": "T" * 250, "quote": "O'Hara"}


@pytest.mark.parametrize("team", TEAMS.values(), ids=[*TEAMS])
def test_a_team_that_is_chosen_is_found_however_it_is_written(own: Path, built: Built, team: str) -> None:
    name_teams(own, {ONE: team, TWO: "Other"})
    moved = Built(own, built.first, built.last, built.hole)
    (offered,) = set(moved.scope.teams) - {"Other", "No team"}
    filters = moved.scope.filters(team=moved.scope.find_team(offered))
    ((seats,),) = ask(own, f"SELECT count(*) FROM salesnav_marts.salesnav__seats WHERE contract = '{ONE}'")
    shown = pages.build("usage", moved.marts, filters, moved.scope)
    assert number(shown, "seats used").endswith(f" of {seats}")
    assert figure(shown, "seats-used-per-week").chart is not None, "weeks of teams are asked for by the same name"
    # as the file has it, too
    assert moved.scope.find_team(team) == offered
    assert moved.scope.find_team("OTHER") == "Other"


def test_a_team_of_which_nobody_is_there_is_a_sentence_on_each_page(own: Path) -> None:
    name_teams(own, {ONE: "North", TWO: None})
    with served_dashboard(own) as address:
        client = let_in(address)
        for key in PAGES:
            status, _, page = client.ask(f"/{key}?{urlencode({'contract': TWO, 'team': 'North'})}")
            assert status == 200
            assert ("Nobody of the team North has or had a seat in Two." in page) == (key != "data")


@pytest.mark.parametrize("name", [*SPANS])
def test_a_span_stays_in_the_address(built: Built, name: str) -> None:
    scope = built.scope
    filters = scope.span(name, contracts=(TWO,))
    again = read(
        dict(pair.split("=") for pair in query_of(filters, scope)[1:].replace("%3A", ":").split("&")), scope, True
    )
    assert again == filters


def test_a_person_is_found_by_name_address_and_seat(built: Built) -> None:
    scope = built.scope
    ((seat, name, email),) = ask(
        built,
        "SELECT seat_id, full_name, email FROM salesnav_marts.salesnav__seats WHERE email IS NOT NULL AND holder_number = 1"
        " ORDER BY seat_id LIMIT 1",
    )
    for text in (str(seat), f"Seat {seat}", email):
        person = read({"person": text}, scope, True).person
        assert person is not None and person.seat_id == seat
    with pytest.raises((ConfigurationError, SeveralPeopleError), match=r"Nobody|may be"):
        read({"person": str(name)}, scope, names=False)


def test_names_can_be_hidden(built: Built) -> None:
    names = [name for (name,) in ask(built, "SELECT full_name FROM salesnav_marts.salesnav__seats") if name]
    with served_dashboard(built.database, "--hide-names") as address:
        client = Client(address)
        client.cookie = client.ask(f"/?token={client.token}")[1]["set-cookie"].partition(";")[0]
        told = "".join(client.ask(f"/{key}?rows=all")[2] for key in PAGES)
        told += client.ask("/ssi/whom-to-coach.csv")[2]
    assert not [name for name in names if name in told]
    assert "@" not in told


def test_marts_that_are_not_there_are_told_of(own: Any) -> None:
    with served_dashboard(own) as address:
        client = Client(address)
        client.cookie = client.ask(f"/?token={client.token}")[1]["set-cookie"].partition(";")[0]
        with duckdb.connect(str(own)) as connection:
            # as a version before had built it
            connection.execute("ALTER TABLE salesnav_marts.salesnav__holders DROP COLUMN team")
        status, _, said = client.ask("/usage")
    assert status == 503
    assert "of another version. Build them with" in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("127.0.0.1", 70_000), "port must be 0-65535"),
        (("192.0.2.1", 0), "Cannot assign requested address"),
        (("no-such-host.invalid", 0), "there is no such host"),
    ],
)
def test_an_address_that_cannot_be_served_is_a_sentence(given: tuple[str, int], said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"cannot be served on {given[0]}, port {given[1]}: .*{said}.*--port"):
        listen(*given)


def test_a_port_in_use_is_a_sentence() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(ConfigurationError, match="Address already in use"):
        listen("127.0.0.1", taken.getsockname()[1])
