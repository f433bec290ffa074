"""Faults of downloads: URLs, connections, and files without rows."""

from salesnav_source.sandbox.faults.calls import change, hang, not_json, respond
from salesnav_source.sandbox.faults.declaring import declared
from salesnav_source.sandbox.faults.effects import Content, Empty, Transfer
from salesnav_source.sandbox.faults.model import Fault, TEmpty
from salesnav_source.sandbox.transforms import fewer_rows, more_rows, nothing

_GROUP = "Downloads"


@declared(_GROUP)
def download_url(url: str = "http://127.0.0.1:9/elsewhere") -> Fault:
    """A job names this download URL instead of its own."""
    return change("poll", downloadUrl=url)


@declared(_GROUP)
def expired_url() -> Fault:
    """A download is answered as if its URL had expired (401)."""
    return respond(401, "download")


@declared(_GROUP)
def redirect_download(url: str = "http://127.0.0.1:9/elsewhere", status: int = 302) -> Fault:
    """A download is redirected to another address."""
    return respond(status, "download", body=b"", headers={"Location": url})


@declared(_GROUP)
def not_ready(retry_after: str = "2") -> Fault:
    """A download is answered with 202, no body, and Retry-After."""
    return respond(202, "download", body=b"", headers={"Retry-After": retry_after})


@declared(_GROUP)
def late_answer(seconds: float = 35.0) -> Fault:
    """A download is answered only after 35 seconds."""
    return hang(seconds, "download")


@declared(_GROUP)
def late_first_byte(seconds: float = 35.0) -> Fault:
    """A download is answered at once, but the first byte of its body takes 35 seconds."""
    return stalled_download(0, seconds)


@declared(_GROUP)
def slow_download(bytes_per_second: float = 10_000.0) -> Fault:
    """A download comes slowly."""
    return Fault("download", Transfer(bytes_per_second=bytes_per_second))


@declared(_GROUP)
def trickle(bytes_per_second: float = 20.0) -> Fault:
    """A download trickles: twenty bytes a second."""
    return slow_download(bytes_per_second)


@declared(_GROUP)
def stalled_download(after_bytes: int = 1024, seconds: float = 3600.0) -> Fault:
    """A download stalls for an hour after 1024 bytes."""
    return Fault("download", Transfer(pause=(after_bytes, seconds)))


@declared(_GROUP)
def reset_download(after_bytes: int = 1024) -> Fault:
    """A download is reset after some bytes, which need not all arrive."""
    return Fault("download", Transfer(after_bytes, "reset"))


@declared(_GROUP)
def missing_last_chunk(after_bytes: int | None = None) -> Fault:
    """A download's connection closes without the last chunk, after some bytes or after all."""
    return Fault("download", Transfer(after_bytes, "close"))


@declared(_GROUP)
def cut_download(after_bytes: int = -10) -> Fault:
    """A download ends properly, but in the midst of a row."""
    return Fault("download", Transfer(after_bytes))


@declared(_GROUP)
def short_file(rows: int = 1) -> Fault:
    """A download ends properly, but lacks the last rows."""
    return Fault("download", Content(fewer_rows(rows)))


@declared(_GROUP)
def long_file(rows: int = 1) -> Fault:
    """A download has more rows than the job says."""
    return Fault("download", Content(more_rows(rows)))


@declared(_GROUP)
def false_length(extra: int = 100) -> Fault:
    """A download's Content-Length claims more bytes than come."""
    return Fault("download", Transfer(extra_length=extra))


@declared(_GROUP)
def html_download() -> Fault:
    """A download is answered with 200 and an HTML page."""
    return not_json("download")


@declared(_GROUP)
def empty_download() -> Fault:
    """A download is answered with 200 and not a byte."""
    return Fault("download", Content(nothing))


@declared(_GROUP)
def gzip_download(stop_after: int | None = None) -> Fault:
    """A download is compressed and says so (Content-Encoding: gzip); it may stop early, though properly."""
    return Fault("download", Transfer(stop_after, gzip="encoding"))


@declared(_GROUP)
def gzip_file() -> Fault:
    """A download is a gzip file, without Content-Encoding."""
    return Fault("download", Transfer(gzip="file"))


@declared(_GROUP)
def empty_file(how: TEmpty = "body", always: bool = False) -> Fault:
    """Jobs without rows have a file without a byte, not even a header.

    Args:
        how: What comes instead of a header: no byte, a blank line, a byte order mark, nothing compressed, 204, or 404.
        always: Whether it hits jobs with rows too, which lose them.
    """
    return Fault("create", Empty(how, always), times=None)


@declared(_GROUP)
def no_content() -> Fault:
    """Jobs without rows answer the download with 204."""
    return empty_file("204")


@declared(_GROUP)
def no_file() -> Fault:
    """Jobs without rows answer the download with 404."""
    return empty_file("404")
