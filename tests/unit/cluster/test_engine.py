"""Whether the runtime wrapper is needed, and where an engine may be installed."""

from pathlib import Path

import pytest

from cluster.engine import is_debian, lacks_sys_resource, os_release, runtime_flags

FULL = "Name:\tpython3\nCapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\n"
WITHOUT = "Name:\tpython3\nCapEff:\t000001fffeffffff\nCapBnd:\t000001fffeffffff\n"


def test_the_lack_of_the_capability_is_read_from_the_kernel() -> None:
    assert not lacks_sys_resource(FULL)
    assert lacks_sys_resource(WITHOUT)


def test_the_wrapper_is_set_up_only_where_the_capability_is_lacking(tmp_path: Path) -> None:
    wrapper = tmp_path / "wrapper"
    assert runtime_flags(FULL, {}, wrapper) == []
    assert runtime_flags(WITHOUT, {"log-level": "warn"}, wrapper) == [
        "--add-runtime",
        f"bookstore={wrapper}",
        "--default-runtime",
        "bookstore",
    ]


@pytest.mark.parametrize("owned", [{"default-runtime": "crun"}, {"runtimes": {"x": {}}}])
def test_a_persons_own_choice_of_runtime_is_left_alone(
    tmp_path: Path, owned: dict[str, object]
) -> None:
    assert runtime_flags(WITHOUT, owned, tmp_path) == []


@pytest.mark.parametrize(
    ("text", "debian"),
    [
        ('ID=debian\nVERSION_ID="12"\n', True),
        ('ID=ubuntu\nID_LIKE="debian"\n', True),
        ('ID=fedora\nID_LIKE="rhel"\n', False),
        ("", False),
    ],
)
def test_packages_are_installed_on_debian_and_its_children_only(
    tmp_path: Path, text: str, debian: bool
) -> None:
    (tmp_path / "os-release").write_text(text)
    assert is_debian(os_release(tmp_path / "os-release")) is debian
