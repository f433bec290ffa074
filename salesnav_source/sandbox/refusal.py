"""How the sandbox refuses a request."""

from salesnav_source.sandbox.faults.model import Answer, error_body


class RefusedError(Exception):
    """The request is not accepted."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def refused(status: int, message: str, code: int | None = None) -> RefusedError:
    """Returns a refusal of the API."""
    return RefusedError(Answer(status, fields=error_body(status, message, code)))


def unpermitted(place: str, names: set[str]) -> RefusedError:
    """Returns the refusal of parameters or fields that nobody knows, in the words in which LinkedIn refuses them."""
    fields = ", ".join(f"/{name}" for name in sorted(names))
    message = f"Unpermitted fields present in {place}: Data Processing Exception while processing fields [{fields}]"
    return refused(403, message, 100)


def oauth_refused(status: int, error: str, description: str) -> RefusedError:
    """Returns a refusal of LinkedIn's OAuth server."""
    return RefusedError(Answer(status, fields={"error": error, "error_description": description}))
