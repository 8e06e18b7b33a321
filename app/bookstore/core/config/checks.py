"""Settings that are right one by one and wrong together."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy.exc import ArgumentError

if TYPE_CHECKING:
    from bookstore.core.config.settings import Settings

MINIMUM_SECRET_LENGTH = 16
# A word that is repeated or a run of one key has fewer.
FEWEST_SECRET_CHARACTERS = 6
THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
DRIVERS = frozenset({"mysql+pymysql", "mariadb+pymysql", "sqlite", "sqlite+pysqlite"})
PUBLIC_URL_FIX = "the address that readers open, such as https://books.example.com"
GOOD_SECRET = "set it to a random text of 32 characters or more"  # noqa: S105


@dataclass(frozen=True)
class Problem:
    """What is wrong with a variable and how to mend it, in a sentence."""

    variable: str
    sentence: str

    @property
    def of_database(self) -> bool:
        """Whether no connection can be tried before this is mended."""
        return self.variable.startswith(("DB_", "SQLALCHEMY_"))


def problems_together(settings: Settings) -> Iterator[Problem]:
    """Find what is wrong between settings, the database's first."""
    if settings.sqlalchemy_database_uri is not None:
        uri = list(_uri(settings))
    else:
        uri = list(_parts(settings))
    yield from uri
    if settings.db_reader_host is not None and not uri and settings.on_sqlite:
        yield Problem(
            "DB_READER_HOST",
            "DB_READER_HOST is set and the shop is on SQLite; set DB_HOST, DB_NAME, DB_USER and "
            "DB_PASSWORD too, or take DB_READER_HOST out.",
        )
    yield from _tls(settings)
    yield from _secret_key(settings, on_sqlite=not uri and settings.on_sqlite)
    yield from _places(settings)
    yield from _mail(settings)
    yield from _bucket(settings)
    if settings.service is not None:
        yield from _service(settings)


def _uri(settings: Settings) -> Iterator[Problem]:
    name = "SQLALCHEMY_DATABASE_URI"
    try:
        url = settings.database_url
    except ArgumentError:
        yield Problem(
            name,
            f"{name} cannot be read as a database URI; "
            "write it as mysql+pymysql://user:password@host:3306/name.",
        )
        return
    if url.drivername not in DRIVERS:
        yield Problem(
            name,
            f"{name} begins with {url.drivername}; "
            "begin it with mysql+pymysql, mariadb+pymysql or sqlite.",
        )
    elif url.get_backend_name() != "sqlite" and not url.database:
        yield Problem(name, f"{name} names no database; end it with one, as host:3306/name.")


def _parts(settings: Settings) -> Iterator[Problem]:
    parts = {
        "DB_HOST": settings.db_host,
        "DB_NAME": settings.db_name,
        "DB_USER": settings.db_user,
        "DB_PASSWORD": settings.db_password,
    }
    given = [name for name, value in parts.items() if value is not None]
    for name, value in parts.items():
        if given and value is None:
            yield Problem(
                name,
                f"{name} is not set although {given[0]} is; set DB_HOST, DB_NAME, DB_USER "
                "and DB_PASSWORD together, or none of them for SQLite.",
            )


def _tls(settings: Settings) -> Iterator[Problem]:
    authority = settings.db_tls_ca
    fix = "set it to the file with the authority's certificate"
    if authority is None:
        if settings.db_tls == "verify-identity":
            yield Problem(
                "DB_TLS_CA", f"DB_TLS is verify-identity and DB_TLS_CA is not set; {fix}."
            )
        return
    try:
        ssl.create_default_context(cafile=authority)
    except ssl.SSLError:
        yield Problem("DB_TLS_CA", f"DB_TLS_CA is {authority}, which holds no certificate; {fix}.")
    except OSError:
        yield Problem("DB_TLS_CA", f"DB_TLS_CA is {authority}, which is no file; {fix}.")


def cautions(settings: Settings) -> Iterator[str]:
    """Return in sentences what is allowed and may be less than what was meant."""
    if settings.sends_mail and urlsplit(settings.link_base).hostname in THIS_MACHINE:
        yield (
            f"PUBLIC_URL is {settings.public_url}, which readers of mail on another machine "
            f"cannot open; set it to {PUBLIC_URL_FIX}."
        )
    if settings.on_sqlite:
        return
    if settings.db_tls in ("preferred", "disabled") and settings.db_tls_ca is not None:
        yield (
            f"DB_TLS_CA is set and DB_TLS is {settings.db_tls}, which checks no certificate; "
            "set DB_TLS to verify-identity."
        )
    if settings.db_tls == "required" and settings.db_tls_ca is None:
        yield (
            "DB_TLS is required without DB_TLS_CA: the connection to the database is encrypted, "
            "and nothing checks who the server is; set DB_TLS_CA to the file with the authority's "
            "certificate, and DB_TLS to verify-identity."
        )


def _secret_key(settings: Settings, *, on_sqlite: bool) -> Iterator[Problem]:
    keys = [("SECRET_KEY_FALLBACKS", key) for key in settings.secret_key_fallbacks]
    if settings.secret_key is not None:
        keys.insert(0, ("SECRET_KEY", settings.secret_key))
    elif settings.flask_env == "production" or not on_sqlite:
        yield Problem(
            "SECRET_KEY",
            "SECRET_KEY is not set and the shop is not on a developer's SQLite; "
            f"{GOOD_SECRET}, the same on all replicas.",
        )
    for name, secret in keys:
        key = secret.get_secret_value()
        if len(key) < MINIMUM_SECRET_LENGTH:
            short = f"has fewer than {MINIMUM_SECRET_LENGTH} characters"
            yield Problem(name, f"{name} {short}; {GOOD_SECRET}.")
        elif len(set(key)) < FEWEST_SECRET_CHARACTERS:
            yield Problem(name, f"{name} repeats a few characters; {GOOD_SECRET}.")


def _places(settings: Settings) -> Iterator[Problem]:
    ports = {"PORT": settings.port}
    for name, port in (
        ("METRICS_PORT", settings.metrics_port),
        ("HTTPS_PORT", settings.https_port),
        ("INTERNAL_PORT", settings.internal_port if settings.service else None),
    ):
        for other, taken in ports.items():
            if port == taken:
                yield Problem(
                    name, f"{name} and {other} are both {port}; set {name} to another one."
                )
        if port:
            ports[name] = port
    uploads, backups = settings.uploads.absolute(), settings.backups.absolute()
    if backups.is_relative_to(uploads):
        yield Problem(
            "BACKUPS_DIR",
            f"BACKUPS_DIR is {backups}, which lies in UPLOADS_DIR, so that each backup would "
            "hold the ones before; set it to another folder.",
        )


def _service(settings: Settings) -> Iterator[Problem]:
    for name, url in settings.internal_urls.items():
        variable = f"{name.upper()}_INTERNAL_URL"
        if url is None:
            yield Problem(
                variable,
                f"{variable} is not set, and {settings.service} asks {name}; set it to the address "
                f"of the internal port of {name}, such as http://{name}:{settings.internal_port}.",
            )
    path = settings.service_key_file
    if path is None:
        yield Problem(
            "SERVICE_KEY_FILE",
            f"SERVICE_KEY_FILE is not set, by which other services know the calls of "
            f"{settings.service}; set it to a file that bookstore keys create has made.",
        )
    elif not path.is_file() or not os.access(path, os.R_OK):
        yield Problem(
            "SERVICE_KEY_FILE",
            f"SERVICE_KEY_FILE is {path}, which is no file that can be read; "
            f"make it by bookstore keys create {path}.",
        )


def _mail(settings: Settings) -> Iterator[Problem]:
    if settings.smtp_host is not None and "@" not in (settings.smtp_from or ""):
        yield Problem(
            "SMTP_FROM",
            "SMTP_HOST is set and SMTP_FROM is no address to send from; "
            "set SMTP_FROM, such as BookStore <books@example.com>.",
        )
    if settings.smtp_host is not None and settings.public_url is None:
        yield Problem(
            "PUBLIC_URL",
            f"SMTP_HOST is {settings.smtp_host} and PUBLIC_URL is not set, so that links in mail "
            f"would begin with {settings.link_base}; set PUBLIC_URL to {PUBLIC_URL_FIX}.",
        )
    if (settings.smtp_user is None) != (settings.smtp_password is None):
        missing = "SMTP_PASSWORD" if settings.smtp_password is None else "SMTP_USER"
        yield Problem(
            missing,
            f"SMTP_USER and SMTP_PASSWORD are not both set; set {missing} too, "
            "or none of them for a server that asks for neither.",
        )


def _bucket(settings: Settings) -> Iterator[Problem]:
    if (settings.s3_access_key_id is None) != (settings.s3_secret_access_key is None):
        missing = "S3_SECRET_ACCESS_KEY" if settings.s3_access_key_id else "S3_ACCESS_KEY_ID"
        yield Problem(
            missing,
            f"S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY are not both set; set {missing} too, or "
            "none of them for the identity that the machine or pod has by itself.",
        )
