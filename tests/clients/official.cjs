// Signs in and exports everything by LinkedIn's official client for JavaScript; runs in an environment of its own.
// It reads what it is told as JSON from its first argument, and writes what it got as JSON.

const assert = require("node:assert");
const constants = require("linkedin-api-client/dist/lib/utils/constants");
const { AuthClient, RestliClient } = require("linkedin-api-client");

const told = JSON.parse(process.argv[2]);
constants.NON_VERSIONED_BASE_URL = told.base_url;
constants.OAUTH_BASE_URL = told.oauth_url;
const client = new RestliClient();

// Returns a token that a member has allowed; the member is played by a few lines here.
async function signIn() {
  const auth = new AuthClient({
    clientId: told.client_id,
    clientSecret: told.client_secret,
    redirectUrl: told.redirect_url,
  });
  const page = await fetch(auth.generateMemberAuthorizationUrl(["r_sales_nav_analytics"], "x"));
  const request = /name="request" value="([^"]+)"/.exec(await page.text())[1];
  const back = await fetch(`${told.oauth_url}/authorization`, {
    method: "POST",
    body: new URLSearchParams({ request, decision: "allow" }),
    redirect: "manual",
  });
  const code = new URL(back.headers.get("location")).searchParams.get("code");
  const given = await auth.exchangeAuthCodeForAccessToken(code);
  const renewed = await auth.exchangeRefreshTokenForAccessToken(given.refresh_token);
  assert((await auth.introspectAccessToken(renewed.access_token)).data.active);
  return renewed.access_token;
}

// Returns all contracts, page by page.
async function listed(accessToken, count) {
  const found = [];
  for (;;) {
    const { data } = await client.finder({
      resourcePath: "/salesContracts",
      finderName: "contractsByMember",
      queryParams: { start: found.length, count },
      accessToken,
    });
    found.push(...data.elements);
    if (data.elements.length < data.paging.count) return found;
  }
}

// Returns the file of a job.
async function exported(accessToken, contract, actionName) {
  const created = await client.action({
    resourcePath: "/salesAnalyticsExportJobs",
    actionName,
    data: { startAt: told.start, endAt: told.end, contract },
    accessToken,
  });
  for (;;) {
    const { data } = await client.get({
      resourcePath: "/salesAnalyticsExportJobs/{id}",
      pathKeys: { id: created.data.value.id },
      queryParams: { contract },
      accessToken,
    });
    if (data.status === "COMPLETED") {
      const headers = { Authorization: `Bearer ${accessToken}`, "X-Restli-Protocol-Version": "2.0.0" };
      return (await fetch(data.downloadUrl, { headers })).text();
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function main() {
  const token = await signIn();
  const contracts = await listed(token, 10);
  // so long a query is tunnelled
  assert.deepStrictEqual(await listed(token, "0".repeat(4100) + "10"), contracts);
  const files = {};
  for (const action of told.actions) {
    files[action] = {};
    for (const { contract, hasReportingAccess } of contracts) {
      if (hasReportingAccess) files[action][contract] = await exported(token, contract, action);
    }
  }
  console.log(JSON.stringify(files));
}

main();
