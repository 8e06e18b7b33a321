"""What every domain of the shop stands on: settings, database, pages, security and health."""
