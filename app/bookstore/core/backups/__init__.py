"""Backups of database and uploads: folders that are whole or absent, and go between databases."""
