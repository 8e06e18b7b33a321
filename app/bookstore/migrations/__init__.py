"""What the migrations of all domains share; their revisions lie in each domain's own folder."""
