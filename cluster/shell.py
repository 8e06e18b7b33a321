"""Running other programs."""

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cluster.errors import ClusterError

Argument = str | Path


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give a child's environment: ours, and the extra variables over it."""
    return {**os.environ, **(extra or {})}


def run(
    *arguments: Argument,
    stdin: str | bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    seconds: float | None = None,
) -> str:
    """Run a program to its end and give what it printed.

    Raises ClusterError with the program's own last line when it fails, cannot be found,
    or takes longer than `seconds`.
    """
    done = attempt(*arguments, stdin=stdin, env=env, cwd=cwd, seconds=seconds)
    if done.returncode != 0:
        raise ClusterError(f"{shown(arguments)} failed: {last_line(done.stderr or done.stdout)}")
    return done.stdout


def attempt(
    *arguments: Argument,
    stdin: str | bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    seconds: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program whose failure is an answer: give exit code, output and error output.

    A program that takes longer than `seconds` is ended and counts as exit code 124.
    """
    data = stdin.encode() if isinstance(stdin, str) else stdin
    words = [str(argument) for argument in arguments]
    try:
        done = subprocess.run(
            words,
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            env=environment(env),
            cwd=cwd,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        raise ClusterError(f"{words[0]} is not installed; install it and try again.") from None
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 124, "", f"no answer within {seconds:.0f} s")
    return subprocess.CompletedProcess(
        words,
        done.returncode,
        done.stdout.decode(errors="replace"),
        done.stderr.decode(errors="replace"),
    )


def stream(
    *arguments: Argument,
    log: Path,
    on_line: Callable[[str], None] = lambda _: None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run a long program, writing all that it prints to `log` and each line to `on_line`.

    Raises ClusterError that names the log and gives the last line when it fails. The
    program is ended when `on_line` raises, or the person interrupts.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(argument) for argument in arguments]
    last = ""
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(env),
            cwd=cwd,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        raise ClusterError(f"{words[0]} is not installed; install it and try again.") from None
    with process, log.open("w") as copy:
        try:
            for line in process.stdout or ():
                copy.write(line)
                if line.strip():
                    last = line.strip()
                    on_line(last)
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise ClusterError(f"{shown(arguments)} failed: {last} (all of it is in {log})")


def shown(arguments: Sequence[Argument]) -> str:
    """Give the beginning of a command as a person would type it, for a message."""
    words = [Path(arguments[0]).name, *(str(word) for word in arguments[1:4])]
    return f"`{shlex.join(words)}{' …' if len(arguments) > 4 else ''}`"


def last_line(text: str) -> str:
    """Give the last line that says something, or that nothing was said."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"
