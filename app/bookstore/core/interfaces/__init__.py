"""The seams between the domains: what one may ask of another, and nothing else."""
