"""A hub's store in SQLite: one file, one process."""
