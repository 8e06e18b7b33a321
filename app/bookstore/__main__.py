"""Let ``python -m bookstore`` be the command line ``bookstore``."""

from bookstore.cli import main

main()
