"""The profile."""
