"""A request as the sandbox received it. If its query is tunnelled, also the request that it means."""

import json
from dataclasses import dataclass, replace
from email.parser import BytesParser
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from salesnav_source.sandbox.faults.model import TCall
from salesnav_source.sandbox.refusal import refused

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
_PARTS = "multipart/mixed"


@dataclass
class RequestRecord:
    """A request that the sandbox received."""

    method: str
    path: str
    raw_query: str
    headers: dict[str, str]
    """By lower-case names."""
    content: bytes
    time: float
    status: int | None = None
    """The HTTP status that was answered; None if nothing was."""
    call: TCall | None = None
    """Which call it is; None if it was refused."""

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address, decoded."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    @property
    def media_type(self) -> str:
        """What the body is said to be, in lower case and without parameters; JSON unless it says otherwise."""
        return self.headers.get("content-type", JSON).partition(";")[0].strip().lower()

    @property
    def is_form(self) -> bool:
        """True if the body is a form."""
        return self.media_type == FORM

    @cached_property
    def body(self) -> Any:
        """The body: parsed JSON or form, the text of what is neither, None if there is none."""
        if not self.content:
            return None
        if self.is_form:
            return dict(parse_qsl(self.content.decode(errors="replace"), keep_blank_values=True))
        try:
            return json.loads(self.content)
        except ValueError:
            return self.content.decode(errors="replace")

    def untunnelled(self) -> "RequestRecord":
        """Returns the request that is meant: Rest.li lets long queries come as the body of a POST.

        Raises:
            RefusedError: if the body holds no query.
        """
        method = self.headers.get("x-http-method-override")
        if method is None or self.method != "POST":
            return self
        query, media_type, content = self.content, JSON, b""
        if self.media_type == _PARTS:
            query, media_type, content = self._parts()
        elif not self.is_form:
            raise refused(400, "A tunnelled query must come as a form, or as a part of multipart/mixed")
        raw_query = "&".join(filter(None, [self.raw_query, query.decode(errors="replace").strip()]))
        headers = {**self.headers, "content-type": media_type}
        return replace(self, method=method.upper(), raw_query=raw_query, headers=headers, content=content)

    def _parts(self) -> tuple[bytes, str, bytes]:
        """Returns the query, and the type of the body and the body itself, which come as two parts."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode("latin-1")
        message = BytesParser().parsebytes(head + self.content)
        parts = [(part.get_content_type(), part.get_payload(decode=True)) for part in message.walk()][1:]
        match parts:
            case [(str(kind), bytes(query)), (str(media_type), bytes(content))] if kind == FORM:
                return query, media_type, content
        raise refused(400, "A tunnelled request has two parts: its query as a form, and its body")
