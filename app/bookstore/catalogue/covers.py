"""Drawn covers: every book without a picture gets a look of its own, always the same."""

import hashlib

PALETTES = 10
PATTERNS = 5


def cover_style(title: str, author: str) -> str:
    """Return the CSS classes of a book's drawn cover, chosen by a hash of title and author."""
    digest = hashlib.sha256(f"{title}\0{author}".encode()).digest()
    return f"palette-{digest[0] % PALETTES} pattern-{digest[1] % PATTERNS}"
