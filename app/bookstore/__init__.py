"""BookStore, a second-hand book market: accounts, a catalogue and orders in one shop."""

__version__ = "0.1.0"
