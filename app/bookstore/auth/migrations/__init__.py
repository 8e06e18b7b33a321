"""The schema of the auth domain: its baseline, and later one revision for each change."""
