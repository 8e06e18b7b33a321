"""Keys of services: their file, what is published of it, and how they are rotated."""

from __future__ import annotations

import json
import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from bookstore.cli.keys import keys as command
from bookstore.core.errors import ServiceUnavailable
from bookstore.core.rpc import jwks, keys
from bookstore.core.rpc.jwks import PublishedKeys
from bookstore.core.rpc.keys import KeyFileInvalid, ServiceKeys
from bookstore.core.rpc.tokens import Signer, TokenRefused, Verifier

MINUTE = timedelta(minutes=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the file of a service's keys."""
    path = tmp_path / "keys" / "service.pem"
    assert keys.create(path)
    return path


class Publishing(httpx.BaseTransport):
    """The internal port of a service, which can be away; it counts how often it is asked."""

    def __init__(self, held: ServiceKeys) -> None:
        self._held = held
        self.away = False
        self.asked = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer with the public keys."""
        self.asked += 1
        if self.away:
            raise httpx.ConnectError("away", request=request)
        return httpx.Response(200, json=self._held.published())


def test_a_file_is_for_its_owner_alone_and_is_never_written_over(path: Path) -> None:
    before = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not keys.create(path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_nothing_secret_is_published(path: Path) -> None:
    (key,) = ServiceKeys(path).published()["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}


def test_each_step_of_a_rotation_is_taken_over_and_every_token_is_believed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "AGAIN_SECONDS", 0)
    held = ServiceKeys(path)
    signer = Signer("orders", held)
    verifier = Verifier({"orders": PublishedKeys("orders", "http://orders", Publishing(held))})
    first = held.signing.id
    tokens = [signer.sign("catalogue", MINUTE)]
    for step in ("add", "promote"):
        done = CliRunner().invoke(command, [step], env={"SERVICE_KEY_FILE": str(path)})
        assert done.exit_code == 0, done.output
        tokens.append(signer.sign("catalogue", MINUTE))
        for token in tokens:
            assert verifier.claims(token, "catalogue")["iss"] == "orders"
    assert held.signing.id != first
    keys.retire(path)
    fresh = Verifier({"orders": PublishedKeys("orders", "http://orders", Publishing(held))})
    assert fresh.claims(signer.sign("catalogue", MINUTE), "catalogue")
    with pytest.raises(TokenRefused, match="unknown key"):
        fresh.claims(tokens[0], "catalogue")


def test_two_copies_of_a_file_have_one_state_that_tells_each_step(path: Path) -> None:
    copy = path.with_name("copy.pem")
    copy.write_bytes(path.read_bytes())
    told = [state(path)]
    assert state(copy) == told[0]
    for step in (keys.add, keys.promote, keys.retire):
        step(path)
        told.append(state(path))
        assert state(copy) != told[-1]
        copy.write_bytes(path.read_bytes())
        assert state(copy) == told[-1]
    first, added, promoted, retired = told
    assert first["published"] == [first["signs"]]
    assert added["signs"] == first["signs"] != promoted["signs"] == retired["signs"]
    assert (
        set(added["published"])
        == set(promoted["published"])
        == {*first["published"], *retired["published"]}
    )
    assert retired["published"] == [retired["signs"]]


def state(path: Path) -> dict[str, Any]:
    done = CliRunner().invoke(command, ["status", str(path)])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def test_published_keys_are_fetched_once_and_outlive_the_service(path: Path) -> None:
    held = ServiceKeys(path)
    network = Publishing(held)
    known = PublishedKeys("auth", "http://auth", network)
    for _ in range(3):
        assert known.find(held.signing.id) is not None
    assert network.asked == 1
    network.away = True
    assert known.find(held.signing.id) is not None


def test_names_that_nobody_has_make_no_flood_of_requests(path: Path) -> None:
    network = Publishing(ServiceKeys(path))
    known = PublishedKeys("auth", "http://auth", network)
    for number in range(50):
        assert known.find(f"made up {number}") is None
    assert network.asked <= 2


def test_a_service_that_never_answered_is_away_and_not_a_liar(path: Path) -> None:
    held = ServiceKeys(path)
    network = Publishing(held)
    network.away = True
    known = PublishedKeys("auth", "http://auth", network)
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            known.find(held.signing.id)


def test_a_file_that_is_broken_leaves_what_was_read_before(path: Path) -> None:
    held = ServiceKeys(path)
    before = held.signing.id
    path.write_text("half of a key")
    os.utime(path, (0, 0))
    assert held.signing.id == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("", "holds no key"),
        ("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n", "no Ed25519 key"),
    ],
)
def test_a_file_without_keys_is_told_with_the_fix(
    tmp_path: Path, content: str | None, said: str
) -> None:
    path = tmp_path / "service.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(KeyFileInvalid, match=said) as told:
        ServiceKeys(path)
    assert str(told.value).endswith(f"make it by bookstore keys create {path}.")
