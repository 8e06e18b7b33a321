"""Deploy, roll back, back up and restore, with shoppers in the shop."""

from __future__ import annotations

import shutil
import threading
from contextlib import contextmanager

import pytest

from cluster.settings import ROOT
from tests.deploy.vm.browser import client

NEW = "99.0.0"


@contextmanager
def readers(site):
    """Read pages without a pause; the list is of what was not answered by 200."""
    failed, answered, ended = [], [], threading.Event()

    def read():
        with client(site) as visitor:
            while not ended.wait(0.1):
                try:
                    status = visitor.get("/auth/register").status_code
                except Exception as error:  # noqa: BLE001 - whatever it is, a reader saw it
                    failed.append(repr(error))
                else:
                    answered.append(status)
                    if status != 200:
                        failed.append(status)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield failed
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert len(answered) > 20


def checkout(folder, version):
    """Give a checkout of another version of the shop."""
    for part in ("app", "deploy"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "hosts.yml", "secrets")
        shutil.copytree(ROOT / part, folder / part, ignore=ignored)
    shutil.copy2(ROOT / "requirements-build.lock", folder)
    init = folder / "app" / "bookstore" / "__init__.py"
    init.write_text(init.read_text().replace('"0.1.0"', f'"{version}"'))
    return folder


def serving(site):
    script = (
        "read colour < /etc/bookstore/serving; /opt/bookstore/$colour/venv/bin/python "
        "-c 'import bookstore; print(bookstore.__version__)'"
    )
    return site.app.run("sh", "-c", script).strip()


def test_a_deploy_and_the_way_back_fail_no_request(site, shopper, tmp_path):
    shopper()
    old = serving(site)
    new = checkout(tmp_path, NEW)
    with readers(site) as failed:
        site.play("deploy.yml", root=new)
        assert serving(site) == NEW
        site.play("rollback.yml")
        assert serving(site) == old
    assert failed == []


def test_a_release_that_does_not_start_leaves_the_old_one_serving(site, shopper, tmp_path):
    shopper()
    old = serving(site)
    broken = checkout(tmp_path, "99.0.1")
    (broken / "app" / "bookstore" / "cli" / "migrate.py").write_text("raise SystemExit('broken')\n")
    with readers(site) as failed:
        done = site.attempt("deploy.yml", root=broken)
    assert done.returncode != 0
    assert "still serves" in done.stdout
    assert serving(site) == old
    assert failed == []


def test_a_restore_gives_back_what_the_backup_has(site, shopper):
    seller, buyer = shopper(), shopper()
    seller.register()
    book = seller.publish("El llano en llamas", 5)
    email = buyer.register()
    buyer.buy(book)
    site.app.run("systemctl", "start", "bookstore-backup.service")
    kept = buyer.orders()
    buyer.buy(book)
    assert len(buyer.orders()) == 2

    refused = site.attempt("restore.yml")
    assert refused.returncode != 0
    assert "say --extra-vars confirm=yes" in refused.stdout
    assert len(buyer.orders()) == 2

    site.play("restore.yml", confirm="yes")
    again = shopper()
    again.log_in(email)
    assert again.orders() == kept
    assert again.stock(book) == 4


def test_a_backup_that_is_not_there_is_named_before_the_shop_stops(site, shopper):
    shopper()
    done = site.attempt("restore.yml", confirm="yes", backup="19990101T000000Z")
    assert done.returncode != 0
    assert "no whole backup 19990101T000000Z" in done.stdout
    assert site.app.attempt("systemctl", "is-active", "--quiet", "bookstore@*").returncode == 0


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("domain", "books", "domain is \\\"books\\\"; set it to the name that shoppers open"),
        ("domain", "missing.example.org", "does not resolve on app-1"),
        ("certificate_email", "ops", "certificate_email is \\\"ops\\\"; set it to an address"),
    ],
)
def test_bad_input_is_told_in_a_sentence(site, variable, value, sentence):
    done = site.attempt("checks.yml", **{variable: value})
    assert done.returncode != 0
    assert sentence in done.stdout
