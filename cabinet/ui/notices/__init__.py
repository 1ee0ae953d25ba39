"""Notices: what happened to the number."""
