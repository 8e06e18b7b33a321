"""The store's database, one file for each mode."""
