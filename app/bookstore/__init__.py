"""BookStore, a second-hand book market: accounts, a catalogue and orders in one shop."""
