"""The schema of the catalogue domain: its baseline, and later one revision for each change."""
