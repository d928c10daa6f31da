"""A scratch PostgreSQL, pgweir before it, and a client that speaks the protocol byte by byte."""
