"""A stand-in for LinkedIn's Sales Navigator Analytics API on this machine, with invented data, for trying and testing.

LinkedIn takes no new partners and withdrew its mock data, so this is the one way to run an export without production
access:

    with Sandbox(World(seats_per_contract=5)) as sandbox:
        print(sandbox.base_url, sandbox.access_token)
"""

from salesnav_source.sandbox.data import ACTIVITY_MIX, DEFAULT_CONTRACTS, FILE_COLUMNS, ContractSpec, World
from salesnav_source.sandbox.faults import FAULTS, Fault, describe, parse_fault
from salesnav_source.sandbox.jobs import JobRecord
from salesnav_source.sandbox.request import RequestRecord
from salesnav_source.sandbox.server import Sandbox
from salesnav_source.sandbox.stories import Stories

__all__ = [
    "ACTIVITY_MIX",
    "DEFAULT_CONTRACTS",
    "FAULTS",
    "FILE_COLUMNS",
    "ContractSpec",
    "Fault",
    "JobRecord",
    "RequestRecord",
    "Sandbox",
    "Stories",
    "World",
    "describe",
    "parse_fault",
]
