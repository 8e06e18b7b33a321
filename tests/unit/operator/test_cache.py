"""What the operator knows of roots and children, and which events are news."""

from __future__ import annotations

from typing import Any

import pytest

from bookstore_operator.engine.root import root_of
from bookstore_operator.kube.cache import REMEMBERED_ENDS, Cache
from bookstore_operator.kube.kinds import CONFIG_MAP, PERSISTENT_VOLUME, SECRET
from bookstore_operator.kube.objects import Manifest, Ref
from bookstore_operator.store import BOOKSTORE

KEY = Ref(BOOKSTORE, "books", "shop")
CONFIG = Ref(CONFIG_MAP, "books", "shop-config-1")
OWNER = {
    "apiVersion": "bookstore.dev/v1",
    "kind": "BookStore",
    "name": "shop",
    "uid": "u",
    "controller": True,
}
LABELS = {
    "app.kubernetes.io/managed-by": "bookstore-operator",
    "app.kubernetes.io/instance": "shop",
    "bookstore.dev/namespace": "books",
}


def live(version: int, name: str = CONFIG.name, **metadata: Any) -> Manifest:
    found = {
        "name": name,
        "namespace": "books",
        "uid": "x",
        "resourceVersion": str(version),
        "ownerReferences": [OWNER],
    }
    return {"metadata": found | metadata}


class Stage:
    """A cache that knows one ConfigMap at version 7, and the news since then."""

    def __init__(self) -> None:
        self.news: list[tuple[Ref, Ref, str]] = []
        self.cache = Cache(
            lambda _kind, found: root_of(BOOKSTORE, found),
            lambda key, ref, _version, event: self.news.append((key, ref, event)),
        )
        self.cache.keep(CONFIG, live(7))


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.mark.parametrize(
    ("version", "event", "is_news"),
    [(7, "MODIFIED", False), (6, "MODIFIED", False), (8, "MODIFIED", True), (8, "DELETED", True)],
)
def test_only_a_newer_version_or_a_deletion_is_news(
    stage: Stage, version: int, event: str, *, is_news: bool
) -> None:
    stage.cache.changed(CONFIG_MAP, event, live(version))
    assert stage.news == ([(KEY, CONFIG, event)] if is_news else [])


def test_an_object_that_was_not_known_is_news(stage: Stage) -> None:
    stage.cache.changed(CONFIG_MAP, "ADDED", live(1, name="other"))
    assert [ref.name for _, ref, _ in stage.news] == ["other"]


def test_an_object_of_nobody_is_kept_and_no_news(stage: Stage) -> None:
    stage.cache.changed(CONFIG_MAP, "ADDED", live(1, name="theirs", ownerReferences=[]))
    assert stage.news == []
    assert stage.cache.entry(Ref(CONFIG_MAP, "books", "theirs"))


def test_an_object_is_given_back_as_it_came(stage: Stage) -> None:
    body = live(9) | {"data": {"ä": "ö"}}
    stage.cache.changed(CONFIG_MAP, "MODIFIED", dict(body))
    entry = stage.cache.entry(CONFIG)
    assert entry
    assert entry.live() == body | {"apiVersion": "v1", "kind": "ConfigMap"}


def test_the_version_of_our_own_write_is_an_echo(stage: Stage) -> None:
    stage.cache.keep(CONFIG, live(9), written=True)
    assert stage.cache.is_echo(CONFIG, 9)
    assert not stage.cache.is_echo(CONFIG, 10)
    assert not stage.cache.is_echo(Ref(SECRET, "books", "unknown"), 1)
    stage.cache.changed(CONFIG_MAP, "MODIFIED", live(9))
    assert stage.news == []


def test_what_we_deleted_is_no_news_until_it_is_seen_again(stage: Stage) -> None:
    stage.cache.drop(CONFIG)
    stage.cache.changed(CONFIG_MAP, "DELETED", live(9))
    assert stage.news == []
    assert stage.cache.lost(KEY) == set()
    stage.cache.keep(CONFIG, live(10, uid="y"))
    stage.cache.changed(CONFIG_MAP, "DELETED", live(11, uid="y"))
    assert stage.news == [(KEY, CONFIG, "DELETED")]
    assert stage.cache.lost(KEY) == {CONFIG}


def test_a_late_deletion_of_a_predecessor_is_passed_over(stage: Stage) -> None:
    stage.cache.changed(CONFIG_MAP, "DELETED", live(8, uid="of the one before"))
    assert stage.news == []
    assert stage.cache.entry(CONFIG)


def test_a_successor_takes_the_place_of_what_was_known(stage: Stage) -> None:
    stage.cache.changed(CONFIG_MAP, "ADDED", live(8, uid="of the next"))
    stage.cache.changed(CONFIG_MAP, "DELETED", live(9, uid="x"))
    entry = stage.cache.entry(CONFIG)
    assert entry
    assert entry.uid == "of the next"


def test_what_is_not_in_a_list_was_deleted_while_nobody_watched(stage: Stage) -> None:
    stage.cache.listed(CONFIG_MAP, "", {CONFIG})
    assert stage.news == []
    stage.cache.listed(CONFIG_MAP, "elsewhere", set())
    assert stage.news == [], "the list of another namespace tells nothing of this one"
    stage.cache.listed(CONFIG_MAP, "books", set())
    assert stage.news == [(KEY, CONFIG, "DELETED")]
    assert stage.cache.entry(CONFIG) is None


def test_what_a_list_tells_is_marked_as_listed(stage: Stage) -> None:
    stage.cache.changed(CONFIG_MAP, "LISTED", live(8))
    assert stage.news == [(KEY, CONFIG, "LISTED")]


def test_what_is_lost_is_forgotten_once_it_is_there_again_or_its_root_is_gone(
    stage: Stage,
) -> None:
    stage.cache.changed(CONFIG_MAP, "DELETED", live(9))
    stage.cache.keep(CONFIG, live(10, uid="y"))
    assert stage.cache.lost(KEY) == set()
    stage.cache.changed(CONFIG_MAP, "DELETED", live(11, uid="y"))
    stage.cache.forget(KEY)
    assert stage.cache.lost(KEY) == set()


def test_a_root_s_children_are_known_in_a_steady_order(stage: Stage) -> None:
    secret = Ref(SECRET, "books", "a")
    stage.cache.keep(secret, live(3, name="a"))
    stage.cache.keep(Ref(CONFIG_MAP, "books", "b"), live(3, name="b"))
    assert [ref.name for ref in stage.cache.owned(KEY)] == ["b", "shop-config-1", "a"]
    assert stage.cache.of_kind(SECRET) == [secret]
    stage.cache.drop(secret)
    assert secret not in stage.cache.owned(KEY)


def test_an_object_whose_labels_led_to_a_root_and_no_longer_do_is_not_its_child(
    stage: Stage,
) -> None:
    volume = Ref(PERSISTENT_VOLUME, "", "v")
    there: dict[str, Any] = {"name": "v", "namespace": "", "ownerReferences": []}
    stage.cache.keep(volume, live(1, labels=LABELS, **there))
    stage.cache.changed(PERSISTENT_VOLUME, "MODIFIED", live(2, labels={}, **there))
    assert volume not in stage.cache.owned(KEY)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (live(1), KEY),
        (live(1, ownerReferences=[], namespace="", labels=LABELS), KEY),
        (live(1, ownerReferences=[], labels=LABELS), KEY),
        (live(1, ownerReferences=[OWNER | {"kind": "ReplicaSet"}]), None),
        (live(1, ownerReferences=[OWNER | {"apiVersion": "other.dev/v1"}]), None),
        (live(1, ownerReferences=[], labels={"app.kubernetes.io/instance": "shop"}), None),
    ],
)
def test_an_object_leads_to_its_root(body: Manifest, key: Ref | None) -> None:
    assert root_of(BOOKSTORE, body) == key


def test_what_was_deleted_does_not_come_back_with_a_late_answer(stage: Stage) -> None:
    stage.cache.changed(CONFIG_MAP, "DELETED", live(8))
    stage.cache.keep(CONFIG, live(8), written=True)
    assert stage.cache.entry(CONFIG) is None
    assert stage.cache.owned(KEY) == []
    stage.cache.keep(CONFIG, live(9, uid="y"), written=True)
    assert stage.cache.entry(CONFIG) is not None, "one made anew is another object"


def test_what_a_list_lacks_does_not_come_back_with_a_late_answer(stage: Stage) -> None:
    stage.cache.listed(CONFIG_MAP, "", set())
    stage.cache.keep(CONFIG, live(8), written=True)
    assert stage.cache.entry(CONFIG) is None


def test_the_ends_of_long_ago_are_forgotten(stage: Stage) -> None:
    for number in range(REMEMBERED_ENDS + 5):
        stage.cache.changed(CONFIG_MAP, "DELETED", live(8, uid=str(number)))
    assert len(stage.cache._ended) == REMEMBERED_ENDS
    assert "0" not in stage.cache._ended
