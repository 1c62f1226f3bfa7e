"""The changes of a copy of the repository by the check that a context is one folder."""

import tempfile
import unittest
from pathlib import Path

from checks import one_folder
from engine import templates
from engine.problem import Problem
from engine.stack import ROOT


class Entries(unittest.TestCase):
    def test_a_context_has_one_entry_that_can_be_removed(self) -> None:
        text = (ROOT / "template.yaml").read_text(encoding="utf-8")
        for context in one_folder.removable(ROOT):
            with self.subTest(context):
                remaining = one_folder.without_entry(text, context)
                self.assertNotIn(f"functions/{context}/", remaining)
                before, after = dict(templates.applications(self.parsed(text))), dict(templates.applications(self.parsed(remaining)))
                self.assertEqual({context.capitalize()}, set(before) - set(after))
                self.assertEqual(after, {name: before[name] for name in after})

    def test_a_missing_context_is_named(self) -> None:
        with self.assertRaisesRegex(Problem, "0 entries for functions/reviews/"):
            one_folder.without_entry((ROOT / "template.yaml").read_text(encoding="utf-8"), "reviews")

    def parsed(self, text: str) -> templates.Template:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "template.yaml"
            path.write_text(text, encoding="utf-8")
            return templates.load(path)


class Copies(unittest.TestCase):
    def test_a_new_copy_reverts_changes(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder) / "tree"
            one_folder.copy(ROOT, tree)
            one_folder.take_out(tree, "users")
            (tree / "functions" / "orders" / "new.rs").write_text("// new", encoding="utf-8")
            self.assertFalse((tree / "functions" / "users").exists())
            one_folder.copy(ROOT, tree)
            self.assertEqual((ROOT / "template.yaml").read_bytes(), (tree / "template.yaml").read_bytes())
            self.assertTrue((tree / "functions" / "users" / "template.yaml").exists())
            self.assertFalse((tree / "functions" / "orders" / "new.rs").exists())


if __name__ == "__main__":
    unittest.main()
