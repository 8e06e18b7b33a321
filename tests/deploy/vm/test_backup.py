"""The nightly backup, and what a restore gives back."""

from __future__ import annotations

import json

FOLDER = "/var/lib/bookstore/backups"


def back_up(site):
    """Do what the timer does at night, and give the backup's name."""
    site.app.run("systemctl", "start", "bookstore-backup.service")
    return backups(site)[-1]


def backups(site):
    return sorted(name for name in site.app.run("ls", FOLDER).split() if name.startswith("20"))


def test_every_night_has_a_verified_backup_and_old_ones_go(site, shopper):
    shopper()
    timers = json.loads(
        site.app.run("systemctl", "list-timers", "--output=json", "bookstore-backup.timer")
    )
    assert [timer["activates"] for timer in timers] == ["bookstore-backup.service"]
    names = [back_up(site) for _ in range(3)]
    assert len(set(names)) == 3
    unit = site.app.run("systemctl", "cat", "bookstore-backup.service")
    assert "backup --keep 14" in unit
    log = site.app.run("journalctl", "--no-pager", "--unit=bookstore-backup.service")
    assert f"{names[-1]}  20" in log, "the verification lists each backup"


def test_a_damaged_backup_fails_the_nightly_run(site, shopper):
    shopper()
    name = back_up(site)
    site.app.run("sh", "-c", f"for f in {FOLDER}/{name}/*/*.gz; do echo x >> $f; done")
    assert site.app.attempt("systemctl", "start", "bookstore-backup.service").returncode != 0
    assert "bookstore-backup.service" in site.app.run("systemctl", "list-units", "--failed")
    site.app.run("rm", "-r", f"{FOLDER}/{name}")
    back_up(site)


def test_a_restore_gives_back_what_the_backup_has(site, shopper):
    seller, buyer = shopper(), shopper()
    seller.register()
    book = seller.publish("El llano en llamas", 5)
    email = buyer.register()
    buyer.buy(book)
    back_up(site)
    kept = buyer.orders()
    buyer.buy(book)
    assert len(buyer.orders()) == 2

    refused = site.attempt("restore.yml")
    assert refused.returncode != 0
    assert "say --extra-vars confirm=yes" in site.told(refused)
    assert len(buyer.orders()) == 2

    site.play("restore.yml", confirm="yes")
    again = shopper()
    again.log_in(email)
    assert again.orders() == kept
    assert again.stock(book) == 4


def test_a_backup_that_is_not_there_is_named_before_the_shop_stops(site, shopper):
    shopper()
    back_up(site)
    since = ("systemctl", "show", "--property=ActiveEnterTimestampMonotonic", "bookstore@*")
    before = site.app.run(*since)
    done = site.attempt("restore.yml", confirm="yes", backup="19990101-000000-000000")
    assert done.returncode != 0
    assert "has no whole backup 19990101-000000-000000; choose one of these: 20" in site.told(done)
    assert site.app.run(*since) == before
