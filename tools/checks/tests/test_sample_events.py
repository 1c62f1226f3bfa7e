"""Answers are compared with expected ones."""

from checks.sample_events import differences
from scaffold.samples import ANY


def test_equal_answers_do_not_differ() -> None:
    expected = {"statusCode": 200, "body": {"items": [{"id": ANY, "stock": 3}]}}
    answer = {"statusCode": 200, "headers": {}, "body": {"items": [{"id": "1", "stock": 3, "name": "Mug"}], "next": None}}
    assert differences(expected, answer) == []


def test_each_difference_has_its_path() -> None:
    expected = {"statusCode": 200, "body": {"items": [1, 2], "next": None, "gone": ANY}}
    answer = {"statusCode": 404, "body": {"items": [1, 3], "next": None}}
    assert differences(expected, answer) == [
        ".statusCode is 404, expected 200", ".body.items[1] is 3, expected 2", ".body.gone is missing"]


def test_lists_have_the_same_length() -> None:
    assert differences({"batchItemFailures": []}, {"batchItemFailures": [{}]}) == [".batchItemFailures is [{}], expected []"]
