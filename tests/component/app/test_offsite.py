"""Copies of backups in a bucket, on a real server of S3: verified, resumed, pruned, fetched."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bookstore.core.backups import objectstore
from bookstore.core.backups.backup import back_up
from bookstore.core.backups.manifest import BackupDamaged, BackupFailed
from bookstore.core.backups.offsite import Copies, bring_back, copy_out
from bookstore.core.backups.restore import restore
from bookstore.core.config.settings import Settings, load_settings
from bookstore.core.db.migrate import migrate
from tests.component.app.test_backups import covers, fill, fresh, opened, put_covers, rows, run
from tests.support.objectstore import SECRET, ObjectStore, running, untrusted, way_to

SMALLEST_PART = 5 * 1024 * 1024
"""Source: Amazon S3 User Guide, "Multipart upload limits"."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with running(tmp_path_factory.mktemp("versitygw")) as store:
        yield store


@pytest.fixture
def store(server: ObjectStore, tmp_path: Path) -> ObjectStore:
    """Give the server with a bucket of the test's own."""
    server.bucket(bucket(tmp_path))
    return server


def bucket(tmp_path: Path) -> str:
    return "b" + hashlib.sha256(str(tmp_path).encode()).hexdigest()[:20]


@pytest.fixture
def shop(tmp_path: Path) -> Settings:
    """Give a shop on SQLite that somebody has bought at."""
    settings = fresh(tmp_path)
    migrate(settings)
    put_covers(settings)
    with opened(settings) as app:
        fill(app)
    return settings


@pytest.fixture
def copied(shop: Settings, store: ObjectStore, tmp_path: Path) -> Settings:
    """Give the shop with the bucket for its backups."""
    return to_bucket(shop, store, tmp_path)


def to_bucket(shop: Settings, store: ObjectStore, tmp_path: Path, **more: str) -> Settings:
    found = {n.lower(): v for n, v in store.variables(bucket(tmp_path), **more).items()}
    named = {name: getattr(shop, name) for name in shop.model_fields_set}
    return load_settings(**(named | found))


def objects(store: ObjectStore, tmp_path: Path) -> dict[str, Any]:
    """Return the objects of the bucket, by key below the prefix, as the server tells them."""
    client, found = store.client(), {}
    for one in client.list_objects_v2(Bucket=bucket(tmp_path)).get("Contents", ()):
        told = client.head_object(Bucket=bucket(tmp_path), Key=one["Key"], ChecksumMode="ENABLED")
        found[one["Key"].removeprefix("books/shop/")] = told
    return found


def names(store: ObjectStore, tmp_path: Path) -> set[str]:
    return {key.partition("/")[0] for key in objects(store, tmp_path)}


def test_a_backup_is_copied_with_the_checksums_of_its_manifest(
    copied: Settings, store: ObjectStore, tmp_path: Path
) -> None:
    taken = back_up(copied)
    told = copy_out(copied)
    assert told.told() == {"location": f"s3://{bucket(tmp_path)}/books/shop/{taken.name}"}
    there = objects(store, tmp_path)
    sums = {
        key.partition("/")[2]: base64.b64decode(one["ChecksumSHA256"]).hex()
        for key, one in there.items()
    }
    assert sums == {
        **{file.path: file.sha256 for file in taken.files},
        "manifest.json": taken.checksum,
    }


def test_the_command_tells_where_the_copy_lies_and_no_secret(
    copied: Settings, store: ObjectStore, tmp_path: Path
) -> None:
    done = run_with(copied, store.variables(bucket(tmp_path)), "backup", "--keep", "2")
    assert done.exit_code == 0
    told = json.loads(done.output)
    assert told["s3"] == {"location": f"s3://{bucket(tmp_path)}/books/shop/{told['backup']}"}
    assert SECRET not in done.output
    listed = run_with(copied, store.variables(bucket(tmp_path)), "backups", "--s3")
    assert listed.output.split() == [told["backup"]]


def run_with(settings: Settings, variables: dict[str, str], *arguments: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        return run(settings, *arguments)


def test_as_many_copies_stay_as_backups_do(
    copied: Settings, store: ObjectStore, tmp_path: Path
) -> None:
    made = []
    for _ in range(4):
        made.append(back_up(copied, keep=2).name)
        assert copy_out(copied, keep=2).error == ""
    assert names(store, tmp_path) == set(made[-2:])


def wrong(what: str, tmp_path: Path) -> tuple[dict[str, str], str]:
    """Return what is set wrongly, and what is told of it."""
    return {
        "secret": ({"S3_SECRET_ACCESS_KEY": "another"}, "S3AccessDenied"),
        "key": ({"S3_ACCESS_KEY_ID": "another"}, "S3AccessDenied"),
        "bucket": ({"S3_BUCKET": "no-such-bucket"}, "S3BucketNotFound"),
        "endpoint": ({"S3_ENDPOINT": "https://127.0.0.1:9"}, "S3Unreachable"),
        "name": ({"S3_ENDPOINT": "https://no-such-host.invalid"}, "S3Unreachable"),
        "authority": ({"S3_CA": str(untrusted(tmp_path))}, "S3CertificateUntrusted"),
        "no-authority": ({"S3_CA": "/no/such/file"}, "S3CertificateUntrusted"),
    }[what]


@pytest.mark.parametrize(
    "what",
    ["secret", "key", "bucket", "endpoint", "name", "authority", "no-authority"],
)
def test_what_stands_in_the_way_is_told_and_spoils_no_backup(
    shop: Settings,
    store: ObjectStore,
    tmp_path: Path,
    what: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(objectstore, "ATTEMPTS", 1)
    variables, error = wrong(what, tmp_path)
    done = run_with(shop, store.variables(bucket(tmp_path), **variables), "backup", "--keep", "1")
    assert done.exit_code == 0, "the backup in the shop's own folder is whole"
    told = json.loads(done.output)
    assert told["s3"]["error"] == error
    assert "location" not in told["s3"]
    assert SECRET not in done.output
    (name,) = Path(shop.backups).glob("2*")
    assert name.name == told["backup"]
    again = to_bucket(shop, store, tmp_path)
    later = back_up(again, keep=2)
    assert copy_out(again, keep=2).told() == {
        "location": f"s3://{bucket(tmp_path)}/books/shop/{later.name}"
    }
    assert names(store, tmp_path) == {told["backup"], later.name}, "the next brings what is missing"


def test_a_copy_that_fails_removes_none_of_those_before(
    copied: Settings, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objectstore, "ATTEMPTS", 1)
    good = back_up(copied, keep=1).name
    copy_out(copied, keep=1)
    for _ in range(2):
        back_up(copied, keep=1)
        with way_to(store) as (way, url):
            way.cut_after, way.cuts = 20_000, 1000
            failed = copy_out(to_bucket(copied, store, tmp_path, S3_ENDPOINT=url), keep=1)
        assert failed.error == "S3Unreachable"
    assert good in Copies(copied).names()


def test_a_copy_that_was_cut_short_goes_on_and_is_no_copy_until_then(
    copied: Settings, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objectstore, "ATTEMPTS", 1)
    (copied.uploads / "large.webp").write_bytes(bytes(300_000))
    taken = back_up(copied)
    with way_to(store) as (way, url):
        through = to_bucket(copied, store, tmp_path, S3_ENDPOINT=url)
        way.cut_after, way.cuts = 150_000, 1000
        assert copy_out(through).error == "S3Unreachable"
        assert f"{taken.name}/manifest.json" not in objects(store, tmp_path)
        with pytest.raises(BackupFailed, match="There is no backup"):
            bring_back(copied, "latest")
        before = objects(store, tmp_path)
        way.cuts, way.carried = 0, 0
        assert copy_out(through).error == ""
    after = objects(store, tmp_path)
    assert before, "the first files were there"
    assert {key: after[key]["LastModified"] for key in before} == {
        key: one["LastModified"] for key, one in before.items()
    }, "they are not sent again"
    assert Copies(copied).names() == [taken.name]


def test_a_cut_connection_is_tried_again(
    copied: Settings, store: ObjectStore, tmp_path: Path
) -> None:
    (copied.uploads / "large.webp").write_bytes(bytes(300_000))
    back_up(copied)
    with way_to(store) as (way, url):
        way.cut_after, way.cuts = 100_000, 1
        assert copy_out(to_bucket(copied, store, tmp_path, S3_ENDPOINT=url)).error == ""
        assert way.cuts == 0


def test_what_arrives_otherwise_than_it_was_sent_does_not_count(
    shop: Settings, tmp_path: Path
) -> None:
    marked = b"a cover that somebody changes on its way"
    (shop.uploads / "marked.webp").write_bytes(marked)
    with running(tmp_path / "plain", encrypted=False) as store, way_to(store) as (way, url):
        store.bucket(bucket(tmp_path))
        settings = to_bucket(shop, store, tmp_path, S3_ENDPOINT=url)
        back_up(settings)
        way.changed = lambda block: block.replace(marked, marked.upper())
        told = copy_out(settings)
        assert told.error == "S3ChecksumMismatch"
        assert Copies(settings).names() == []
        way.changed = bytes
        assert copy_out(settings).error == ""


def test_a_large_file_goes_in_parts_and_comes_back(
    copied: Settings, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objectstore, "PART", SMALLEST_PART)
    content = hashlib.shake_256(b"large").digest(2 * SMALLEST_PART + 12_345)
    (copied.uploads / "large.webp").write_bytes(content)
    taken = back_up(copied)
    assert copy_out(copied).error == ""
    told = objects(store, tmp_path)[f"{taken.name}/uploads.tar"]
    assert told["ChecksumSHA256"].endswith("-3"), "the checksum of three parts' checksums"
    shutil.rmtree(copied.backups)
    assert bring_back(copied, "latest") == taken.name


def test_a_store_that_tells_no_checksums_is_read_back(
    copied: Settings, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = back_up(copied)
    read: list[str] = []
    original = objectstore.Bucket.read

    def reading(self: objectstore.Bucket, key: str) -> Iterator[bytes]:
        read.append(key)
        return original(self, key)

    class Silent:
        def __init__(self, client: Any) -> None:
            self.client = client

        def __getattr__(self, name: str) -> Any:
            return getattr(self.client, name)

        def head_object(self, **asked: Any) -> Any:
            found = self.client.head_object(**asked)
            return {name: value for name, value in found.items() if "Checksum" not in name}

    made = objectstore._client
    monkeypatch.setattr(objectstore, "_client", lambda settings: Silent(made(settings)))
    monkeypatch.setattr(objectstore.Bucket, "read", reading)
    assert copy_out(copied).error == ""
    assert len(read) == len(taken.files) + 1


def test_a_shop_comes_back_from_the_bucket_alone(
    copied: Settings, store: ObjectStore, tmp_path: Path
) -> None:
    taken, had, pictures = back_up(copied), rows(copied), covers(copied)
    copy_out(copied)
    shutil.rmtree(copied.backups)
    other = to_bucket(fresh(tmp_path / "other"), store, tmp_path)
    done = run_with(other, store.variables(bucket(tmp_path)), "restore", "--from-s3")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert (told["backup"], told["checksum"]) == (taken.name, taken.checksum)
    # All sessions end with a restore, so accounts have other epochs.
    for table in ("orders", "purchases", "purchase_lines", "books", "sellers"):
        assert rows(other)[table] == had[table], table
    assert covers(other) == pictures
    assert [one.name for one in other.backups.glob("2*")] == [taken.name]


def test_what_is_checked_out_of_the_bucket_changes_nothing(
    copied: Settings, store: ObjectStore, tmp_path: Path
) -> None:
    back_up(copied)
    copy_out(copied)
    other = to_bucket(fresh(tmp_path / "other"), store, tmp_path)
    migrate(other)
    arguments = ("restore", "latest", "--from-s3", "--dry-run")
    assert run_with(other, store.variables(bucket(tmp_path)), *arguments).exit_code == 0
    assert not covers(other)


def test_a_cut_connection_is_gone_on_with_where_it_was(
    copied: Settings, store: ObjectStore, tmp_path: Path
) -> None:
    content = hashlib.shake_256(b"large").digest(3_000_000)
    (copied.uploads / "large.webp").write_bytes(content)
    taken = back_up(copied)
    copy_out(copied)
    shutil.rmtree(copied.backups)
    with way_to(store) as (way, url):
        through = to_bucket(copied, store, tmp_path, S3_ENDPOINT=url)
        way.cut_after, way.cuts = 1_500_000, 2
        assert bring_back(through, "latest") == taken.name
        assert way.cuts == 0
    other = fresh(tmp_path)
    restore(other, taken.name)
    assert covers(other)["large.webp"] == content


def test_a_copy_that_was_changed_in_the_bucket_is_refused_and_the_folder_stays_as_it_was(
    copied: Settings, store: ObjectStore, tmp_path: Path
) -> None:
    taken = back_up(copied)
    copy_out(copied)
    (path,) = store.folder.glob(f"**/{taken.name}/uploads.tar")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    had = {one.name for one in copied.backups.iterdir()}
    assert bring_back(copied, taken.name) == taken.name, "the folder has it whole"
    shutil.rmtree(copied.backups / taken.name)
    with pytest.raises(BackupDamaged, match=r"uploads\.tar has another checksum"):
        bring_back(copied, taken.name)
    assert {one.name for one in copied.backups.iterdir()} == had - {taken.name}


def test_a_damaged_backup_in_the_folder_is_replaced_by_its_copy(
    copied: Settings, store: ObjectStore
) -> None:
    taken = back_up(copied)
    copy_out(copied)
    (copied.backups / taken.name / "uploads.tar").write_bytes(b"")
    with pytest.raises(BackupDamaged):
        restore(copied, taken.name, replace=True)
    assert bring_back(copied, taken.name) == taken.name
    restore(copied, taken.name, replace=True)


def test_a_damaged_backup_is_not_copied_and_holds_back_no_other(
    copied: Settings, store: ObjectStore, tmp_path: Path
) -> None:
    damaged, good = back_up(copied).name, back_up(copied).name
    (copied.backups / damaged / "uploads.tar").write_bytes(b"")
    assert copy_out(copied).error == ""
    assert Copies(copied).names() == [good]


def test_a_copy_that_names_files_elsewhere_is_refused(
    copied: Settings, store: ObjectStore, tmp_path: Path
) -> None:
    taken = back_up(copied)
    copy_out(copied)
    key = f"books/shop/{taken.name}/manifest.json"
    text = taken.text.replace('"uploads.tar"', '"../../uploads.tar"')
    store.client().put_object(Bucket=bucket(tmp_path), Key=key, Body=text.encode())
    shutil.rmtree(copied.backups / taken.name)
    with pytest.raises(BackupDamaged, match=r"names '\.\./\.\./uploads\.tar'"):
        bring_back(copied, taken.name)


def test_a_backup_that_is_discarded_goes_from_the_bucket_too(
    copied: Settings, store: ObjectStore, tmp_path: Path
) -> None:
    first, second = back_up(copied).name, back_up(copied).name
    copy_out(copied)
    assert run_with(copied, store.variables(bucket(tmp_path)), "discard", first).exit_code == 0
    assert names(store, tmp_path) == {second}


def test_what_is_left_of_copies_that_never_became_whole_goes_with_the_old_ones(
    copied: Settings, store: ObjectStore, tmp_path: Path
) -> None:
    left = "books/shop/20200101-000000-000000/uploads.tar"
    foreign = "books/shop/a-persons-own/note.txt"
    for key in (left, foreign):
        store.client().put_object(Bucket=bucket(tmp_path), Key=key, Body=b"x")
    taken = back_up(copied)
    copy_out(copied, keep=3)
    assert names(store, tmp_path) == {taken.name, "a-persons-own"}


def test_a_shop_that_serves_does_not_load_the_client_of_s3() -> None:
    said = "import bookstore.cli, bookstore.factory, sys; print('botocore' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", said],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"
