"""Books for sale: publish, find, show, and keep their stock."""
