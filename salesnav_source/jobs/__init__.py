"""Export jobs: from the windows of a plan to files received.

`machine` is the pure state machine of one window. `lanes` decides which job comes next: LinkedIn works on one job of a
contract's export at a time. `runner` makes the calls that are due, on the threads of `workers`, by the time of `clock`.
"""
