"""Exit codes of the commands."""

COMPLETE = 0
BROKEN = 1
NOT_TRIED = 2
INCOMPLETE = 3
STOPPED = 130
PIPE_CLOSED = 141
