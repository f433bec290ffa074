"""Tests of export jobs: the state machine, the lanes, and the runner."""
