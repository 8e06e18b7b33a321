"""What a person sees of a step: its name, what came of it, its seconds."""

import io
import threading

import pytest

from cluster.steps import Steps


class Clock:
    """A clock that moves when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_step_prints_its_name_then_its_outcome_and_seconds() -> None:
    out, clock = io.StringIO(), Clock()
    with Steps(out, clock, every=60).step("Node image") as step:
        clock.now = 12.34
        step.result("built")
    assert out.getvalue() == "·  Node image …\n✓  Node image: built (12.3 s)\n"


def test_a_step_that_fails_is_marked_and_its_outcome_kept_back() -> None:
    out = io.StringIO()

    def fail() -> None:
        with Steps(out, Clock(), every=60).step("Cluster") as step:
            step.result("3 nodes")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert out.getvalue().endswith("✗  Cluster (0.0 s)\n")


def test_a_long_step_gives_signs_of_life() -> None:
    class Watched(io.StringIO):
        def write(self, text: str) -> int:
            if "compiling" in text:
                moved.set()
            return super().write(text)

    moved = threading.Event()
    with Steps(Watched(), every=0.01).step("Go") as step:
        step.note("compiling")
        assert moved.wait(10)
