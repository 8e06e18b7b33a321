"""kubectl bookstore: what a BookStore needs, said and done from the command line."""
