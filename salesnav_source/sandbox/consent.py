"""The pages of the sandbox's OAuth server."""

from html import escape

from salesnav_source.sandbox.faults.model import Answer
from salesnav_source.sandbox.refusal import RefusedError

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; padding: 0 1rem; color: #1d2226 }}
button {{ font: inherit; padding: .5rem 1.5rem; margin: 1rem 1rem 0 0 }}
small {{ color: #56687a }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
<p><small>This is the sandbox of salesnav-source. It stands in for LinkedIn, and all its data are invented.</small></p>
</body>
</html>
"""
_QUESTION = """<p>The application <code>{client_id}</code> would like to:</p>
<ul><li>{scope}</li></ul>
<p>You go back to <code>{redirect_uri}</code>.</p>
<form method="post" action="{action}">
<input type="hidden" name="request" value="{request}">
<button name="decision" value="allow">Allow</button>
<button name="decision" value="cancel">Cancel</button>
</form>"""
_SCOPES = {"r_sales_nav_analytics": "Read the Sales Navigator analytics of your contracts (r_sales_nav_analytics)"}


def ask_for_consent(action: str, request: str, client_id: str, scope: str, redirect_uri: str) -> Answer:
    """Returns the page on which a member allows or refuses access.

    Args:
        action: Where the decision is sent.
        request: Names what is decided about.
        client_id: Who asks.
        scope: What is asked for.
        redirect_uri: Where the browser goes afterwards.
    """
    values = {"action": action, "request": request, "client_id": client_id, "redirect_uri": redirect_uri}
    values["scope"] = _SCOPES.get(scope, scope)
    content = _QUESTION.format_map({name: escape(value) for name, value in values.items()})
    return Answer(headers=dict(_HEADERS), body=_page("Allow access?", content))


def refused_page(message: str) -> RefusedError:
    """Returns a refusal that the member sees, because the browser cannot be sent back."""
    content = f"<p>{escape(message)}</p>"
    return RefusedError(Answer(400, dict(_HEADERS), body=_page("Something went wrong", content)))


def _page(title: str, content: str) -> bytes:
    return _PAGE.format(title=title, content=content).encode()
