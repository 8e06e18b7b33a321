"""What is generated from the models is committed, and says all that they say."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from bookstore_operator.api.crd import bookstore_crd
from bookstore_operator.api.reference import reference
from bookstore_operator.bookstore import BookStores, Spec, Status
from bookstore_operator.engine.resource import condition_types, events, reasons
from bookstore_operator.generate import generated, main

RESOURCE = BookStores()
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def generated_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    (folder / "kustomization.yaml").touch()
    assert main(["--root", str(folder)]) == 0
    return folder


@pytest.fixture
def copy_of_the_repository(generated_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(generated_once, tmp_path / "repository"))


@pytest.mark.parametrize("path", generated())
def test_the_committed_file_is_the_generated_one(path: str) -> None:
    assert (ROOT / path).read_text() == generated()[path], "run `make generate`"


def test_check_is_silent_where_nothing_differs(
    copy_of_the_repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["--check", "--root", str(copy_of_the_repository)]) == 0
    assert capsys.readouterr() == ("", "")


def test_check_names_the_file_that_differs_and_the_fix(
    copy_of_the_repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy_of_the_repository / "crds" / "bookstores.yaml").write_text("edited by hand")
    assert main(["--check", "--root", str(copy_of_the_repository)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("crds/bookstores.yaml and operator/bookstore_operator differ")
    assert "run `make generate`" in told


def test_another_folder_than_the_root_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--root", str(tmp_path)]) == 2
    assert "is not the repository's root" in capsys.readouterr().err


def test_the_reference_tells_every_field_condition_and_reason() -> None:
    crd = bookstore_crd(Spec, Status)
    page = reference(crd, condition_types(RESOURCE), reasons(RESOURCE), events(RESOURCE))
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    for top in ("spec", "status"):
        for name in schema[top]["properties"]:
            assert f"| `{name}` |" in page
    for word in [*condition_types(RESOURCE), *reasons(RESOURCE), *events(RESOURCE)]:
        assert f"| `{word}` | {word.meaning} |" in page


def test_every_event_has_a_reason_that_the_reference_knows() -> None:
    """A reason that is written as a text where the Event is made is in no table."""
    written = [
        f"{path.name}:{node.lineno}"
        for path in (ROOT / "operator" / "bookstore_operator").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"Note", "Patch"}
        for reason in [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "reason")]
        if isinstance(reason, ast.Constant)
    ]
    assert written == [], "make an EventReason, and name it in the component's events"
