"""The command line has the Makefile's commands, and `dead-letters` with its actions."""

import re
import unittest

from cli import __main__ as cli
from engine.stack import ROOT


class CommandLine(unittest.TestCase):
    def test_every_command_of_the_makefile_exists(self) -> None:
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        called = set(re.findall(r"\$\(WAYBILL\) ([a-z-]+)", makefile))
        self.assertEqual({*cli.COMMANDS, *cli.WITH_ARGUMENTS, cli.DEAD_LETTERS}, called)

    def test_dead_letters_are_listed_without_an_action(self) -> None:
        options = cli.parser().parse_args(["dead-letters"])
        self.assertEqual(("dead-letters", "list", False, "waybill"), (options.command, options.action, options.aws, options.stack_name))

    def test_dead_letters_have_actions_with_options(self) -> None:
        options = cli.parser().parse_args(["dead-letters", "redrive", "StartCheckout", "--dry-run", "--aws", "--region", "eu-west-1"])
        self.assertEqual(("redrive", "StartCheckout", True, True, "eu-west-1"),
                         (options.action, options.consumer, options.dry_run, options.aws, options.region))


if __name__ == "__main__":
    unittest.main()
