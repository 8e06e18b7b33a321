"""Deploy and roll back, with people in the shop."""

from __future__ import annotations

import pytest

from tests.deploy.vm import checkout, traffic


def serving(site):
    """Give the version of the release that serves."""
    script = (
        "read -r colour < /etc/bookstore/serving; /opt/bookstore/$colour/venv/bin/python "
        "-c 'import bookstore; print(bookstore.__version__)'"
    )
    return site.app.run("sh", "-c", script).strip()


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    """Give a checkout of a newer version, whose release is built once."""
    return checkout.of_version(tmp_path_factory.mktemp("new"), "99.0.0")


@pytest.fixture
def taken_port(site):
    """Let another program have the port that the next release is to start on."""
    colour = site.app.run("cat", "/etc/bookstore/serving").strip()
    port = {"blue": "5001", "green": "5000"}[colour]
    server = ("python3", "-m", "http.server", "--bind", "127.0.0.1", port)
    site.app.run("systemd-run", "--unit=squatter", *server)
    yield
    site.app.run("systemctl", "stop", "squatter")


@pytest.fixture
def refusing_database(site):
    """Let the database refuse new connections of the shop; those that it has live on."""
    user = f"bookstore@{site.app.address}"
    site.tell_database(f"ALTER USER {quoted(user)} ACCOUNT LOCK")
    yield
    site.tell_database(f"ALTER USER {quoted(user)} ACCOUNT UNLOCK")


def quoted(user):
    return "@".join(f"'{part}'" for part in user.split("@"))


def test_a_deploy_and_the_way_back_fail_no_request(site, shopper, new):
    old = serving(site)
    with traffic.running(site, shopper) as people:
        site.play("deploy.yml", root=new)
        assert serving(site) == "99.0.0"
        people.moves_on()
        site.play("rollback.yml")
        assert serving(site) == old
    assert people.failed == []


def test_a_release_that_does_not_start_leaves_the_old_one_serving(site, shopper, new, taken_port):
    old = serving(site)
    with traffic.running(site, shopper) as people:
        done = site.attempt("deploy.yml", root=new)
    assert done.returncode != 0
    assert "The release did not become ready" in site.told(done)
    assert "still serves" in site.told(done)
    assert serving(site) == old
    assert people.failed == []


def test_a_database_that_refuses_is_told_before_the_release_starts(
    site, shopper, new, refusing_database
):
    old = serving(site)
    done = site.attempt("deploy.yml", root=new)
    assert done.returncode != 0
    assert "The release was not started" in site.told(done)
    assert "still serves" in site.told(done)
    assert f"The database at {site.database.address}:3306" in site.told(done)
    assert serving(site) == old
