"""The Go programs: those that are the project's own, and how others' are built."""

import json
import subprocess
from pathlib import Path

import pytest

from cluster import programs
from cluster.programs import Cut, Program
from cluster.settings import from_environment


def test_the_stand_in_for_the_efs_driver_passes_its_own_tests() -> None:
    told = subprocess.run(
        ["go", "test", "./efs-csi"],
        cwd=programs.MODULE,
        capture_output=True,
        check=False,
        text=True,
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_a_program_is_built_without_the_package_for_which_a_file_of_ours_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dns = tmp_path / "cached" / "providers" / "dns"
    dns.mkdir(parents=True)
    (dns / "all.go").write_text("package dns // with every cloud")
    (tmp_path / "cached" / "go.mod").write_text("module example.com/acme")
    own = tmp_path / "own"
    own.mkdir()
    (own / "go.mod").write_text("module example.com/own\n\nrequire example.com/acme v1.0.0\n")
    (own / "go.sum").write_text("")
    (own / "none.go").write_text("package dns // with none")
    monkeypatch.setattr(programs, "module_folder", lambda *_: tmp_path / "cached")

    cut = Cut("example.com/acme", "providers/dns", own / "none.go")
    program = Program("proxy", "example.com/proxy", own, cut=cut)
    (flag,) = programs.cutting(program, tmp_path / "cut")

    file = Path(flag.removeprefix("-modfile="))
    told = subprocess.run(
        ["go", "mod", "edit", "-json", file], capture_output=True, check=True, text=True
    )
    (replaced,) = json.loads(told.stdout)["Replace"]
    copy = Path(replaced["New"]["Path"])
    assert replaced["Old"]["Path"] == "example.com/acme"
    assert [path.name for path in (copy / "providers" / "dns").iterdir()] == ["none.go"]
    assert (own / "go.mod").read_text().count("replace") == 0
    assert (dns / "all.go").exists()


def test_a_program_from_which_nothing_is_cut_is_built_by_its_own_go_mod(tmp_path: Path) -> None:
    assert programs.cutting(programs.KWOK, tmp_path) == []


def test_what_stands_for_a_cut_package_is_an_input_of_the_program(tmp_path: Path) -> None:
    file = programs.MODULE / "podnet" / "main.go"
    whole = Program("proxy", "example.com/proxy", programs.KWOK_MODULE)
    cut = Program("proxy", "example.com/proxy", programs.KWOK_MODULE, cut=Cut("m", "p", file))
    settings = from_environment({"HOME": str(tmp_path)})
    digests = {programs.inputs_digest(settings, (one,)) for one in (whole, cut)}
    assert len(digests) == 2


def test_programs_of_different_tags_are_built_apart_and_by_them(tmp_path: Path) -> None:
    plain = Program("one", "example.com/one", programs.KWOK_MODULE)
    tagged = Program("two", "example.com/two", programs.KWOK_MODULE, tags=("small",))
    assert programs.batches((plain, tagged)) == [[plain], [tagged]]
    settings = from_environment({"HOME": str(tmp_path)})
    other = Program("two", "example.com/two", programs.KWOK_MODULE)
    digests = {programs.inputs_digest(settings, (one,)) for one in (tagged, other)}
    assert len(digests) == 2
