"""Init SQL: schemas and users of the embedded database, which MySQL takes in at each start."""

from collections.abc import Mapping

EMBEDDED_USER = EMBEDDED_SCHEMA = "bookstore"


def init_sql(passwords: Mapping[str, str]) -> str:
    """Return what MySQL runs at every start, so that a retained volume and a new Secret agree.

    Args:
        passwords: The password of each user by the ending of its name, which is its schema's too.

    Passwords are URL-safe base64 and need no escape. Each statement stands on one line. Source:
    MySQL Reference Manual, ``init_file``.
    """
    return "".join(_statements(ending, password) for ending, password in passwords.items())


def _statements(ending: str, password: str) -> str:
    schema, user = f"{EMBEDDED_SCHEMA}{ending}", f"'{EMBEDDED_USER}{ending}'@'%'"
    # In a grant _ stands for any character.
    pattern = schema.replace("_", r"\_")
    return (
        f"CREATE DATABASE IF NOT EXISTS `{schema}`;\n"
        f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}';\n"
        f"ALTER USER {user} IDENTIFIED BY '{password}';\n"
        f"GRANT ALL PRIVILEGES ON `{pattern}`.* TO {user};\n"
    )
