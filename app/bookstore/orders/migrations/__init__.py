"""The schema of the orders domain: its baseline, and later one revision for each change."""
