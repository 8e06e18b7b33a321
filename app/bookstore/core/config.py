"""Settings of the shop, read from the environment under the names of the operator's contract."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

MINIMUM_SECRET_LENGTH = 16

FIXES = {
    "db_port": "a port number from 1 to 65535",
    "db_tls": "disabled, required or verify-identity",
    "db_pool_size": "a whole number from 1 to 100",
    "flask_env": "development, production or testing",
    "port": "a port number from 1 to 65535",
    "forwarded_hops": "the number of proxies in front of the shop, from 0 to 10",
    "web_concurrency": "a number of worker processes from 1 to 64",
    "web_threads": "a number of threads for each worker from 1 to 64",
    "metrics_port": "a port number from 1 to 65535, or leave it out",
    "page_cache_seconds": "a number of seconds from 0 to 60",
    "log_level": "DEBUG, INFO, WARNING or ERROR",
}

Port = Annotated[int, Field(ge=1, le=65535)]


class ConfigurationInvalid(Exception):
    """Tell in one sentence which variable is wrong, its value unless secret, and the fix."""


class Settings(BaseSettings):
    """Hold the shop's settings; every field is the environment variable of the same name.

    Without any variable the shop runs for a developer, on SQLite under ``./var``.
    An empty variable counts as absent, as compose files write them.
    """

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    sqlalchemy_database_uri: SecretStr | None = None
    db_host: str | None = None
    db_port: Port = 3306
    db_name: str | None = None
    db_user: str | None = None
    db_password: SecretStr | None = None
    db_tls: Literal["disabled", "required", "verify-identity"] = "disabled"
    db_tls_ca: Path | None = None
    db_pool_size: Annotated[int, Field(ge=1, le=100)] = 4
    secret_key: SecretStr | None = None
    secret_key_fallbacks: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    flask_env: Literal["development", "production", "testing"] = "development"
    port: Port = 5000
    metrics_port: Port | None = None
    uploads_dir: Path | None = None
    backups_dir: Path | None = None
    instance_dir: Path = Path("var")
    forwarded_hops: Annotated[int, Field(ge=0, le=10)] = 0
    trusted_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    web_concurrency: Annotated[int, Field(ge=1, le=64)] = 2
    web_threads: Annotated[int, Field(ge=1, le=64)] = 8
    page_cache_seconds: Annotated[float, Field(ge=0, le=60)] = 2
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("trusted_hosts", "secret_key_fallbacks", mode="before")
    @classmethod
    def split_commas(cls, value: object) -> object:
        """Split a comma separated variable into its trimmed, non-empty members."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @model_validator(mode="after")
    def check_together(self) -> Self:
        """Refuse settings that are right one by one and wrong together.

        :raise ValueError: with the whole sentence for the person who configures.
        """
        if self.sqlalchemy_database_uri is not None:
            self._check_uri()
        else:
            self._check_parts()
        if self.db_tls == "verify-identity" and self.db_tls_ca is None:
            raise ValueError(
                "DB_TLS is verify-identity and DB_TLS_CA is not set; "
                "set DB_TLS_CA to the file with the authority's certificate."
            )
        if self.db_tls_ca is not None and not self.db_tls_ca.is_file():
            raise ValueError(
                f"DB_TLS_CA is {self.db_tls_ca}, which is no file; "
                "set it to the file with the authority's certificate."
            )
        if self.secret_key is None and (self.flask_env == "production" or not self.on_sqlite):
            raise ValueError(
                "SECRET_KEY is not set and the shop is not on a developer's SQLite; "
                "set it to a random text of 32 characters or more, the same on all replicas."
            )
        if (
            self.secret_key is not None
            and len(self.secret_key.get_secret_value()) < MINIMUM_SECRET_LENGTH
        ):
            raise ValueError(
                f"SECRET_KEY has fewer than {MINIMUM_SECRET_LENGTH} characters; "
                "set it to a random text of 32 characters or more."
            )
        return self

    def _check_uri(self) -> None:
        try:
            url = self.database_url
        except ArgumentError:
            raise ValueError(
                "SQLALCHEMY_DATABASE_URI cannot be read as a database URI; "
                "write it as mysql+pymysql://user:password@host:3306/name."
            ) from None
        if url.drivername not in {"mysql+pymysql", "mariadb+pymysql", "sqlite", "sqlite+pysqlite"}:
            raise ValueError(
                f"SQLALCHEMY_DATABASE_URI begins with {url.drivername}; "
                "begin it with mysql+pymysql, mariadb+pymysql or sqlite."
            )

    def _check_parts(self) -> None:
        parts = {
            "DB_HOST": self.db_host,
            "DB_NAME": self.db_name,
            "DB_USER": self.db_user,
            "DB_PASSWORD": self.db_password,
        }
        given = [name for name, value in parts.items() if value is not None]
        missing = [name for name, value in parts.items() if value is None]
        if given and missing:
            raise ValueError(
                f"{missing[0]} is not set although {given[0]} is; set DB_HOST, DB_NAME, DB_USER "
                "and DB_PASSWORD together, or none of them for SQLite."
            )

    @property
    def database_url(self) -> URL:
        """Return the URL of the database: the URI, else the DB_ variables, else SQLite."""
        if self.sqlalchemy_database_uri is not None:
            return make_url(self.sqlalchemy_database_uri.get_secret_value())
        if self.db_host is None:
            return URL.create(
                "sqlite", database=str(self.instance_dir.absolute() / "bookstore.sqlite3")
            )
        return URL.create(
            "mysql+pymysql",
            username=self.db_user,
            password=self.db_password.get_secret_value() if self.db_password else None,
            host=self.db_host,
            port=self.db_port,
            database=self.db_name,
        )

    @property
    def on_sqlite(self) -> bool:
        """Tell whether the database is SQLite, the one for a developer alone."""
        return self.database_url.get_backend_name() == "sqlite"

    @property
    def uploads(self) -> Path:
        """Return the folder of uploaded covers, shared by all replicas."""
        return self.uploads_dir or self.instance_dir.absolute() / "uploads"

    @property
    def backups(self) -> Path:
        """Return the folder of backups, shared by all replicas."""
        return self.backups_dir or self.instance_dir.absolute() / "backups"


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment.

    :param overrides: values that win over the environment, by field name.
    :return: the checked settings.
    :raise ConfigurationInvalid: with one sentence on the first thing that is wrong.
    """
    try:
        return Settings(**overrides)
    except ValidationError as invalid:
        raise ConfigurationInvalid(_sentence(invalid)) from None


def _sentence(invalid: ValidationError) -> str:
    error = invalid.errors(include_url=False)[0]
    if not error["loc"]:
        return str(error["ctx"]["error"])
    field = str(error["loc"][0])
    fix = FIXES.get(field, "a valid value")
    secret = Settings.model_fields[field].annotation in (SecretStr, SecretStr | None)
    shown = "not valid" if secret else f'"{error["input"]}"'
    return f"{field.upper()} is {shown}; set it to {fix}."
