"""The deployed checkout workflow is a valid definition of Step Functions, complete, and ends before the time limit of EXPRESS.

The engine ignores what it does not support in a definition, while AWS refuses to deploy an invalid one.
"""

import json
import unittest
from copy import deepcopy
from typing import Any

from cfnlint.api import ManualArgs, lint

from engine import sam, templates
from engine.stack import ROOT

LONGEST = 300  # seconds of an execution of type EXPRESS

Definition = dict[str, Any]


def deployed() -> Definition:
    """Returns the definition in the transformed template."""
    packaged = sam.package(templates.read(ROOT).merged, ROOT, lambda context: {"Bucket": "b", "Key": context})
    resources = sam.transform(packaged, {}, "eu-central-1")["Resources"]
    properties = resources["CheckoutWorkflow"]["Properties"]
    separator, lines = properties["DefinitionString"]["Fn::Join"]
    text = separator.join(lines)
    for name in properties["DefinitionSubstitutions"]:
        text = text.replace(f"${{{name}}}", f"arn:aws:lambda:eu-central-1:123456789012:function:{name}")
    return json.loads(text)


def problems(definition: Definition) -> list[str]:
    """Returns the errors in a definition."""
    own = dangling(definition) or [*unreachable(definition), *incomplete(definition), *slow(definition)]
    return own or invalid(definition)


def invalid(definition: Definition) -> list[str]:
    """Returns the errors of cfn-lint, which checks a definition that is a string only in a template without a transform."""
    machine = {"RoleArn": "arn:aws:iam::123456789012:role/checkout", "DefinitionString": json.dumps(definition)}
    template = {"Resources": {"Workflow": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine}}}
    found = lint(json.dumps(template), config=ManualArgs(regions=["eu-central-1"]))
    return [str(match.message) for match in found if match.rule.id.startswith("E")]


def nexts(state: dict[str, Any]) -> list[str]:
    """Returns the states that may follow a state."""
    return [step["Next"] for step in (state, *state.get("Catch", [])) if "Next" in step]


def dangling(definition: Definition) -> list[str]:
    states = definition["States"]
    start = [] if definition["StartAt"] in states else ["it starts at no state"]
    return start + [f"{name} leads to {target}, which is no state"
            for name, state in states.items() for target in nexts(state) if target not in states]


def unreachable(definition: Definition) -> list[str]:
    states, seen, new = definition["States"], set(), [definition["StartAt"]]
    while new:
        name = new.pop()
        if name not in seen:
            seen.add(name)
            new += nexts(states[name])
    return [f"nothing leads to {name}" for name in states if name not in seen]


def incomplete(definition: Definition) -> list[str]:
    """Returns errors for tasks without a timeout, or whose Retry or Catch does not cover all errors."""
    found = []
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            found += [f"{name} has no {field}" for field in ("TimeoutSeconds", "Retry", "Catch") if field not in state]
            for field in ("Retry", "Catch"):
                if "States.ALL" not in [error for last in state.get(field, [])[-1:] for error in last["ErrorEquals"]]:
                    found.append(f"{name}: the last {field} does not cover all remaining errors")
    return found


def slow(definition: Definition) -> list[str]:
    """Returns an error if the longest path, with all waits of its retries and one timeout of each step, takes longer than allowed."""
    states = definition["States"]

    def longest(name: str, before: tuple[str, ...]) -> float:
        if name in before:
            return float("inf")  # an endless loop
        own = states[name].get("TimeoutSeconds", 0) + max(map(waits, states[name].get("Retry", [])), default=0)
        return own + max((longest(target, (*before, name)) for target in nexts(states[name])), default=0)

    seconds = longest(definition["StartAt"], ())
    limit = min(LONGEST, definition.get("TimeoutSeconds", float("inf")))
    return [f"an execution may take {seconds} s, and has {limit} s"] if seconds >= limit else []


def waits(retry: dict[str, Any]) -> float:
    """Returns the total wait between the retries of one error, at most."""
    first, rate, most = retry.get("IntervalSeconds", 1), retry.get("BackoffRate", 2), retry.get("MaxDelaySeconds", LONGEST)
    return sum(min(most, first * rate**attempt) for attempt in range(retry.get("MaxAttempts", 3)))


def documented() -> dict[str, tuple[str, list[tuple[list[str], str]]]]:
    """Returns the steps of the table in checkout.md, each with its function and the next steps after errors."""
    steps: dict[str, tuple[str, list[tuple[list[str], str]]]] = {}
    for line in (ROOT / "functions" / "orders" / "checkout.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 5 and not cells[0].startswith(("step", "---")):
            name, function, _, errors, leads = cells
            if name:
                steps[name] = (function, [])
            steps[list(steps)[-1]][1].append((["States.ALL"] if errors == "any other" else errors.split(", "), leads))
    return steps


class Workflow(unittest.TestCase):
    def test_the_documented_steps_are_those_of_the_workflow(self) -> None:
        states = deployed()["States"]
        tasks = {name: (state["Resource"].rpartition(":")[2], [(each["ErrorEquals"], each["Next"]) for each in state["Catch"]])
                 for name, state in states.items() if state["Type"] == "Task"}
        self.assertEqual(tasks, documented())

    def test_the_deployed_definition_has_no_errors(self) -> None:
        self.assertEqual([], problems(deployed()))

    def test_its_timeout_is_the_limit_of_express(self) -> None:
        self.assertEqual(LONGEST, deployed()["TimeoutSeconds"])

    def test_errors_in_a_definition_are_found(self) -> None:
        def broken(*path: Any, value: Any) -> Definition:
            definition = deepcopy(deployed())
            place: Any = definition
            for step in path[:-1]:
                place = place[step]
            if value is None:
                del place[path[-1]]
            else:
                place[path[-1]] = value
            return definition

        reserve = ("States", "ReserveStock")
        for what, definition in {
            "a misspelt field": broken(*reserve, "TimeoutSecond", value=10),
            "an unknown type": broken(*reserve, "Type", value="Tusk"),
            "an unknown start": broken("StartAt", value="Reserve"),
            "a Next to an unknown state": broken(*reserve, "Next", value="Authorize"),
            "a Catch to an unknown state": broken(*reserve, "Catch", 0, "Next", value="Cancel"),
            "an unreachable state": broken("States", "Lost", value={"Type": "Succeed"}),
            "no timeout": broken(*reserve, "TimeoutSeconds", value=None),
            "no retry": broken(*reserve, "Retry", value=None),
            "no catch": broken(*reserve, "Catch", value=None),
            "a catch that does not cover all errors": broken(*reserve, "Catch", 1, "ErrorEquals", value=["OutOfStock"]),
            "a retry that takes too long": broken(*reserve, "Retry", 1, "MaxAttempts", value=8),
            "a loop": broken(*reserve, "Catch", 1, "Next", value="ReserveStock"),
        }.items():
            with self.subTest(what):
                self.assertNotEqual([], problems(definition))


if __name__ == "__main__":
    unittest.main()
