"""Names of images, programs and addresses."""

import pytest

from cluster import images, nodeimage, programs, standins
from cluster.errors import ClusterError


@pytest.mark.parametrize(
    ("reference", "full"),
    [
        ("mysql:8.4", "docker.io/library/mysql:8.4"),
        ("bookstore/app:dev-1", "docker.io/bookstore/app:dev-1"),
        ("quay.io/metallb/speaker:v1", "quay.io/metallb/speaker:v1"),
    ],
)
def test_containerd_keeps_images_by_their_full_name(reference: str, full: str) -> None:
    assert images.full_name(reference) == full


def test_images_are_told_as_key_value_lines() -> None:
    told = images.Images("bookstore/app:1", "bookstore/operator:2", "mysql:8.4", "nginx:1").as_env()
    assert told.splitlines() == [
        "APP_IMAGE=bookstore/app:1",
        "OPERATOR_IMAGE=bookstore/operator:2",
        "MYSQL_IMAGE=mysql:8.4",
        "NGINX_IMAGE=nginx:1",
    ]
    assert told.endswith("\n")


def test_go_names_a_binary_by_the_last_element_that_is_no_version() -> None:
    assert programs.ETCD.built_as == "server"
    assert programs.METALLB_SPEAKER.built_as == "speaker"
    assert programs.PODNET.built_as == "podnet"


def test_kubernetes_is_stamped_with_its_version() -> None:
    flags = programs.linker_flags("v1.35.4")
    assert "-X k8s.io/component-base/version.gitVersion=v1.35.4" in flags
    assert "-X k8s.io/component-base/version.gitMinor=35" in flags


def test_programs_that_cannot_be_compiled_together_are_not() -> None:
    parted = programs.batches((*programs.NODE, *programs.STANDINS))
    assert [programs.LOCAL_PATH] in parted
    assert [programs.METRICS_SERVER] in parted
    assert len(parted) == 3


def test_a_manifest_that_upstream_changed_is_told() -> None:
    with pytest.raises(ClusterError, match="does not contain 'image: busybox'"):
        nodeimage.substitute("image: alpine", {"image: busybox": "x"}, "local-path.yaml")


def test_load_balancers_get_addresses_that_docker_hands_out_last() -> None:
    assert standins.pool("172.18.0.0/16", "bookstore") == "172.18.255.5-172.18.255.54"


def test_clusters_on_one_network_get_addresses_of_their_own() -> None:
    names = [f"store-{number}" for number in range(20)]
    assert len({standins.pool("172.18.0.0/16", name) for name in names}) > 1


def test_a_network_without_room_is_refused() -> None:
    with pytest.raises(ClusterError, match="too small for 50 load balancer addresses"):
        standins.pool("10.0.0.0/26", "bookstore")
