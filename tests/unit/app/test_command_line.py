"""The command line: its reference, and how it tells what a person has to mend."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bookstore.cli import bookstore, main
from bookstore.core.config.settings import Settings

COMMITTED = Path(__file__).parents[3] / "docs" / "reference" / "shop.md"


def test_the_committed_reference_is_the_made_one() -> None:
    done = CliRunner().invoke(bookstore, ["reference", "--check", str(COMMITTED)])
    assert (done.exit_code, done.output) == (0, "")


def test_the_reference_has_every_setting_and_every_command() -> None:
    made = CliRunner().invoke(bookstore, ["reference"]).output
    assert {name.upper() for name in Settings.model_fields} <= {
        line.split("`")[1] for line in made.splitlines() if line.startswith("| `")
    }
    commands = [line for line in made.splitlines() if line.startswith("### bookstore ")]
    assert [line.split()[-1] for line in commands] == sorted(bookstore.commands)


def test_what_a_person_has_to_mend_ends_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bookstore", "moderators", "list"])
    monkeypatch.setenv("DB_POOL_SIZE", "many")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert told == 'bookstore: DB_POOL_SIZE is "many"; set it to a whole number from 1 to 100.\n'
