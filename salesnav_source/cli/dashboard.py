"""`salesnav dashboard`: serves the pages for a browser on this machine."""

import argparse
import contextlib
import os
import sys
import webbrowser
from typing import TYPE_CHECKING, NoReturn

from salesnav_source.cli.grammar import add_where_marts_are
from salesnav_source.cli.marts import marts_of, require_extra
from salesnav_source.cli.terminal import put, say
from salesnav_source.run.exit_codes import STOPPED

if TYPE_CHECKING:
    from salesnav_source.marts.dashboard.drawing import Renderer


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.description = (
        "Serves pages on use, search, InMail, SSI, seats and data until Ctrl-C. They show what `salesnav transform` has"
        " built. Only this machine can see them, unless --host says otherwise, and only with the address that is printed."
    )
    add_where_marts_are(parser)
    parser.add_argument("--port", type=int, default=0, metavar="N", help="default any free one")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="the address to serve on; default %(default)s, which is"
        " this machine only. On any other, everyone with the printed address sees everything",
    )
    parser.add_argument("--hide-names", action="store_true", help="name nobody: seats are shown by their number")
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open no browser")


def run(options: argparse.Namespace) -> NoReturn:
    """Serves the dashboard until Ctrl-C.

    Raises:
        ConfigurationError: if there is nothing to show, with what to do.
    """
    require_extra()
    from salesnav_source.marts.dashboard.drawing import Renderer

    # they start while the rest is imported
    with Renderer() as renderer, Renderer() as scripts:
        _serve(options, renderer, scripts)


def _serve(options: argparse.Namespace, renderer: "Renderer", scripts: "Renderer") -> NoReturn:
    from salesnav_source.marts.dashboard.scope import Scope
    from salesnav_source.marts.dashboard.server import LOOPBACK, Guard, listen, run
    from salesnav_source.marts.dashboard.site import Site

    marts = marts_of(options)
    # reports what is missing before anything is served
    Scope.of(marts)
    alone = options.host in LOOPBACK
    if not alone:
        what = "everything but names" if options.hide_names else "everything, names and e-mail addresses too"
        say(
            f"Everyone who reaches {options.host} and has the address with its token can see {what}. Both go over the network"
            " unencrypted. Put it behind a proxy with TLS and a login, or leave out --host."
        )
    listening = listen(options.host, options.port)
    port = listening.getsockname()[1]
    site = Site(marts, not options.hide_names, renderer, scripts)
    guard = Guard(site.application, LOOPBACK if alone else None, port)
    host = "127.0.0.1" if alone or options.host == "0.0.0.0" else options.host
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}/?token={guard.token}"
    # until a signal comes; the server may end normally then, or be interrupted
    with contextlib.suppress(KeyboardInterrupt):
        put(f"The dashboard is at {address} until Ctrl-C. Whoever has this address can see it.")
        if not options.no_browser:
            webbrowser.open(address)
        run(guard, listening)
    say("Stopped.")
    sys.stdout.flush()
    sys.stderr.flush()
    renderer.close()
    scripts.close()
    # otherwise Python would wait for threads that still make pages
    os._exit(STOPPED)
