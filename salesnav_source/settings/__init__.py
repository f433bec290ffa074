"""Settings, and everything else that differs between installations."""
