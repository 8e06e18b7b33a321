"""A wrong call or a missing tool gives one sentence and an exit code, never a traceback."""

import fcntl
from pathlib import Path

import pytest

from cluster import programs, shell
from cluster.cli import main
from cluster.errors import ClusterError


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "The following arguments are required: VERB"),
        (["upp"], "Argument VERB: invalid choice: 'upp'"),
        (["up", "--fast"], "Unrecognized arguments: --fast"),
        (["up", "--topology", "Two"], "Argument --topology: invalid choice: 'Two'"),
        (["images", "--only", "redis"], "Argument --only: invalid choice: 'redis'"),
    ],
)
def test_a_wrong_call_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert told.startswith(sentence)
    assert told.count("\n") == 1


def test_an_error_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKSTORE_CLUSTER", "Not_A_Name")
    assert main(["status"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("BOOKSTORE_CLUSTER is 'Not_A_Name'; use at most 40")
    assert told.count("\n") == 1


def test_two_runs_do_not_work_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "bookstore").mkdir()
    with (tmp_path / "bookstore" / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert main(["down"]) == 1
    assert "wait until it ends" in capsys.readouterr().err


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match=r"go is not on PATH; install Go 1\.26 or newer"):
        programs.require_go()
    with pytest.raises(ClusterError, match="no-such-tool is not installed"):
        shell.run("no-such-tool")


def test_a_failing_tool_is_shown_with_its_own_last_line() -> None:
    with pytest.raises(ClusterError, match=r"`sh -c .*` failed: the reason"):
        shell.run("sh", "-c", "echo noise >&2; echo the reason >&2; exit 3")


def test_a_long_tool_keeps_its_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "x.log"
    lines: list[str] = []
    with pytest.raises(ClusterError, match=str(log)):
        shell.stream("sh", "-c", "echo one; echo two; exit 1", log=log, on_line=lines.append)
    assert lines == ["one", "two"]
    assert log.read_text() == "one\ntwo\n"
