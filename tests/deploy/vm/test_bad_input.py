"""What is wrong is told in a sentence, before anything is changed."""

from __future__ import annotations

import json

import pytest

from tests.deploy.vm.machines import AUTHORITY


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("domain", "", 'domain is ""; set it to the name that shoppers open'),
        ("domain", "books", 'domain is "books"; set it to the name that shoppers open'),
        ("domain", "missing.example.org", "does not resolve on app-1; point its DNS record at"),
        ("domain", AUTHORITY, f'domain is "{AUTHORITY}", which resolves to'),
        ("certificate_email", "ops", 'certificate_email is "ops"; set it to an address'),
        ("acme_ca_file", "/no/such.pem", 'acme_ca_file is "/no/such.pem", which is no file here'),
        ("address", "db.internal", 'is "db.internal"; set it to the IPv4 address'),
        ("ssh_from", ["10.0.0.0/33"], "make it a list of IPv4 networks"),
        ("ssh_from", ["192.0.2.0/24"], "would be locked out; add that network"),
        ("database_user", "book'store", "database_user has other characters than"),
        ("smtp_host", "mail server", "smtp_host is no name of a server; set it to one such as"),
        ("smtp_port", "smtp", "smtp_port is no port; set it to a number such as 587"),
        ("smtp_tls", "ssl", "smtp_tls is none of starttls, tls and disabled"),
        ("smtp_from", "BookStore", "smtp_from is no address to send from"),
        ("smtp_user", "", "smtp_user and smtp_password are not both set"),
        ("database_password", "short", "database_password has fewer than 16 characters"),
    ],
)
def test_a_wrong_setting_is_named(site, variable, value, sentence):
    done = site.attempt("checks.yml", **{variable: value})
    assert done.returncode != 0
    assert sentence in site.told(done)


def test_a_missing_machine_is_named(site, tmp_path):
    inventory = json.loads(site.inventory.read_text())
    del inventory["all"]["children"]["database"]
    (tmp_path / "hosts.json").write_text(json.dumps(inventory))
    done = site.attempt("checks.yml", inventory=tmp_path / "hosts.json")
    assert done.returncode != 0
    assert 'needs one host in the group "app" and one in "database"' in site.told(done)


def test_a_full_disk_is_named(site):
    site.database.run("mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", "/opt")
    try:
        done = site.attempt("checks.yml")
    finally:
        site.database.run("umount", "/opt")
    assert done.returncode != 0
    assert "database-1 has 10 MB free at /opt; make room for 1024 MB there" in site.told(done)
