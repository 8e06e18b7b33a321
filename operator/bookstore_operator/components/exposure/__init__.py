"""How shoppers reach the store, one file for each way."""
