"""Patterns with alternatives are told from others."""

import unittest

from ministack_engine import cloudwatch


class Patterns(unittest.TestCase):
    def test_alternatives_are_told_from_others(self) -> None:
        self.assertEqual(["a-b", "c d"], cloudwatch.alternatives('?"a-b" ?"c d"'))
        for other in ("", '"a"', 'ERROR ?"a"', "?a", "{ $.level = ERROR }"):
            self.assertEqual([], cloudwatch.alternatives(other), other)


if __name__ == "__main__":
    unittest.main()
