"""Several web processes and workers on PostgreSQL and Redis, behind nginx."""
