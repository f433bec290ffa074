"""Days, windows and coverage: pure arithmetic."""
