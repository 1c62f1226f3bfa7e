"""The allowed names, and their forms."""

import unittest
from collections.abc import Callable

from engine.problem import Problem
from scaffold import names


class Forms(unittest.TestCase):
    def test_a_name_in_each_form(self) -> None:
        forms: tuple[Callable[[str], str], ...] = (names.pascal, names.camel, names.snake, names.sentence)
        self.assertEqual(["ListReviews", "listReviews", "list_reviews", "List reviews"], [form("list-reviews") for form in forms])
        self.assertEqual("ReviewId", names.pascal("review_id"))

    def test_singulars_and_articles(self) -> None:
        expected = {"reviews": "review", "categories": "category", "addresses": "address", "boxes": "box", "branches": "branch",
                    "wishlist": "wishlistentry", "status": "statusentry", "loyalty": "loyaltyentry"}
        self.assertEqual(expected, {plural: names.singular(plural) for plural in expected})
        self.assertEqual(["a review", "an offer", "a unit"], [names.with_article(noun) for noun in ("review", "offer", "unit")])


class Allowed(unittest.TestCase):
    def test_the_name_of_a_context_is_a_lower_case_word(self) -> None:
        names.require_context_name("reviews")
        refused = ("", "ab", "Reviews", "re-views", "reviews2", "re_views", "r" * 21, "../etc", "match", "test",
                   "stores", "results", "lists", "boxes", "config", "rev iews", "reviews\n")
        for name in refused:
            with self.subTest(name), self.assertRaisesRegex(Problem, r"^NAME="):
                names.require_context_name(name)

    def test_the_name_of_a_function_is_words_with_dashes(self) -> None:
        for name in ("list-reviews", "pay", "rate-v2"):
            names.require_function_name(name)
        refused = ("", "a", "List", "list_reviews", "-list", "list-", "list--all", "2nd", "l" * 41, "move", "operation",
                   "list reviews", "list-2")
        for name in refused:
            with self.subTest(name), self.assertRaisesRegex(Problem, r"^NAME="):
                names.require_function_name(name)


if __name__ == "__main__":
    unittest.main()
