"""The history of changes: every order and what it did."""
