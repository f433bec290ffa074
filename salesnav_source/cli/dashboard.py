"""`salesnav dashboard`: serves the pages for a browser on this machine."""

import argparse
import os
import sys
import webbrowser

from salesnav_source.cli.marts import marts_of, require_extra
from salesnav_source.cli.terminal import COMPLETE, STOPPED, say


def run(options: argparse.Namespace) -> int:
    """Serves the dashboard until Ctrl-C.

    Raises:
        ConfigurationError: if there is nothing to show, with what to do.
    """
    require_extra()
    from salesnav_source.dashboard.scope import Scope
    from salesnav_source.dashboard.server import LOOPBACK, listen, make, run

    marts = marts_of(options)
    # what is missing is said here, where it can be mended
    Scope.of(marts)
    alone = options.host in LOOPBACK
    if not alone:
        what = "everything but names" if options.hide_names else "everything, names and e-mail addresses too"
        say(
            f"Whoever reaches {options.host} can see {what}: there is no login. Put it behind a proxy that asks for one, or"
            " leave out --host."
        )

    application = make(marts, not options.hide_names, LOOPBACK if alone else None)
    listening = listen(options.host, options.port)
    host = "127.0.0.1" if alone or options.host == "0.0.0.0" else options.host
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/"
    print(f"The dashboard is at {address} until Ctrl-C.", flush=True)
    if not options.no_browser:
        webbrowser.open(address)
    try:
        run(application, listening)
    except KeyboardInterrupt:
        say("Stopped.")
        sys.stdout.flush()
        sys.stderr.flush()
        # Python would wait for the threads of marimo's sessions, which wait for their browsers
        os._exit(STOPPED)
    return COMPLETE
