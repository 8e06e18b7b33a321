"""Regular expressions of the formats that the contract knows, each from where it is defined.

They are read by RE2 (the API server, CEL), by Rust's regex (pydantic) and by JavaScript (editors),
so they use neither lookaround nor flags, and no class that one of these reads differently.
"""


def _either_case(word: str) -> str:
    return "".join(f"[{letter.upper()}{letter}]" if letter.isalpha() else letter for letter in word)


_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_ANY_CASE_LABEL = r"[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?"
_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"

STORE_NAME = r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$"
"""A label of RFC 1035, short enough for what is named after the store to be one too."""

LABEL = rf"^{_LABEL}$"
"""What a namespace may be called, with at most 63 characters. Source: Kubernetes, "Object Names and
IDs"; ``IsDNS1123Label``."""

SUBDOMAIN = rf"^{_SUBDOMAIN}$"
"""What most objects of Kubernetes may be called, with at most 253 characters in all; a label may
have any length. Source: Kubernetes, "Object Names and IDs"; ``IsDNS1123Subdomain``."""

QUALIFIED_NAME = rf"^({_SUBDOMAIN}/)?{_NAME}$"
"""A name with an optional prefix. Source: Kubernetes, "Labels and Selectors", syntax;
``IsQualifiedName``."""

LABEL_VALUE = rf"^({_NAME})?$"
"""Source: Kubernetes, "Labels and Selectors", syntax; ``IsValidLabelValue``."""

VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
"""An environment variable's name that every shell knows. Source: POSIX, "Environment Variable
Definition"; Kubernetes, ``IsCIdentifier``."""

ANNOTATION_KEY = rf"^({_ANY_CASE_LABEL}(\.{_ANY_CASE_LABEL})*/)?{_NAME}$"
"""A qualified name whose prefix may have upper case. Source: ``ValidateAnnotations``."""

LONG_PREFIX = r"^[^/]{254}"
"""A prefix of a qualified name that is longer than a subdomain may be."""

DATA_KEY = r"^\.?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$"
"""A key of a Secret: neither . nor .., nor anything that begins with .. Source: Kubernetes,
``IsConfigMapKey``."""

_HOST_LABEL = r"[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?"
_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"

HOST = rf"^{_HOST_LABEL}(\.{_HOST_LABEL})*$"
"""A host name: labels of at most 63 characters, 253 in all. Source: RFC 1123, section 2.1; RFC
1035, section 2.3.4."""

_LOWER_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"

PUBLIC_HOST = rf"^{_LOWER_LABEL}(\.{_LOWER_LABEL})*$"
"""A host name as Ingress, HTTPRoute and certificates take it: in lower case. Source: RFC 1123,
section 2.1; Kubernetes, ``IsDNS1123Subdomain``."""

IPV4 = rf"^{_OCTET}(\.{_OCTET}){{3}}$"
"""Four octets in decimal without leading zeros, which some libraries read as octal. Source: RFC
6943, section 3.1.1."""

NUMERIC = r"^[0-9.]+$"
"""A host of digits and dots alone, which libraries take for an address, never for a name."""

SCHEMA_NAME = r"^[A-Za-z0-9_$-]{1,64}$"
"""The part of MySQL's identifiers that shells, URLs and YAML pass on unharmed. Source: MySQL 8.4
Reference Manual, "Schema Object Names"."""

SYSTEM_SCHEMA = (
    "^("
    + "|".join(
        _either_case(name) for name in ("mysql", "sys", "information_schema", "performance_schema")
    )
    + ")$"
)
"""MySQL's own schemas, in any case. Source: MySQL 8.4 Reference Manual, "The mysql System Schema",
"INFORMATION_SCHEMA Tables", "MySQL Performance Schema", "MySQL sys Schema"."""

_DOMAIN = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_REGISTRY = rf"({_DOMAIN}(\.{_DOMAIN})*|\[[a-fA-F0-9:]+\])(:[0-9]+)?"
_PART = r"[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_ALGORITHM = r"[A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*"

IMAGE = rf"^({_REGISTRY}/)?{_PART}(/{_PART})*(:{_TAG})?(@{_ALGORITHM}:[0-9a-fA-F]{{32,}})?$"
"""A reference of an image. Source: github.com/distribution/reference, grammar."""

IMAGE_OF_SHORT_NAME = rf"^[^@]{{1,255}}(:{_TAG})?(@.+)?$"
"""A reference whose name, registry included, has at most 255 characters. Source: OCI Distribution
Specification, "Pulling manifests"."""

IMAGE_ID = r"^[a-f0-9]{64}$"
"""The ID of an image, which no name may look like. Source: github.com/distribution/reference."""

FILE_SYSTEM_ID = r"^fs-[0-9a-f]{8,40}$"
ACCESS_POINT_ID = r"^fsap-[0-9a-f]{8,40}$"

CERTIFICATE_ARN = r"^arn:aws(-[a-z]+)*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$"
"""Source: AWS Service Authorization Reference, "Actions, resources, and condition keys for AWS
Certificate Manager"."""

_ADDRESS = rf"[A-Za-z0-9.!#$%&*+/=?^_`{{|}}~-]{{1,64}}@{_HOST_LABEL}(\.{_HOST_LABEL})*"

MAIL_SENDER = rf"^({_ADDRESS}|[^<>@,;:\\\x22\x00-\x1f\x7f]+ <{_ADDRESS}>)$"
"""An address, or a name that needs no quotes and an address. Source: RFC 5322, section 3.4."""

ALB_GROUP = r"^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$"
"""Source: AWS Load Balancer Controller, "Ingress annotations", ``group.name``."""

BODY_SIZE = r"^[1-9][0-9]{0,6}[kKmMgG]$"
"""Source: nginx, "Configuration file measurement units"."""

DB_INSTANCE_CLASS = r"^db(\.[a-z0-9]+(-[a-z0-9]+)*){2}$"
"""Family and size of an instance. Source: Amazon RDS User Guide, "DB instance classes"."""

DB_INSTANCE_IDENTIFIER = r"^[a-z](-?[a-z0-9])*$"
"""An identifier in the form in which RDS stores it, with at most 63 characters. Source: Amazon RDS
API Reference, CreateDBInstance."""

DB_SUBNET_GROUP = r"^[a-z][-a-z0-9_.]*$"
"""The name of a DB subnet group as RDS stores it, with at most 255 characters. Source: Amazon RDS
API Reference, CreateDBSubnetGroup, without blanks."""

MYSQL_VERSION = r"^8\.[0-9]{1,2}(\.[0-9]{1,3}(-[A-Za-z0-9]+(\.[A-Za-z0-9]+)*)?)?$"
"""A version of MySQL 8 as RDS names them. Source: Amazon RDS User Guide, "MySQL on Amazon RDS
versions"."""

SECURITY_GROUP_ID = r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$"

_KMS_ID = r"(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_KMS_ALIAS = r"alias/[A-Za-z0-9/_-]{1,250}"
KMS_KEY = (
    rf"^((arn:aws[a-z-]{{0,20}}:kms:[a-z0-9-]{{1,30}}:[0-9]{{12}}:)?{_KMS_ALIAS}"
    rf"|(arn:aws[a-z-]{{0,20}}:kms:[a-z0-9-]{{1,30}}:[0-9]{{12}}:key/)?{_KMS_ID})$"
)
"""A key's ID, alias or ARN. Source: AWS KMS Developer Guide, "Key identifiers"."""

LABEL = rf"^{_LABEL}$"
"""A label of RFC 1123, with at most 63 characters. Source: Kubernetes, "Object Names and IDs"."""

BUCKET = r"^[a-z0-9][-a-z0-9.]{1,61}[a-z0-9](/[A-Za-z0-9_.-]+)*$"
"""A bucket, and a folder in it in characters that need no escape. Source: Amazon S3 User Guide,
"General purpose bucket naming rules"."""

HTTP_URL = rf"^https?://{_HOST_LABEL}(\.{_HOST_LABEL})*(:[0-9]{{1,5}})?/?$"
"""A server's URL without path. Source: RFC 3986, section 3.2."""

S3_BUCKET = r"^[a-z0-9][-a-z0-9.]{1,61}[a-z0-9]$"
NO_S3_BUCKET = r"(\.\.|^[0-9]+(\.[0-9]+){3}$)"
"""A bucket without a folder, and what no bucket is called. Source: Amazon S3 User Guide, "General
purpose bucket naming rules"."""

_PORT = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

HTTPS_URL = rf"^https://{_HOST_LABEL}(\.{_HOST_LABEL})*(:{_PORT})?/?$"
"""A server's URL without path, encrypted. Source: RFC 3986, section 3.2."""

RELEASE = r"^1\.[0-9]{1,3}\.[0-9]{1,3}$"
"""A release of Percona's operator. Source: Percona Operator for MySQL, release notes."""

EFS_PATH = r"^(/[A-Za-z0-9_.-]*[A-Za-z0-9_-])+$"
"""An absolute path in its shortest form: no part is empty, . or .."""

_PATH_PART = r"([A-Za-z0-9_-]|[.][A-Za-z0-9_-])[A-Za-z0-9_.-]*"

ABSOLUTE_PATH = rf"^(/{_PATH_PART})+$"
"""A path in a container: no part is empty, . or .., and none has a colon. Source: Kubernetes,
``ValidateVolumeMounts``."""

RELATIVE_PATH = rf"^{_PATH_PART}(/{_PATH_PART})*$"
"""A path within a volume. Source: Kubernetes, ``validateLocalNonReservedPath``."""

FOREIGN_PATH = rf"^/(etc|mnt|run|srv|var)(/{_PATH_PART})+$"
OWN_PATH = r"^/etc/bookstore(/|$)"
"""Where the shop's container may have more volumes, and where it has its own."""

URL_PATH = r"^/[!-~]*$"
"""A path, with a query where there is one, in characters of ASCII without blanks."""

WEB_NAME = r"^web$"

PORT_NAME = r"^[a-z](-?[a-z0-9])*$"
"""The name of a port, with at most 15 characters. Source: RFC 6335, section 5.1;
``IsValidPortName``."""

OWN_PORT = r"^(http|https|metrics)$"

_WHOLE = r"0*[1-9][0-9]"
_THOUSANDTHS = r"(0{0,2}[1-9]|0?[1-9][0-9]|[1-9][0-9][0-9])"
_EIGHTHS = r"(125|375|625|875|[27]50?|50{0,2})"

BYTES = (
    rf"^\+?({_WHOLE}{{0,18}}([kMGTPE]|[KMGTPE]i|[eE]\+?[0-9]{{1,2}})?"
    rf"|{_WHOLE}{{0,18}}\.0{{1,3}}"
    rf"|{_WHOLE}{{0,18}}\.[0-9]{{1,3}}[kMGTPE]|0*\.{_THOUSANDTHS}[kMGTPE]"
    rf"|{_WHOLE}{{0,18}}\.({_EIGHTHS}|0{{1,3}})[KMGTPE]i|0*\.{_EIGHTHS}[KMGTPE]i)$"
)
"""A positive quantity of whole bytes: without the suffixes n, u and m, and with a fraction only
where the suffix makes it whole, thousandths of 1000 and eighths of 1024. Source: Kubernetes,
"Quantity"."""

CPU = rf"^\+?({_WHOLE}{{0,8}}m?|{_WHOLE}{{0,8}}\.[0-9]{{1,3}}|0*\.{_THOUSANDTHS})$"
"""A positive quantity of CPUs, to the thousandth. Source: Kubernetes, "Resource Management for Pods
and Containers", CPU resource units."""

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def _cron_field(value: str, names: tuple[str, ...] = ()) -> str:
    one = "|".join([value, *names, *map(str.upper, names)])
    item = rf"(\*|({one})(-({one}))?)(/[1-9][0-9]?)?"
    return f"{item}(,{item})*"


CRON = (
    "^("
    + " +".join(
        (
            _cron_field("[0-5]?[0-9]"),
            _cron_field("2[0-3]|[01]?[0-9]"),
            _cron_field("3[01]|[12][0-9]|0?[1-9]"),
            _cron_field("1[0-2]|0?[1-9]", MONTHS),
            _cron_field("[0-6]", WEEKDAYS),
        )
    )
    + "|@(yearly|annually|monthly|weekly|daily|midnight|hourly))$"
)
"""A schedule that Kubernetes takes, but for ranges that run backwards, which the expression cannot
see. Kubernetes takes a few more: ? for *, names in mixed case, and @every. Source:
``robfig/cron`` v3, ``ParseStandard``."""

TIME_ZONE = r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9][A-Za-z0-9_+-]*){0,2}$"
"""The name of a time zone. Source: IANA, "Theory and pragmatics of the tz code and data"."""

LOCAL_TIME = "^" + _either_case("local") + "$"
"""The zone of whatever machine it is, which Kubernetes refuses. Source: Kubernetes,
``validateTimeZone``."""

BACKUP_NAME = r"^([0-9]{8}-[0-9]{6}-[0-9]{6}|latest)$"
"""The moment when a backup began, in UTC, down to the microsecond."""
