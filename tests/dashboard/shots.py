"""Pictures of every page of the dashboard and the report, to look at: on a laptop and on a phone, by day and by night."""

import sys
import tempfile
from pathlib import Path

from salesnav_source.marts.dashboard.model import PAGES

from .browser import chromium, opened
from .test_dashboard import base, served_dashboard
from .test_report import report

SIZES = {"laptop": (1440, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")


def main(database: Path, folder: Path) -> None:
    """Makes the pictures.

    Args:
        database: a DuckDB file with marts.
        folder: where they go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser, served_dashboard(database) as address, tempfile.TemporaryDirectory() as beside:
        written = Path(beside) / "report.html"
        done = report(Path(beside), "--database", str(database), "--output", str(written))
        assert done.returncode == 0, done.stderr
        for device, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                options = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
                with opened(browser, "file:", **options) as page:
                    page.goto(written.as_uri())
                    page.wait_for_selector("body[data-drawn=all]")
                    page.screenshot(path=folder / f"report-{device}-{scheme}.png", full_page=True)
                with opened(browser, base(address), **options) as page:
                    page.goto(address)
                    for key in PAGES:
                        page.goto(f"{base(address)}/{key}")
                        page.wait_for_selector("body[data-drawn=all]")
                        page.screenshot(path=folder / f"{key}-{device}-{scheme}.png", full_page=True)
                        print(folder / f"{key}-{device}-{scheme}.png", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
