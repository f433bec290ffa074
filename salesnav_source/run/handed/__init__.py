"""Files that are handed over instead of being exported now: found, looked at, planned and loaded."""
