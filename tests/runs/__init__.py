"""Whole runs against the sandbox, over real sockets and in real processes."""
