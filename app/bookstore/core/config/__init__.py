"""The settings of the shop, and the sentences that say what is wrong with them."""
