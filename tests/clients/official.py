"""Signs in and exports everything by LinkedIn's official client for Python; runs in an environment of its own.

It reads what it is told as JSON from its first argument, and writes what it got as JSON.
"""

import json
import re
import sys
import time
from urllib.parse import parse_qs, urlsplit

import requests
from linkedin_api.common import constants

told = json.loads(sys.argv[1])
# the client copies the addresses when it is imported
constants.NON_VERSIONED_BASE_URL = told["base_url"]
constants.OAUTH_BASE_URL = told["oauth_url"]

from linkedin_api.clients.auth.client import AuthClient  # noqa: E402
from linkedin_api.clients.restli.client import RestliClient  # noqa: E402

client = RestliClient()


def sign_in():
    """Returns a token that a member has allowed; the member is played by a few lines here."""
    auth = AuthClient(told["client_id"], told["client_secret"], told["redirect_url"])
    page = requests.get(auth.generate_member_auth_url(["r_sales_nav_analytics"], state="x"), timeout=30)
    request = re.search(r'name="request" value="([^"]+)"', page.text)[1]
    form = {"request": request, "decision": "allow"}
    back = requests.post(f"{told['oauth_url']}/authorization", form, allow_redirects=False, timeout=30)
    code = parse_qs(urlsplit(back.headers["Location"]).query)["code"][0]
    given = auth.exchange_auth_code_for_access_token(code)
    renewed = auth.exchange_refresh_token_for_access_token(given.refresh_token)
    assert auth.introspect_access_token(renewed.access_token).active
    return renewed.access_token


def listed(token, count):
    """Returns all contracts, page by page."""
    found = []
    while True:
        answer = client.finder(
            resource_path="/salesContracts",
            finder_name="contractsByMember",
            query_params={"start": len(found), "count": count},
            access_token=token,
        )
        assert answer.status_code == 200, answer.response.text
        found += answer.elements
        if len(answer.elements) < answer.paging.count:
            return found


def exported(token, contract, action):
    """Returns the file of a job."""
    window = {"startAt": told["start"], "endAt": told["end"], "contract": contract}
    created = client.action(
        resource_path="/salesAnalyticsExportJobs", action_name=action, action_params=window, access_token=token
    )
    assert created.status_code == 200, created.response.text
    while True:
        job = client.get(
            resource_path="/salesAnalyticsExportJobs/{id}",
            path_keys={"id": created.value["id"]},
            query_params={"contract": contract},
            access_token=token,
        ).entity
        if job["status"] == "COMPLETED":
            headers = {"Authorization": f"Bearer {token}", "X-Restli-Protocol-Version": "2.0.0"}
            return requests.get(job["downloadUrl"], headers=headers, timeout=30).content.decode()
        time.sleep(0.05)


token = sign_in()
contracts = listed(token, 10)
# so long a query is tunnelled
assert listed(token, "0" * 4100 + "10") == contracts
allowed = [one["contract"] for one in contracts if one["hasReportingAccess"]]
print(json.dumps({action: {urn: exported(token, urn, action) for urn in allowed} for action in told["actions"]}))
