"""What every page shares: forms, languages, sessions, safe headers, and the cache of pages."""
