"""Settings of the shop, read from the environment under the names of the operator's contract."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import URL, make_url

from bookstore.core.config.checks import PUBLIC_URL_FIX, Problem, problems_together

FIXES = {
    "db_port": "a port number from 1 to 65535",
    "db_tls": "disabled, preferred, required or verify-identity",
    "db_pool_size": "a whole number from 1 to 100",
    "flask_env": "development, production or testing",
    "port": "a port number from 1 to 65535",
    "forwarded_hops": "the number of proxies in front of the shop, from 0 to 10",
    "web_concurrency": "a number of worker processes from 1 to 64",
    "web_threads": "a number of requests at once for each worker from 1 to 64",
    "metrics_port": "a port number from 1 to 65535, or leave it out",
    "otel_exporter_otlp_endpoint": "the URL of a collector, such as http://collector:4318",
    "https_port": "a port number from 1 to 65535, or leave it out",
    "keepalive_seconds": "a number of seconds from 1 to 3600",
    "drain_seconds": "a number of seconds from 0 to 300",
    "page_cache_seconds": "a number of seconds from 0 to 60",
    "s3_endpoint": "the URL of a server that speaks S3, such as https://s3.example.com",
    "s3_bucket": "the name of a bucket, such as bookstore-backups",
    "s3_prefix": "a folder in the bucket, such as bookstore/prod",
    "s3_force_path_style": "true or false, or leave it out",
    "smtp_port": "a port number from 1 to 65535",
    "smtp_tls": "starttls, tls or disabled",
    "public_url": PUBLIC_URL_FIX,
    "auth_url": "the address of the app that serves accounts, such as https://books.example.com",
    "catalogue_url": "the address of the app that serves the catalogue",
    "orders_url": "the address of the app that serves carts and orders",
    "time_zone": "a name of the time zone database, such as America/Bogota",
    "smtp_from": "an address to send from, such as BookStore <books@example.com>",
    "log_level": "DEBUG, INFO, WARNING or ERROR",
    "service": "auth, catalogue or orders, or leave it out for the whole shop",
    "internal_port": "a port number from 1 to 65535",
    "auth_internal_url": "the address of auth's internal port, such as http://auth:5001",
    "catalogue_internal_url": "the address of its internal port, such as http://catalogue:5001",
    "orders_internal_url": "the address of orders' internal port, such as http://orders:5001",
}

Port = Annotated[int, Field(ge=1, le=65535)]
Service = Literal["auth", "catalogue", "orders"]
SERVICES: tuple[Service, ...] = get_args(Service)
PublicAddress = Annotated[str | None, Field(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+/?$")]
CollectorAddress = Annotated[str | None, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")]


def _known_time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("no such time zone")
    return name


class ConfigurationInvalid(Exception):
    """Settings are wrong; the message names each variable, its value unless secret, and the fix."""


class Settings(BaseSettings):
    """The shop's settings; every field is the environment variable of the same name.

    Without any variable the shop runs for a developer, on SQLite under ``./var``.
    An empty variable counts as absent, as compose files write them.
    """

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    sqlalchemy_database_uri: SecretStr | None = None
    """The database's URI, `mysql+pymysql://user:password@host:3306/name`; it wins over `DB_…`."""
    db_host: str | None = None
    """The database server; without it and a URI the shop runs on SQLite in `INSTANCE_DIR`."""
    db_port: Port = 3306
    """The database server's port."""
    db_reader_host: str | None = None
    """Servers of the same database whose rows may be a moment late, at the same port and for the
    same user: pages for people who are not logged in ask them. Without it nobody does."""
    db_name: str | None = None
    """The database's name."""
    db_user: str | None = None
    """The user that the shop is to the database."""
    db_password: SecretStr | None = None
    """That user's password."""
    db_tls: Literal["disabled", "preferred", "required", "verify-identity"] = "preferred"
    """How the connection is encrypted: `preferred` where the server offers it, without any check
    of who it is; `required` always, checked against `DB_TLS_CA` where that is set; and
    `verify-identity` always, with the server's certificate and name checked."""
    db_tls_ca: Path | None = None
    """A file with the authorities that the server's certificate is checked against."""
    db_pool_size: Annotated[int, Field(ge=1, le=100)] = 4
    """How many connections a worker keeps; it opens up to twice as many, and with
    `DB_READER_HOST` as many again there."""
    secret_key: SecretStr | None = None
    """What signs sessions and links in mail: a random text of 32 characters or more."""
    secret_key_fallbacks: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Former keys, separated by commas, whose signatures are still believed."""
    flask_env: Literal["development", "production", "testing"] = "development"
    """Where the shop runs; `production` wants a `SECRET_KEY` on SQLite too."""
    port: Port = 5000
    """The port that the shop listens at."""
    https_port: Port | None = None
    """A second port, for what comes by https through a load balancer that ends TLS and says nothing
    of it; a reader of an https `PUBLIC_URL` who comes in at `PORT` is then sent to it."""
    metrics_port: Port | None = None
    """The port of `/metrics` for Prometheus; without it there are none."""
    otel_exporter_otlp_endpoint: CollectorAddress = None
    """The collector that traces are sent to by OTLP over HTTP; without it there are none. Other
    variables of OpenTelemetry, such as `OTEL_TRACES_SAMPLER`, have an effect then too."""
    uploads_dir: Path | None = None
    """The folder of covers, shared by all replicas; `uploads` in `INSTANCE_DIR` by default."""
    backups_dir: Path | None = None
    """The folder of backups, shared by all replicas; `backups` in `INSTANCE_DIR` by default."""
    s3_bucket: Annotated[str | None, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = None
    """The bucket of S3, or of a server that speaks it, that backups are copied to; none without."""
    s3_prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*)?$")] = ""
    """The folder in the bucket; each shop needs one of its own."""
    s3_region: str | None = None
    """The bucket's region; without it that of `AWS_REGION`, or else us-east-1."""
    s3_endpoint: PublicAddress = None
    """The server that speaks S3; Amazon's without it."""
    s3_access_key_id: SecretStr | None = None
    """The key of the bucket; without it the identity that the machine or pod has by itself."""
    s3_secret_access_key: SecretStr | None = None
    """That key's secret."""
    s3_ca: Path | None = None
    """A file with the authorities that the server's certificate is checked against; those of the
    system without it."""
    s3_force_path_style: bool | None = None
    """Whether the bucket stands in the path of the URL and not in its host; by default it does
    where `S3_ENDPOINT` is set."""
    instance_dir: Path = Path("var")
    """The folder of what is kept where nothing else is said: SQLite, key, uploads."""
    public_url: PublicAddress = None
    """The address that readers open; the links in mail begin with it. `SMTP_HOST` wants it."""
    auth_url: PublicAddress = None
    """Where accounts are, when another app serves them at a host of their own."""
    catalogue_url: PublicAddress = None
    """Where the catalogue is, when another app serves it at a host of its own."""
    orders_url: PublicAddress = None
    """Where carts and orders are, when another app serves them at a host of their own."""
    time_zone: Annotated[str, AfterValidator(_known_time_zone)] = "America/Bogota"
    """The time zone of the shop's times, for readers who chose none and in mail."""
    smtp_host: str | None = None
    """The server that sends mail; without it, mail is written into `OUTBOX_DIR`."""
    smtp_port: Port = 587
    """The mail server's port."""
    smtp_tls: Literal["starttls", "tls", "disabled"] = "starttls"
    """How the connection to the mail server is encrypted."""
    smtp_user: str | None = None
    """The user that the shop is to the mail server, where it asks for one."""
    smtp_password: SecretStr | None = None
    """That user's password."""
    smtp_from: Annotated[str | None, Field(pattern=r"^[^\x00-\x1f]*$")] = None
    """The sender of the shop's mail."""
    outbox_dir: Path | None = None
    """The folder of mail that is not sent; `outbox` in `INSTANCE_DIR` by default."""
    forwarded_hops: Annotated[int, Field(ge=0, le=10)] = 0
    """How many proxies in front of the shop have their X-Forwarded headers believed."""
    trusted_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """The names that the shop answers to, separated by commas; all where it is empty."""
    web_concurrency: Annotated[int, Field(ge=1, le=64)] = 2
    """How many processes serve."""
    web_threads: Annotated[int, Field(ge=1, le=64)] = 8
    """How many requests each of them works on at once; clients that are slow are not counted."""
    keepalive_seconds: Annotated[int, Field(ge=1, le=3600)] = 5
    """How long a connection is kept for its next request: longer than a proxy in front keeps it,
    or a request is lost now and then that it sends while the shop closes the connection."""
    drain_seconds: Annotated[float, Field(ge=0, le=300)] = 0
    """How long the shop goes on serving after SIGTERM, while `/readyz` says 503."""
    page_cache_seconds: Annotated[float, Field(ge=0, le=60)] = 2
    """How long a process sends a public page without asking the database; 0 for not at all."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """What is logged at least."""
    service: Service | None = None
    """The one service that is run here, with a database of its own; without it the whole shop.
    `--service` of a command wins over it."""
    internal_port: Port = 5001
    """The port that a service listens at for the others; nothing outside may reach it."""
    service_key_file: Path | None = None
    """The file of a service's private keys, by which the others know its calls:
    `bookstore keys create` makes it."""
    auth_internal_url: PublicAddress = None
    """Where the internal port of the service auth is."""
    catalogue_internal_url: PublicAddress = None
    """Where the internal port of the service catalogue is."""
    orders_internal_url: PublicAddress = None
    """Where the internal port of the service orders is."""

    @field_validator("trusted_hosts", "secret_key_fallbacks", mode="before")
    @classmethod
    def split_commas(cls, value: object) -> object:
        """Split a comma separated variable into its trimmed, non-empty members."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

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
    def reader_url(self) -> URL | None:
        """Return the URL of the servers whose rows may be late, None where there are none."""
        if self.db_reader_host is None or self.on_sqlite:
            return None
        return self.database_url.set(host=self.db_reader_host)

    @property
    def domains(self) -> tuple[str, ...]:
        """Return the domains that are served here: one, or those of the whole shop."""
        return SERVICES if self.service is None else (self.service,)

    @property
    def public_urls(self) -> Mapping[str, str | None]:
        """Where shoppers find each service; None for what is at the shop's one host."""
        return {"auth": self.auth_url, "catalogue": self.catalogue_url, "orders": self.orders_url}

    @property
    def internal_urls(self) -> Mapping[str, str | None]:
        """Return where the internal port of each other service is."""
        urls = {
            "auth": self.auth_internal_url,
            "catalogue": self.catalogue_internal_url,
            "orders": self.orders_internal_url,
        }
        return {name: url for name, url in urls.items() if name not in self.domains}

    @property
    def on_sqlite(self) -> bool:
        """Whether the database is SQLite, the one for a developer alone."""
        return self.database_url.get_backend_name() == "sqlite"

    @property
    def most_connections(self) -> int:
        """How many connections the processes of one replica may open, where not on SQLite.

        Those to the reader count as well: where one server is left it has all of them.
        """
        pools = 1 if self.reader_url is None else 2
        return self.web_concurrency * pools * 2 * self.db_pool_size

    @property
    def sends_mail(self) -> bool:
        """Whether mail reaches people: without SMTP_HOST it is written into a folder."""
        return self.smtp_host is not None

    @property
    def link_base(self) -> str:
        """Return scheme and host that links in mail begin with, without a last slash."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        if self.trusted_hosts:
            return f"https://{self.trusted_hosts[0]}"
        return f"http://localhost:{self.port}"

    @property
    def uploads(self) -> Path:
        """Return the folder of uploaded covers, shared by all replicas."""
        return self.uploads_dir or self.instance_dir.absolute() / "uploads"

    @property
    def backups(self) -> Path:
        """Return the folder of backups, shared by all replicas."""
        return self.backups_dir or self.instance_dir.absolute() / "backups"

    @property
    def outbox(self) -> Path:
        """Return the folder that mail is written to where no SMTP_HOST is set."""
        return self.outbox_dir or self.instance_dir.absolute() / "outbox"


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment.

    :param overrides: values that win over the environment, by field name.
    :return: the checked settings.
    :raise ConfigurationInvalid: with a sentence on each thing that is wrong.
    """
    settings, problems = examine_settings(**overrides)
    if problems:
        raise ConfigurationInvalid(" ".join(problem.sentence for problem in problems))
    return settings


def examine_settings(**overrides: Any) -> tuple[Settings, list[Problem]]:
    """Read the settings from the environment, right or wrong.

    :return: the settings, with a default for each field that cannot be read; and all that is
        wrong with them.
    """
    problems: list[Problem] = []
    try:
        settings = Settings(**overrides)
    except ValidationError as invalid:
        wrong = {str(error["loc"][0]): error["input"] for error in invalid.errors()}
        problems += [_problem(field, value) for field, value in wrong.items()]
        defaults = {field: Settings.model_fields[field].default for field in wrong}
        settings = Settings(**{**overrides, **defaults})
    problems += problems_together(settings)
    return settings, problems


def _problem(field: str, value: object) -> Problem:
    fix = FIXES.get(field, "a valid value")
    secret = Settings.model_fields[field].annotation in (SecretStr, SecretStr | None)
    shown = "not valid" if secret else f'"{value}"'
    return Problem(field.upper(), f"{field.upper()} is {shown}; set it to {fix}.")
