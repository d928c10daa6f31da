"""`pgweir explain` on a real PostgreSQL."""
