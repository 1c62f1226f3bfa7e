"""Filter patterns that consist of alternatives are recognized."""

import pytest

from ministack_engine import cloudwatch


def test_a_pattern_of_alternatives_has_phrases() -> None:
    assert cloudwatch.alternatives('?"a-b" ?"c d"') == ["a-b", "c d"]


@pytest.mark.parametrize("pattern", ["", '"a"', 'ERROR ?"a"', "?a", "{ $.level = ERROR }"])
def test_any_other_pattern_has_none(pattern: str) -> None:
    assert cloudwatch.alternatives(pattern) == []
