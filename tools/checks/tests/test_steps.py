"""Steps in lanes: a failure is reported and does not affect other lanes."""

import os
import signal
import sys
import tempfile
import unittest
from pathlib import Path

from checks import steps
from engine.problem import Problem
from engine.wait import wait_until


def fail() -> None:
    """A check that fails."""
    raise Problem("two and two are five")


class Lanes(unittest.TestCase):
    """Lanes that run side by side."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def leaves(self, name: str) -> steps.Step:
        """Returns a step that leaves a file."""
        return steps.Step(name, (self.folder / name).touch)

    def run_lanes(self, *lanes: steps.Lane, at_once: int = 2) -> str:
        """Runs the lanes and returns their output."""
        shown, terminal = self.folder / "logs" / "shown", os.dup(sys.stdout.fileno())
        shown.parent.mkdir()
        with open(shown, "wb") as file:
            os.dup2(file.fileno(), sys.stdout.fileno())
        try:
            steps.side_by_side(list(lanes), shown.parent, at_once)
        finally:
            os.dup2(terminal, sys.stdout.fileno())
            os.close(terminal)
        return shown.read_text()

    def test_a_failure_does_not_end_other_lanes(self) -> None:
        with self.assertRaisesRegex(Problem, "failed: wrong;"):
            self.run_lanes(
                steps.Lane("wrong", [steps.Step("sum", fail), self.leaves("never")], (self.folder / "ended").touch),
                steps.Lane("right", [steps.Step("wait", self.wait_for_the_other), self.leaves("done")]))
        left = {path.name for path in self.folder.iterdir()}
        self.assertEqual({"ended", "done", "logs"}, left)
        self.assertIn("error: two and two are five", (self.folder / "logs" / "wrong.log").read_text())

    def wait_for_the_other(self) -> None:
        """Waits until the other lane has failed."""
        wait_until((self.folder / "ended").exists, "the other lane to end", poll_seconds=0.01)

    def test_no_more_lanes_run_at_once_than_allowed(self) -> None:
        running = self.folder / "running"

        def alone() -> None:
            running.touch(exist_ok=False)
            running.unlink()

        self.run_lanes(*(steps.Lane(f"lane {number}", [steps.Step("alone", alone)] * 20) for number in range(3)), at_once=1)

    def test_the_output_of_a_lane_is_printed_when_it_has_ended(self) -> None:
        shown = self.run_lanes(steps.Lane("words", [steps.Step("say", lambda: print("hello from a lane", flush=True))]))
        self.assertIn("==== words", shown)
        self.assertIn("hello from a lane", shown)

    def test_a_terminated_lane_stops_its_stack(self) -> None:
        lane = steps.Lane("long", [steps.Step("kill", lambda: os.kill(os.getpid(), signal.SIGTERM)), self.leaves("never")],
                           (self.folder / "ended").touch)
        with self.assertRaisesRegex(Problem, "failed: long;"):
            self.run_lanes(lane)
        self.assertTrue((self.folder / "ended").exists())
        self.assertFalse((self.folder / "never").exists())


if __name__ == "__main__":
    unittest.main()
