"""The checkout workflow as it is deployed: valid in the language of Step Functions, whole, and over before EXPRESS cuts it off.

The engine carries out what it understands and says nothing of the rest; AWS refuses a deployment for it.
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
    """The definition that the transform makes of the template's."""
    packaged = sam.package(templates.read(ROOT).merged, ROOT, lambda context: {"Bucket": "b", "Key": context})
    resources = sam.transform(packaged, {}, "eu-central-1")["Resources"]
    properties = resources["CheckoutWorkflow"]["Properties"]
    separator, lines = properties["DefinitionString"]["Fn::Join"]
    text = separator.join(lines)
    for name in properties["DefinitionSubstitutions"]:
        text = text.replace(f"${{{name}}}", f"arn:aws:lambda:eu-central-1:123456789012:function:{name}")
    return json.loads(text)


def problems(definition: Definition) -> list[str]:
    """What is wrong with a definition."""
    own = dangling(definition) or [*unreachable(definition), *careless(definition), *slow(definition)]
    return own or invalid(definition)


def invalid(definition: Definition) -> list[str]:
    """What cfn-lint says of it. It looks at a definition as text only in a template that needs no transform."""
    machine = {"RoleArn": "arn:aws:iam::123456789012:role/checkout", "DefinitionString": json.dumps(definition)}
    template = {"Resources": {"Workflow": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine}}}
    found = lint(json.dumps(template), config=ManualArgs(regions=["eu-central-1"]))
    return [str(match.message) for match in found if match.rule.id.startswith("E")]


def nexts(state: dict[str, Any]) -> list[str]:
    """Where a state can lead."""
    return [step["Next"] for step in (state, *state.get("Catch", [])) if "Next" in step]


def dangling(definition: Definition) -> list[str]:
    states = definition["States"]
    start = [] if definition["StartAt"] in states else ["it begins at no state"]
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


def careless(definition: Definition) -> list[str]:
    """Tasks that do not say how long they may take, what is tried again, and where everything else leads."""
    found = []
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            found += [f"{name} has no {field}" for field in ("TimeoutSeconds", "Retry", "Catch") if field not in state]
            for field in ("Retry", "Catch"):
                if "States.ALL" not in [error for last in state.get(field, [])[-1:] for error in last["ErrorEquals"]]:
                    found.append(f"{name}: the last {field} is not for all that is left")
    return found


def slow(definition: Definition) -> list[str]:
    """Whether all waits of all retries on the longest way, and one attempt of each step on it that hangs, are over in time."""
    states = definition["States"]

    def longest(name: str, before: tuple[str, ...]) -> float:
        if name in before:
            return float("inf")  # round and round
        own = states[name].get("TimeoutSeconds", 0) + max(map(waits, states[name].get("Retry", [])), default=0)
        return own + max((longest(target, (*before, name)) for target in nexts(states[name])), default=0)

    seconds = longest(definition["StartAt"], ())
    limit = min(LONGEST, definition.get("TimeoutSeconds", float("inf")))
    return [f"an execution may take {seconds} s, and has {limit} s"] if seconds >= limit else []


def waits(retry: dict[str, Any]) -> float:
    """How long one error that comes again and again is waited for at most."""
    first, rate, most = retry.get("IntervalSeconds", 1), retry.get("BackoffRate", 2), retry.get("MaxDelaySeconds", LONGEST)
    return sum(min(most, first * rate**attempt) for attempt in range(retry.get("MaxAttempts", 3)))


def documented() -> dict[str, tuple[str, list[tuple[list[str], str]]]]:
    """The steps of the table in checkout.md: of each its function, and which errors lead where."""
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
    def test_the_table_beside_it_says_what_it_does(self) -> None:
        states = deployed()["States"]
        tasks = {name: (state["Resource"].rpartition(":")[2], [(each["ErrorEquals"], each["Next"]) for each in state["Catch"]])
                 for name, state in states.items() if state["Type"] == "Task"}
        self.assertEqual(tasks, documented())

    def test_as_it_is_deployed_nothing_is_wrong_with_it(self) -> None:
        self.assertEqual([], problems(deployed()))

    def test_it_ends_by_itself_before_its_own_limit_does(self) -> None:
        self.assertEqual(LONGEST, deployed()["TimeoutSeconds"])

    def test_what_is_broken_is_found(self) -> None:
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
            "a field that is misspelt": broken(*reserve, "TimeoutSecond", value=10),
            "a type that is none": broken(*reserve, "Type", value="Tusk"),
            "a start that is none": broken("StartAt", value="Reserve"),
            "a Next to nowhere": broken(*reserve, "Next", value="Authorize"),
            "a Catch to nowhere": broken(*reserve, "Catch", 0, "Next", value="Cancel"),
            "a state to which nothing leads": broken("States", "Lost", value={"Type": "Succeed"}),
            "no timeout": broken(*reserve, "TimeoutSeconds", value=None),
            "no retry": broken(*reserve, "Retry", value=None),
            "no catch": broken(*reserve, "Catch", value=None),
            "a catch that lets something through": broken(*reserve, "Catch", 1, "ErrorEquals", value=["OutOfStock"]),
            "a retry that takes too long": broken(*reserve, "Retry", 1, "MaxAttempts", value=8),
            "a way that leads back": broken(*reserve, "Catch", 1, "Next", value="ReserveStock"),
        }.items():
            with self.subTest(what):
                self.assertNotEqual([], problems(definition))


if __name__ == "__main__":
    unittest.main()
