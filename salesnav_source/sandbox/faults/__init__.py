"""Faults of the sandbox: which requests they hit and what happens to those.

A `Fault` is made by one of the functions here and narrowed with `Fault.where`:

    throttle(retry_after="5").where(times=3)
    too_large(longer_than=30).where(export="activities")
    reset_download(after_bytes=4096).where(contract="urn:li:contract:210001", after=1)

Faults hit requests that the API would accept; what it refuses is refused all the same. All faults that match a request
hit it together. docs/sandbox.md lists the ready-made ones.

- `model`: what a fault is, and what an effect may change.
- `effects`: what can happen to a request.
- `declaring`: the list of ready-made faults, their names on the command line, and the tables of the documentation.
- the other modules: the faults, by what they are about. A new one is a function there with `@declared` and a docstring.
"""

# so that a fault is named only where it is declared
from salesnav_source.sandbox.faults.calls import *  # noqa: F403
from salesnav_source.sandbox.faults.columns import *  # noqa: F403
from salesnav_source.sandbox.faults.declaring import FAULTS as FAULTS
from salesnav_source.sandbox.faults.declaring import describe as describe
from salesnav_source.sandbox.faults.declaring import parse_fault as parse_fault
from salesnav_source.sandbox.faults.declaring import tables as tables
from salesnav_source.sandbox.faults.downloads import *  # noqa: F403
from salesnav_source.sandbox.faults.files import *  # noqa: F403
from salesnav_source.sandbox.faults.jobs import *  # noqa: F403
from salesnav_source.sandbox.faults.lists import *  # noqa: F403
from salesnav_source.sandbox.faults.model import Answer as Answer
from salesnav_source.sandbox.faults.model import Call as Call
from salesnav_source.sandbox.faults.model import Effect as Effect
from salesnav_source.sandbox.faults.model import Fault as Fault
from salesnav_source.sandbox.faults.model import JobPlan as JobPlan
from salesnav_source.sandbox.faults.model import Listing as Listing
from salesnav_source.sandbox.faults.model import Stage as Stage
from salesnav_source.sandbox.faults.model import error_body as error_body
from salesnav_source.sandbox.faults.signing_in import *  # noqa: F403
from salesnav_source.sandbox.faults.windows import *  # noqa: F403
