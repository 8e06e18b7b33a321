"""A format takes what its source takes, and nothing else.

Each is compared with a plain reference: Python's own library, or the rule as Kubernetes or its
specification writes it. Values are drawn near the edge: valid ones with one character changed,
and lengths around the longest.
"""

from __future__ import annotations

import ipaddress
import posixpath
import string
from collections.abc import Callable
from fractions import Fraction
from itertools import groupby

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bookstore_operator.api import objectstore, percona, rds, scalars, waynames
from bookstore_operator.api.model import format_schema
from tests.unit.operator.openapi import Schema, fits, schema_of

ALNUM = set(string.ascii_letters + string.digits)
LOWER = set(string.ascii_lowercase + string.digits)
DIGITS = set(string.digits)
NEARBY = "aZ0-_./:@+ \n\u00e9"

Texts = st.SearchStrategy[str]

CASES = settings(max_examples=150, deadline=None)


@st.composite
def changed(draw: st.DrawFn, texts: Texts) -> str:
    """Draw a text, and now and then change one of its characters."""
    text = draw(texts)
    if draw(st.booleans()):
        return text
    at = draw(st.integers(0, len(text)))
    put: str = draw(st.sampled_from([*NEARBY, ""]))
    return text[:at] + put + text[at + draw(st.integers(0, 1)) :]


def words(alphabet: str, *lengths: int) -> Texts:
    """Return words that are short, or have one of the lengths."""
    sizes = st.one_of(st.integers(1, 4), st.sampled_from(lengths or (1,)))
    return sizes.flatmap(lambda size: st.text(alphabet, min_size=size, max_size=size))


def joined(texts: Texts, separator: str, most: int) -> Texts:
    """Return texts that are set apart by a separator."""
    return st.lists(texts, min_size=1, max_size=most).map(separator.join)


def is_label(text: str, alphabet: set[str]) -> bool:
    return bool(text) and set(text) <= alphabet | {"-"} and not (text[0] == "-" or text[-1] == "-")


def is_namespace(text: str) -> bool:
    """Kubernetes, ``IsDNS1123Label``."""
    return len(text) <= 63 and is_label(text, LOWER)


def is_subdomain(text: str, alphabet: set[str] = LOWER) -> bool:
    """Kubernetes, ``IsDNS1123Subdomain``: only the whole has a longest length."""
    return len(text) <= 253 and all(is_label(label, alphabet) for label in text.split("."))


def is_host(text: str) -> bool:
    """RFC 1123, section 2.1, and RFC 1035, section 2.3.4."""
    if text and set(text) <= set("0123456789."):
        try:
            return bool(ipaddress.IPv4Address(text))
        except ValueError:
            return False
    labels = text.split(".")
    return len(text) <= 253 and all(is_label(one, ALNUM) and len(one) <= 63 for one in labels)


def is_qualified_name(text: str, alphabet: set[str] = LOWER) -> bool:
    """Kubernetes, ``IsQualifiedName``."""
    *prefix, name = text.split("/")
    if len(prefix) > 1 or (prefix and not is_subdomain(prefix[0], alphabet)):
        return False
    inner = set(name) <= ALNUM | set("-_.")
    return inner and 1 <= len(name) <= 63 and name[0] in ALNUM and name[-1] in ALNUM


def is_annotation_key(text: str) -> bool:
    """Kubernetes, ``ValidateAnnotations``: the case of the prefix does not matter."""
    return is_qualified_name(text, ALNUM)


def is_secret_key(text: str) -> bool:
    """Kubernetes, ``IsConfigMapKey``."""
    if not 1 <= len(text) <= 253 or not set(text) <= ALNUM | set("-._"):
        return False
    return text != "." and not text.startswith("..")


def is_public_host(text: str) -> bool:
    """Kubernetes, the host of an Ingress: a subdomain and no address; with DNS' longest label."""
    digits = set(text) <= set("0123456789.")
    return is_subdomain(text) and not digits and all(len(one) <= 63 for one in text.split("."))


def is_certificate(text: str) -> bool:
    """AWS, "Amazon Resource Names (ARNs)": six parts, of which ACM uses all."""
    arn, partition, service, region, account, resource = [*text.split(":", 5), *[""] * 6][:6]
    kind, _, name = resource.partition("/")
    words = partition.split("-")
    return (
        len(text) <= 200
        and (arn, service, kind, words[0]) == ("arn", "acm", "certificate", "aws")
        and all(word and set(word) <= set(string.ascii_lowercase) for word in words)
        and bool(region)
        and set(region) <= LOWER | {"-"}
        and len(account) == 12
        and set(account) <= set(string.digits)
        and bool(name)
        and set(name) <= ALNUM | {"-"}
    )


def is_class(text: str) -> bool:
    """A subdomain that leaves room for the store's name in that of the Ingress."""
    return is_subdomain(text) and len(text) <= 200


def is_body_size(text: str) -> bool:
    """nginx, "Configuration file measurement units": a number, and always a unit here."""
    number, unit = text[:-1], text[-1:]
    digits = bool(number) and set(number) <= set(string.digits) and number[0] != "0"
    return digits and len(number) <= 7 and unit in {"k", "K", "m", "M", "g", "G"}


def is_alb_group(text: str) -> bool:
    """AWS Load Balancer Controller, ``group.name``: 63 characters, the outer ones alphanumeric."""
    inner = set(text) <= LOWER | set("-.")
    return inner and 1 <= len(text) <= 63 and text[0] in LOWER and text[-1] in LOWER


def is_sender(text: str) -> bool:
    """RFC 5322: an address of words and dots, alone or in angle brackets after a plain phrase.

    320 characters are what RFC 5321 lets the parts of an address add up to.
    """
    phrase, bracket, rest = text.partition(" <")
    if bracket:
        plain = not set(phrase) & set('<>@,;:\\"') and all(
            ord(char) >= 32 and ord(char) != 127 for char in phrase
        )
        if not (phrase and plain and rest.endswith(">")):
            return False
    local, _, domain = (rest[:-1] if bracket else text).rpartition("@")
    labels = domain.split(".")
    words = 1 <= len(local) <= 64 and set(local) <= ALNUM | set(".!#$%&*+/=?^_`{|}~-")
    named = all(is_label(one, ALNUM) and len(one) <= 63 for one in labels)
    return words and named and len(text) <= 320


def is_schema(text: str) -> bool:
    """MySQL 8.4, "Schema Object Names" and its own schemas, in the characters that we take."""
    own = {"mysql", "sys", "information_schema", "performance_schema"}
    return 1 <= len(text) <= 64 and set(text) <= ALNUM | set("_$-") and text.lower() not in own


def is_path(text: str) -> bool:
    """An absolute path in its normal form, in the characters that we take."""
    allowed = set(text) <= ALNUM | set("/_.-") and 2 <= len(text) <= 100
    normal = text[:1] == "/" and text[1:2] != "/" and posixpath.normpath(text) == text
    return allowed and normal and not any(part.endswith(".") for part in text.split("/"))


def is_image(text: str) -> bool:
    """The grammar of github.com/distribution/reference; OCI's longest name, with the registry."""
    if len(text) == 64 and set(text) <= set("0123456789abcdef"):
        return False
    name, at, digest = text.partition("@")
    if at and not is_digest(digest):
        return False
    before, colon, tag = name.rpartition(":")
    if colon and "/" not in tag:
        word = ALNUM | {"_"}
        if not 1 <= len(tag) <= 128 or tag[0] not in word or not set(tag) <= word | set(".-"):
            return False
        name = before
    domain, slash, rest = name.partition("/")
    paths = [name, *([rest] if slash and is_registry(domain) else [])]
    return len(name) <= 255 and any(all(map(is_part, path.split("/"))) for path in paths)


def is_registry(text: str) -> bool:
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, "0"
    if host.startswith("[") and host.endswith("]") and len(host) > 2:
        valid = set(host[1:-1]) <= set(string.hexdigits + ":")
    else:
        valid = all(is_label(label, ALNUM) for label in host.split("."))
    return valid and bool(port) and set(port) <= set(string.digits)


def is_part(text: str) -> bool:
    """Letters and digits, set apart by one dot, by one or two underscores, or by dashes."""
    runs = ["".join(run) for _, run in groupby(text, key=LOWER.__contains__)]
    separators = [run for run in runs if run[0] not in LOWER]
    if not text or text[0] not in LOWER or text[-1] not in LOWER:
        return False
    return all(run in {".", "_", "__"} or set(run) == {"-"} for run in separators)


def is_digest(text: str) -> bool:
    algorithm, _, encoded = text.partition(":")
    for separator in "_+.":
        algorithm = algorithm.replace(separator, "-")
    parts = algorithm.split("-")
    named = all(part and set(part) <= ALNUM and part[0].isalpha() for part in parts)
    return named and len(encoded) >= 32 and set(encoded) <= set(string.hexdigits)


def is_rds_identifier(text: str) -> bool:
    """Amazon RDS API Reference, CreateDBInstance, in the case in which RDS stores it."""
    if not 1 <= len(text) <= 63 or not set(text) <= LOWER | {"-"}:
        return False
    return text[0] in string.ascii_lowercase and text[-1] != "-" and "--" not in text


def is_instance_class(text: str) -> bool:
    """Amazon RDS User Guide, "DB instance classes": db, family and size."""
    first, *parts = text.split(".")
    whole = len(text) <= 40 and first == "db" and len(parts) == 2
    return whole and all(part and all(map(is_word, part.split("-"))) for part in parts)


def is_word(text: str) -> bool:
    return bool(text) and set(text) <= LOWER


def is_subnet_group(text: str) -> bool:
    """Amazon RDS API Reference, CreateDBSubnetGroup, in lower case and without blanks."""
    inner = set(text) <= LOWER | set("-_.") and 1 <= len(text) <= 255
    return inner and text[0] in string.ascii_lowercase


def is_security_group(text: str) -> bool:
    """Amazon EC2 User Guide, resource IDs: the long form and the one before it."""
    prefix, _, digits = text.partition("-")
    return prefix == "sg" and len(digits) in {8, 17} and set(digits) <= set("0123456789abcdef")


def is_dns_label(text: str) -> bool:
    """Kubernetes, ``IsDNS1123Label``."""
    return len(text) <= 63 and is_label(text, LOWER)


def is_bucket(text: str) -> bool:
    """Amazon S3 User Guide, bucket naming rules, and folders in characters without escapes."""
    name, *folders = text.split("/")
    inner = set(name) <= LOWER | set("-.") and 3 <= len(name) <= 63
    outer = inner and name[0] in LOWER and name[-1] in LOWER
    return outer and all(folder and set(folder) <= ALNUM | set("_.-") for folder in folders)


def is_s3_bucket(text: str) -> bool:
    """Amazon S3 User Guide, bucket naming rules."""
    labelled = "/" not in text and is_bucket(text) and ".." not in text
    octets = text.split(".")
    return labelled and not (len(octets) == 4 and all(set(one) <= DIGITS for one in octets))


def is_https_url(text: str) -> bool:
    """RFC 3986: a host, and a port that TCP has."""
    scheme, _, rest = text.removesuffix("/").partition("https://")
    host, colon, port = rest.partition(":")
    labels = all(is_label(one, ALNUM) and len(one) <= 63 for one in host.split("."))
    valid = not colon or (set(port) <= DIGITS and port[:1] not in ("", "0") and int(port) < 65536)
    return text.startswith("https://") and not scheme and labels and valid and len(text) <= 300


def is_folder(text: str) -> bool:
    """A path below another in its normal form."""
    parts = text.split("/")
    return len(text) <= 256 and all(
        part not in ("", ".") and not part.startswith("..") and set(part) <= ALNUM | set("_.-")
        for part in parts
    )


octets = st.sampled_from(
    ["0", "9", "00", "01", "10", "99", "199", "249", "250", "255", "256", "999"]
)
subdomains = joined(words("a0-", 62, 63, 64, 126, 250), ".", 4)
hosts = st.one_of(
    joined(words("aZ0-", 62, 63, 64), ".", 5),
    joined(octets, ".", 5),
    joined(st.one_of(octets, words("a0")), ".", 4),
)
names = words("aZ0-_.", 62, 63, 64)
qualified = st.one_of(names, st.builds("{}/{}".format, subdomains, names))
own = st.sampled_from(["mysql", "sys", "SYS", "Information_Schema", "performance_schema", "mysqlx"])
parts = st.one_of(words("a0._-", 127, 255), st.sampled_from(["a__b", "a--b", "a._b", "a___b"]))
registries = st.one_of(
    st.sampled_from(["localhost:5000", "[::1]:5000", "[::1]", "[]", "a.B:", "UP", "a-", "a..b"]),
    joined(words("aZ0-"), ".", 3),
)
ends = st.one_of(
    st.just(""),
    words("aZ0_.-", 127, 128, 129).map(":{}".format),
    st.builds(
        "@{}:{}".format,
        st.sampled_from(["sha256", "sha512", "a+b", "a.b_c-d", "+a", "0a", "a++b"]),
        words("0aF", 31, 32, 64, 128),
    ),
)
references = st.builds(
    "{}{}{}{}".format,
    st.one_of(st.just(""), registries.map("{}/".format)),
    joined(parts, "/", 3),
    ends,
    ends,
)
paths = joined(words("aZ0-_.", 47, 98, 99), "/", 4).map("/{}".format)
keys = words("aZ0-_.", 252, 253, 254)
public_hosts = st.one_of(subdomains, joined(words("a0-", 62, 63, 64), ".", 5))
certificates = st.builds(
    "arn:{}:acm:{}:{}:certificate/{}".format,
    st.sampled_from(["aws", "aws-cn", "aws-us-gov", "aws-", "aws1", ""]),
    words("a1-", 9),
    words("019", 11, 12, 13),
    words("aF0-", 36, 148, 149, 150),
)
body_sizes = st.builds("{}{}".format, words("019", 6, 7, 8), st.sampled_from("kKmMgGtb"))
mailboxes = st.builds("{}@{}".format, words("aZ0.+", 63, 64, 65), hosts)
senders = st.one_of(mailboxes, st.builds("{} <{}>".format, words('aZ ,@"'), mailboxes))
schemas = st.one_of(words("aZ0_$-", 63, 64, 65), own)
identifiers = words("ab0-", 62, 63, 64)
classes = st.builds("{}.{}.{}".format, st.sampled_from(["db", "dbs"]), words("r7-"), words("2x-"))
buckets = joined(words("ab0-.", 3, 62, 63, 64), "/", 3)
s3_buckets = st.one_of(joined(words("a0-.", 3, 62, 63, 64), ".", 2), joined(octets, ".", 5))
folders = joined(words("aZ0-_.", 127, 128, 255, 256, 257), "/", 4)
urls = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["https", "http", "HTTPS", "s3", ""]),
    joined(words("aZ0-", 62, 63, 64), ".", 5),
    st.sampled_from(["", ":", ":0", ":080", ":1", ":9000", ":65535", ":65536", ":70000", ":1e3"]),
    st.sampled_from(["", "/", "/path", "//"]),
)
groups = st.builds("sg-{}".format, words("0af", 7, 8, 9, 16, 17, 18))

FORMATS: dict[str, tuple[Schema, Callable[[str], bool], Texts]] = {
    "host": (schema_of(scalars.Host), is_host, hosts),
    "secret-name": (schema_of(scalars.SecretName), is_subdomain, subdomains),
    "storage-class": (schema_of(scalars.StorageClassName), is_subdomain, subdomains),
    "secret-key": (schema_of(scalars.SecretKey), is_secret_key, keys),
    "schema": (schema_of(scalars.SchemaName), is_schema, schemas),
    "public-host": (schema_of(waynames.PublicHost), is_public_host, public_hosts),
    "certificate": (schema_of(waynames.CertificateArn), is_certificate, certificates),
    "alb-group": (schema_of(waynames.AlbGroup), is_alb_group, names.map(str.lower)),
    "issuer": (schema_of(waynames.IssuerName), is_subdomain, subdomains),
    "gateway": (schema_of(waynames.GatewayName), is_subdomain, subdomains),
    "listener": (schema_of(waynames.ListenerName), is_subdomain, subdomains),
    "ingress-class": (schema_of(waynames.IngressClassName), is_class, subdomains),
    "body-size": (schema_of(waynames.BodySize), is_body_size, body_sizes),
    "namespace": (schema_of(scalars.NamespaceName), is_namespace, words("a0-", 62, 63, 64)),
    "mail-sender": (schema_of(scalars.MailSender), is_sender, senders),
    "load-balancer-class": (schema_of(waynames.LoadBalancerClass), is_qualified_name, qualified),
    "efs-path": (schema_of(scalars.EfsPath), is_path, paths),
    "rds-identifier": (schema_of(rds.Identifier), is_rds_identifier, identifiers),
    "rds-class": (schema_of(rds.InstanceClass), is_instance_class, classes),
    "rds-subnets": (schema_of(rds.SubnetGroup), is_subnet_group, words("ab0-_.", 254, 255, 256)),
    "security-group": (schema_of(rds.SecurityGroupId), is_security_group, groups),
    "backup-storage": (schema_of(percona.StorageName), is_dns_label, words("a0-", 62, 63, 64)),
    "bucket": (schema_of(percona.Bucket), is_bucket, buckets),
    "s3-bucket": (schema_of(objectstore.BucketName), is_s3_bucket, s3_buckets),
    "s3-prefix": (schema_of(objectstore.Prefix), is_folder, folders),
    "s3-endpoint": (schema_of(objectstore.Endpoint), is_https_url, urls),
    "image": (schema_of(scalars.Image), is_image, references),
}


@pytest.mark.parametrize("name", FORMATS)
@CASES
@given(st.data())
def test_a_format_takes_what_its_source_takes(name: str, data: st.DataObject) -> None:
    schema, reference, texts = FORMATS[name]
    text = data.draw(changed(texts))
    assert fits(schema, text) == (reference(text) and len(text) <= 520), text


@CASES
@given(changed(qualified))
@example("Example.COM/Name")
@example("a" * 253 + "/" + "b" * 63)
@example("a" * 254 + "/b")
def test_a_key_of_annotations_is_one_that_kubernetes_takes(key: str) -> None:
    assert fits(KEY, key) == is_annotation_key(key)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("host", "db.example.com"),
        ("host", "192.0.2.255"),
        ("host", ".".join(["a" * 63] * 3 + ["b" * 61])),
        ("host", "7.internal"),
        ("mail-sender", "books@example.com"),
        ("mail-sender", "Caf\u00e9 O'Brien <books+shop@mail.example.com>"),
        ("secret-name", "a" * 253),
        ("secret-key", ".dockerconfigjson"),
        ("schema", "mysql-shop"),
        ("schema", "2026"),
        ("load-balancer-class", "service.k8s.aws/nlb"),
        ("load-balancer-class", "a" * 253 + "/" + "b" * 63),
        ("efs-path", "/shop/..uploads"),
        ("public-host", ".".join(["a" * 63] * 3 + ["b" * 61])),
        ("public-host", "localhost"),
        ("certificate", "arn:aws-us-gov:acm:us-gov-west-1:123456789012:certificate/0a-1b"),
        ("rds-identifier", "a" * 63),
        ("rds-class", "db.x2iedn.32xlarge"),
        ("rds-class", "db.r5.2xlarge"),
        ("security-group", "sg-0123456789abcdef0"),
        ("image", "123456789012.dkr.ecr.us-east-1.amazonaws.com/bookstore/app:0.1.0"),
        ("image", "a" * 255 + ":" + "b" * 128 + "@sha512:" + "0" * 128),
        ("image", "app@sha256:" + "0" * 32),
        ("image", "[2001:db8::1]:5000/app@sha256:" + "0a" * 32),
    ],
)
def test_a_value_at_the_edge_is_taken(name: str, text: str) -> None:
    schema, reference, _ = FORMATS[name]
    assert reference(text)
    assert fits(schema, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("host", "a" * 64 + ".example.com"),
        ("host", ".".join(["a" * 63] * 4)),
        ("host", "192.0.2.256"),
        ("host", "192.0.2"),
        ("host", "192.0.02.1"),
        ("host", "::1"),
        ("host", "db.example.com."),
        ("host", "-db"),
        ("public-host", "Books.example.com"),
        ("public-host", "*.example.com"),
        ("public-host", "https://books.example.com"),
        ("public-host", "192.0.2.1"),
        ("public-host", "a" * 64 + ".example.com"),
        ("certificate", "arn:aws:iam::123456789012:server-certificate/books"),
        ("certificate", "arn:aws:acm:us-east-1:12345678901:certificate/0a-1b"),
        ("mail-sender", "BookStore"),
        ("mail-sender", "BookStore books@example.com"),
        ("mail-sender", "Books, Inc. <books@example.com>"),
        ("mail-sender", "A\nBcc: b@example.com <books@example.com>"),
        ("mail-sender", "<books@example.com>"),
        ("secret-name", "a" * 254),
        ("secret-key", "."),
        ("secret-key", "..key"),
        ("schema", "MySQL"),
        ("schema", "shop "),
        ("load-balancer-class", "nlb/service/x"),
        ("load-balancer-class", "a" * 254 + "/b"),
        ("efs-path", "/a/../b"),
        ("efs-path", "//a"),
        ("rds-identifier", "a--b"),
        ("rds-identifier", "1a"),
        ("rds-class", "t4g.medium"),
        ("security-group", "sg-0123"),
        ("image", "a" * 256),
        ("image", "0a" * 32),
        ("image", "app:" + "b" * 129),
        ("image", "app@sha256:" + "0" * 31),
    ],
)
def test_a_value_beyond_the_edge_is_refused(name: str, text: str) -> None:
    schema, reference, _ = FORMATS[name]
    assert not reference(text)
    assert not fits(schema, text)


BYTES, CPU = schema_of(scalars.Bytes), schema_of(scalars.Cpu)
KEY = format_schema(scalars.ANNOTATION_KEY)

POWERS = {
    **{suffix: Fraction(1000) ** n for n, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Fraction(1024) ** n for n, suffix in enumerate("KMGTPE", start=1)},
    **{suffix: Fraction(1, 1000**n) for n, suffix in enumerate("mun", start=1)},
    "": Fraction(1),
}
"""Kubernetes, ``k8s.io/apimachinery/pkg/api/resource``."""

digits = st.text("0125789", max_size=4)
decimals = st.one_of(st.just(""), st.text("01257", min_size=1, max_size=3).map(".{}".format))
mantissas = st.builds("{}{}".format, digits, decimals).filter(bool)


@CASES
@given(mantissas, st.sampled_from(list(POWERS)))
@example("0.5", "Gi")
@example("0.001", "k")
@example("100", "m")
@example("0", "Gi")
def test_bytes_are_positive_and_whole(mantissa: str, suffix: str) -> None:
    amount = Fraction(mantissa) * POWERS[suffix]
    whole = amount > 0 and amount.denominator == 1 and suffix not in {"m", "u", "n"}
    assert fits(BYTES, mantissa + suffix) == whole


@CASES
@given(mantissas, st.sampled_from(["", "m"]))
@example("0.001", "")
@example("1.5", "m")
@example("0", "m")
def test_cpu_is_positive_and_no_finer_than_a_thousandth(mantissa: str, suffix: str) -> None:
    fine = Fraction(mantissa) > 0 and not (suffix and "." in mantissa)
    assert fits(CPU, mantissa + suffix) == fine


@pytest.mark.parametrize("eighths", range(1, 16))
def test_eighths_of_a_binary_unit_are_whole_bytes(eighths: int) -> None:
    assert fits(BYTES, f"{eighths / 8}Ki")


@pytest.mark.parametrize("value", [1, 1073741824, "1e9", "12E6", "+1Gi", "1.000"])
def test_other_forms_of_whole_bytes_are_taken(value: object) -> None:
    assert fits(BYTES, value)


@pytest.mark.parametrize(
    "value", [0, -1, 1.5, True, "", "Gi", "1 Gi", "-1Gi", "1e-3", "1Gi\n", "0x1"]
)
def test_what_is_no_amount_of_bytes_is_refused(value: object) -> None:
    assert not fits(BYTES, value)


@pytest.mark.parametrize("value", [0, -1, 0.5, "0.0005", "1u", "1Ki", "0", "0m", "0.000", ""])
def test_what_is_no_amount_of_cpu_is_refused(value: object) -> None:
    assert not fits(CPU, value)
