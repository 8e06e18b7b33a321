"""Telling a person what happens, and how long each thing takes."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

Clock = Callable[[], float]


class Step:
    """One thing under way: `note` what moves, `result` what came of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.detail = ""
        self.outcome = ""

    def note(self, detail: str) -> None:
        """Tell what is being done right now; shown every few seconds, last one wins."""
        self.detail = detail

    def result(self, outcome: str) -> None:
        """Tell what came of the step; shown with its seconds when it ends."""
        self.outcome = outcome


class Steps:
    """Print each step's name when it starts, what moves meanwhile, and its seconds.

    `every` is the seconds between two signs of life. On a terminal they overwrite each
    other; in a log each is a line.
    """

    def __init__(
        self, out: TextIO = sys.stdout, clock: Clock = time.monotonic, every: float | None = None
    ) -> None:
        self._out = out
        self._clock = clock
        self._terminal = out.isatty()
        self._every = every if every is not None else (0.5 if self._terminal else 5.0)
        self._began = clock()

    @property
    def seconds(self) -> float:
        """Give the seconds since the first step could begin."""
        return self._clock() - self._began

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Run the body as one step; a step that raises is shown as failed."""
        step, began, ended = Step(name), self._clock(), threading.Event()
        self._print(f"·  {name} …", transient=True)
        ticker = threading.Thread(target=self._tick, args=(step, began, ended), daemon=True)
        ticker.start()
        mark = "✗"
        try:
            yield step
            mark = "✓"
        finally:
            ended.set()
            ticker.join()
            outcome = f": {step.outcome}" if step.outcome and mark == "✓" else ""
            self._print(f"{mark}  {name}{outcome} ({self._clock() - began:.1f} s)")

    def say(self, text: str) -> None:
        """Print a line that belongs to no step."""
        self._print(text)

    def _tick(self, step: Step, began: float, ended: threading.Event) -> None:
        while not ended.wait(self._every):
            detail = f" {step.detail}" if step.detail else ""
            self._print(f"   {step.name} …{detail} ({self._clock() - began:.0f} s)", transient=True)

    def _print(self, text: str, *, transient: bool = False) -> None:
        if self._terminal:
            self._out.write(f"\r\x1b[K{text[:200]}" + ("" if transient else "\n"))
        else:
            self._out.write(f"{text}\n")
        self._out.flush()
