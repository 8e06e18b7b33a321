"""Where a person's environment puts the cache and what it calls the cluster."""

from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.settings import from_environment


def test_the_cluster_is_called_bookstore_and_lives_in_the_cache_folder() -> None:
    settings = from_environment({"HOME": "/home/ana"})
    assert settings.name == "bookstore"
    assert settings.context == "kind-bookstore"
    assert settings.kubectl == Path("/home/ana/.cache/bookstore/bin/kubectl")


def test_the_environment_overrides_both() -> None:
    settings = from_environment({"XDG_CACHE_HOME": "/var/c", "BOOKSTORE_CLUSTER": "two"})
    assert settings.context == "kind-two"
    assert settings.state == Path("/var/c/bookstore/clusters/two")


@pytest.mark.parametrize("name", ["A", "a_b", "-a", "a-", "a.b", "x" * 41])
def test_a_name_that_no_host_can_have_is_refused(name: str) -> None:
    with pytest.raises(ClusterError, match="BOOKSTORE_CLUSTER is "):
        from_environment({"HOME": "/h", "BOOKSTORE_CLUSTER": name})


def test_a_relative_cache_folder_is_refused() -> None:
    with pytest.raises(ClusterError, match="give an absolute path"):
        from_environment({"XDG_CACHE_HOME": "cache"})
