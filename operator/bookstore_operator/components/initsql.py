"""Init SQL: schemas and users of the embedded database, which MySQL takes in at each start."""

from collections.abc import Iterable, Mapping

EMBEDDED_USER = EMBEDDED_SCHEMA = "bookstore"


def init_sql(passwords: Mapping[str, str]) -> str:
    """Return what MySQL runs at every start, so that a retained volume and a new Secret agree.

    Args:
        passwords: The password of each user by the ending of its name, which is its schema's too.
            The one without is the whole shop's, which has the rights to the schemas of all.

    Passwords are URL-safe base64 and need no escape. Each statement stands on one line. Source:
    MySQL Reference Manual, ``init_file``.
    """
    return "".join(
        _statements(ending, password, [ending] if ending else list(passwords))
        for ending, password in passwords.items()
    )


def _statements(ending: str, password: str, schemas: Iterable[str]) -> str:
    user = f"'{EMBEDDED_USER}{ending}'@'%'"
    # In a grant _ stands for any character.
    patterns = (f"{EMBEDDED_SCHEMA}{one}".replace("_", r"\_") for one in schemas)
    grants = (f"GRANT ALL PRIVILEGES ON `{one}`.* TO {user};\n" for one in patterns)
    return (
        f"CREATE DATABASE IF NOT EXISTS `{EMBEDDED_SCHEMA}{ending}`;\n"
        f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}';\n"
        f"ALTER USER {user} IDENTIFIED BY '{password}';\n"
        f"{''.join(grants)}"
    )
