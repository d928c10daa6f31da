"""`pgweir setup` and what it leaves in a database, on a real PostgreSQL."""
