"""A wait ends when its condition holds, goes on while there is progress, and fails when there is none."""

import unittest
from collections.abc import Callable, Iterator
from itertools import chain, count, cycle, repeat
from unittest import mock

from engine import wait
from engine.problem import Problem


class Clock:
    """A clock that advances only during sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def looks(values: Iterator[int]) -> Callable[[], int]:
    return lambda: next(values)


class WithClock(unittest.TestCase):
    """Tests that take no time."""

    def setUp(self) -> None:
        self.clock = Clock()
        patch = mock.patch.object(wait, "time", self.clock)
        patch.start()
        self.addCleanup(patch.stop)


class Waits(WithClock):
    def test_returns_what_was_waited_for(self) -> None:
        self.assertEqual(3, wait.wait_until(looks(count()), "three", done=lambda number: number == 3))
        self.assertEqual(7, wait.wait_until(looks(iter([0, 0, 7])), "a number"))

    def test_goes_on_as_long_as_there_is_progress(self) -> None:
        slow = chain.from_iterable(repeat(number, 90) for number in count())
        found = wait.wait_until(looks(slow), "a hundred", done=lambda number: number == 100, stalled_seconds=10.0, poll_seconds=0.1)
        self.assertEqual(100, found)
        self.assertGreater(self.clock.now, 800)

    def test_says_what_it_waited_for_and_what_was_seen_last(self) -> None:
        with self.assertRaisesRegex(Problem, "waited for the fifth order, and nothing changed for 10 s; last seen: 4"):
            wait.wait_until(looks(chain(range(5), repeat(4))), "the fifth order", done=lambda number: number == 5, stalled_seconds=10.0)

    def test_a_change_without_progress_does_not_count(self) -> None:
        with self.assertRaisesRegex(Problem, "nothing changed for 10 s"):
            wait.wait_until(looks(cycle([1, 2])), "more", done=lambda number: number > 2, progress=lambda number: number // 4,
                            stalled_seconds=10.0)

    def test_a_condition_that_holds_at_once_needs_no_time(self) -> None:
        wait.wait_until(lambda: True, "nothing", stalled_seconds=0.0)
        self.assertEqual(0.0, self.clock.now)


class Stillness(WithClock):
    def test_ends_when_nothing_changes_any_more(self) -> None:
        found = wait.wait_until_still(looks(chain(range(50), repeat(50))), "silence", still_seconds=3.0)
        self.assertEqual(50, found)
        self.assertGreaterEqual(self.clock.now, 13.0)

    def test_fails_after_too_many_changes(self) -> None:
        with self.assertRaisesRegex(Problem, "waited for silence, and it changed 20 times"):
            wait.wait_until_still(looks(cycle([1, 2])), "silence", still_seconds=3.0, max_changes=20)


if __name__ == "__main__":
    unittest.main()
