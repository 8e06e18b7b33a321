"""Accounts: who a person is, how they prove it, and when a session ends."""
