"""The database's schema, one revision for each change; each also works with the running version."""
