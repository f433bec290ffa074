"""Draws charts for another process: a line of JSON comes in for each, and a line goes out.

It runs as a script of its own, and imports little, so that it is there at once; and a renderer that dies takes nothing with it.
"""

import base64
import json
import sys
from typing import Any


def _drawn(asked: dict[str, Any]) -> str:
    import vl_convert

    if asked["kind"] == "bundle":
        return str(vl_convert.javascript_bundle())
    if asked["kind"] == "png":
        return base64.b64encode(vl_convert.vegalite_to_png(asked["spec"], scale=2)).decode("ascii")
    return str(vl_convert.vegalite_to_svg(asked["spec"]))


def main() -> None:
    """Answers until nothing more comes."""
    for line in sys.stdin:
        try:
            answer = {"drawn": _drawn(json.loads(line))}
        except Exception as error:
            answer = {"error": str(error)[:500]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    # beside this script lie modules of this package, under names that the standard library has too
    sys.path.pop(0)
    main()
