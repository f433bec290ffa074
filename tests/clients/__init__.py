"""Clients that others wrote, unchanged, against the sandbox: each must get every row."""
