"""Protocols and ciphers of the proxy and the database, as a scanner of TLS tries them."""

from __future__ import annotations

import socket
import ssl

import pytest

from tests.deploy.vm.machines import DOMAIN


def handshake(site, version, *, ciphers="DEFAULT:@SECLEVEL=0", name=DOMAIN):
    """Give cipher, ALPN and the server's certificate of a handshake with one version."""
    context = ssl.create_default_context(cafile=str(site.root))
    context.minimum_version = context.maximum_version = version
    context.set_ciphers(ciphers)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((site.app.address, 443), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        cipher, certificate = secured.cipher(), secured.getpeercert()
        assert cipher
        assert certificate
        return cipher[0], secured.selected_alpn_protocol(), certificate


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_modern_protocols_are_spoken_with_http2(site, version):
    cipher, protocol, certificate = handshake(site, version)
    assert protocol == "h2"
    assert "GCM" in cipher or "CHACHA20" in cipher
    assert certificate["subjectAltName"] == (("DNS", DOMAIN),)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_protocols_are_refused(site, version):
    # By the server: a client whose OpenSSL cannot speak them gives another reason.
    with pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"):
        handshake(site, version)


@pytest.mark.parametrize(
    "cipher",
    ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "AES256-SHA"],
)
def test_ciphers_without_forward_secrecy_or_authentication_are_refused(site, cipher):
    with pytest.raises(ssl.SSLError, match=r"(?i)alert handshake failure"):
        handshake(site, ssl.TLSVersion.TLSv1_2, ciphers=f"{cipher}:@SECLEVEL=0")


def test_another_name_gets_no_handshake(site):
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized name"):
        handshake(site, ssl.TLSVersion.TLSv1_3, name="other.example.com")


CONNECT = """
import ssl, sys, pymysql
read = dict(line.rstrip().split("=", 1) for line in open("/etc/bookstore/.env") if line[0] != "#")
options = {"plain": {"ssl_disabled": True}, "old": {}, "verified": {}}[sys.argv[1]]
if not options:
    context = options["ssl"] = ssl.create_default_context(cafile=read["DB_TLS_CA"])
    # As strict on every machine as Python 3.13 is by default.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if sys.argv[1] == "old":
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
try:
    with pymysql.connect(
        host=read["DB_HOST"], user=read["DB_USER"], password=read["DB_PASSWORD"], **options
    ).cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
        print(cursor.fetchone()[1])
except pymysql.Error as error:
    print("refused", error)
"""


def connection(site, how):
    """Connect from the app host to the database as the shop would, and give what came of it."""
    script = 'read -r c < /etc/bookstore/serving; exec /opt/bookstore/$c/venv/bin/python -c "$0" $1'
    return site.app.run("sh", "-c", script, CONNECT, how)


def test_the_database_is_reached_by_tls_of_today(site):
    assert connection(site, "verified").strip() == "TLSv1.3"


@pytest.mark.parametrize("how", ["plain", "old"])
def test_the_database_refuses_plain_and_old_connections(site, how):
    assert connection(site, how).startswith("refused")
