"""Benchmarks of the source, beside what else there is to load such files: `python -m benchmarks [--quick]`."""
