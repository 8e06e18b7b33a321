"""International Standard Book Numbers: check their digit and write them one way."""


def parse_isbn(text: str) -> str:
    """Read an ISBN-10 or ISBN-13 (ISO 2108), with or without hyphens.

    :return: the thirteen digits.
    :raise ValueError: when the length or the check digit is wrong.
    """
    digits = text.upper().replace("-", "").replace(" ", "")
    if len(digits) == 10 and digits[:9].isascii() and digits[:9].isdigit():
        last = 10 if digits[9] == "X" else int(digits[9]) if digits[9] in "0123456789" else -1
        weighted = sum((10 - place) * int(digit) for place, digit in enumerate(digits[:9]))
        if last >= 0 and (weighted + last) % 11 == 0:
            stem = "978" + digits[:9]
            return stem + check_digit(stem)
    known = len(digits) == 13 and digits.startswith(("978", "979"))
    if known and digits.isascii() and digits.isdigit() and check_digit(digits[:12]) == digits[12]:
        return digits
    raise ValueError("not an ISBN")


def check_digit(stem: str) -> str:
    """Return the thirteenth digit for the first twelve."""
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(stem))
    return str(-weighted % 10)
