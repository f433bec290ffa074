#!/usr/bin/env bash
# Guess: fs.exists(path) and fs.cat_file(path) ask the store, so they see what another worker has just written.
# True:  After an ls() of the folder the answer comes from the remembered listing, for as long as the process
#        runs: exists() is False, and cat_file() raises FileNotFoundError, for an object that is there and that
#        find() names. use_listings_cache=False asks each time.
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

worker = s3fs.S3FileSystem(**options)
another = s3fs.S3FileSystem(**options, skip_instance_cache=True)
careful = s3fs.S3FileSystem(**options, use_listings_cache=False)
worker.mkdir("bucket")
worker.pipe_file("bucket/first", b"1")
worker.ls("bucket")
careful.ls("bucket")
another.pipe_file("bucket/second", b"2")


def read(fs: s3fs.S3FileSystem) -> object:
    try:
        return fs.cat_file("bucket/second")
    except FileNotFoundError as error:
        return type(error).__name__


seen = {
    name: (fs.exists("bucket/second"), read(fs), "bucket/second" in fs.find("bucket"))
    for name, fs in (("as it is", worker), ("without cache", careful))
}
for name, answers in seen.items():
    print(f"{name}: exists, cat_file, in find:", *answers)
server.stop()
assert seen["as it is"] == (False, "FileNotFoundError", True), "the behaviour has changed"
assert seen["without cache"] == (True, b"2", True), "the behaviour has changed"
END
