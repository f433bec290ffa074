import re
from pathlib import Path

import pytest

FINDINGS = Path(__file__).parent.parent / "findings"
SCRIPTS = sorted(path.name for path in FINDINGS.glob("*.sh"))


def test_the_table_lists_every_script_once():
    assert sorted(re.findall(r"\]\((\w+\.sh)\)", (FINDINGS / "README.md").read_text())) == SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_finding_says_what_was_tried_and_pins_it(name):
    text = (FINDINGS / name).read_text()
    comments = "".join(line for line in text.splitlines() if line.startswith("# "))
    assert re.search(r"# Guess: .+# True:  .+# Tried: \d{4}-\d\d-\d\d with ", comments)
    command = (
        r"(?:pip install --quiet|npm install [-\w ]+? --no-fund|npm pack --silent) (.+?) (?:>/dev/null )?(?:\|\||&&)"
    )
    packages = " ".join(re.findall(command, text)).split()
    assert packages and all(re.search(r"[^@=](?:==|@)\d", package) for package in packages)
    assert "mktemp -d" in text and "trap 'rm -rf \"$folder\"' EXIT" in text
