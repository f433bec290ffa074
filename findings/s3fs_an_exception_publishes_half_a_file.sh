#!/usr/bin/env bash
# Guess: An object store shows an object when it is whole: an exception inside 'with fs.open(path, "wb")' leaves
#        the old object as it was.
# True:  The end of the with block closes the file, and closing uploads what was written until then. The old
#        object is replaced by the half, and nothing marks it as such. Write to memory first, and give it to
#        fs.pipe_file.
# Tried: 2026-11-29 with s3fs 2026.9.0 on moto 5.2.5; Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet s3fs==2026.9.0 'moto[server]==5.2.5' || exit 75  # not installed: nothing is said of the behaviour
export AWS_DEFAULT_REGION=us-east-1
venv/bin/python - <<'END'
import logging

import s3fs
from moto.server import ThreadedMotoServer

print("s3fs", s3fs.__version__)
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
host, port = server.get_host_and_port()
options = {"endpoint_url": f"http://{host}:{port}", "key": "any", "secret": "any"}

fs = s3fs.S3FileSystem(**options)
fs.mkdir("bucket")
fs.pipe_file("bucket/days.csv", b"day\n1\n2\n3\n")
try:
    with fs.open("bucket/days.csv", "wb") as file:
        file.write(b"day\n1\n")
        raise RuntimeError("the source has no more")
except RuntimeError as error:
    print("raised:", error)
after = fs.cat_file("bucket/days.csv")
print("the object after the exception:", after)
server.stop()
assert after == b"day\n1\n", "the behaviour has changed"
END
