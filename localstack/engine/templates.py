"""Reads the templates of the shop: the root stack and a nested stack for each context.

`read` returns them as they are written. `merge` returns one SAM template with all their resources, for tools that need the whole shop: the
parameters of a nested stack are replaced by the values that the root template passes, references to its outputs by the values of the
outputs. Logical ids are therefore unique across all templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from samtranslator.yaml_helper import intrinsics_multi_constructor

from engine.problem import Problem

Template = dict[str, Any]

APPLICATION, FUNCTION, ROUTE = "AWS::Serverless::Application", "AWS::Serverless::Function", "AWS::ApiGatewayV2::Route"
LOCATION = re.compile(r"functions/([a-z][a-z0-9-]*)/template\.yaml")


class Loader(yaml.CSafeLoader):
    """Reads YAML with the short tags of CloudFormation, ten times as fast as SAM's own loader, which does not use libyaml."""


Loader.add_multi_constructor("!", intrinsics_multi_constructor)


@dataclass(frozen=True)
class Templates:
    """The root template, and the templates of the contexts by context, in the order of the root template."""

    root: Template
    contexts: dict[str, Template]

    @cached_property
    def merged(self) -> Template:
        """One template with the resources of all templates."""
        return merge(self)

    @cached_property
    def context_of(self) -> dict[str, str]:
        """The context of each resource of a nested stack, by logical id."""
        return {name: context for context, template in self.contexts.items() for name in template["Resources"]}

    def of_type(self, resource_type: str) -> dict[str, dict[str, Any]]:
        """Returns the resources of a type in all templates, as merged, by logical id."""
        return {name: resource for name, resource in self.merged["Resources"].items() if resource["Type"] == resource_type}

    def routes(self) -> dict[str, str]:
        """Returns the routes of the HTTP API (`POST /api/v1/orders`, `$default`): each with its context."""
        return {key: self.context_of[function] for function, keys in routes_of(self.merged).items() for key in keys}


def references(value: Any) -> list[str]:
    """Returns the logical ids that a value refers to by `Ref`, `Fn::GetAtt` and `Fn::Sub`."""
    if isinstance(value, list):
        return [target for item in value for target in references(item)]
    if not isinstance(value, dict):
        return []
    if set(value) == {"Ref"}:
        return [value["Ref"]]
    if set(value) == {"Fn::GetAtt"}:
        target = value["Fn::GetAtt"]
        return [target.split(".")[0] if isinstance(target, str) else target[0]]
    if set(value) == {"Fn::Sub"}:
        text, given = value["Fn::Sub"] if isinstance(value["Fn::Sub"], list) else (value["Fn::Sub"], {})
        named = [name for name in re.findall(r"\$\{(\w+)(?:\.\w+)*\}", text) if name not in given]
        return named + references(list(given.values()))
    return [target for item in value.values() for target in references(item)]


def routes_of(template: Template) -> dict[str, list[str]]:
    """Returns the functions of the routes of the HTTP API, each with the keys of its routes."""
    routes: dict[str, list[str]] = {}
    for resource in template["Resources"].values():
        if resource["Type"] == ROUTE and resource["Properties"]["ApiId"] == {"Ref": "HttpApi"}:
            [integration] = references(resource["Properties"]["Target"])
            [function] = references(template["Resources"][integration]["Properties"]["IntegrationUri"])
            routes.setdefault(function, []).append(resource["Properties"]["RouteKey"])
    return routes


def load(path: Path) -> Template:
    """Reads one template as it is written, with short tags (`!Ref`) in their long form."""
    template: Template = yaml.load(path.read_text(encoding="utf-8"), Loader)
    return template


def read(root: Path) -> Templates:
    """Reads the templates of the repository at `root`."""
    template = load(root / "template.yaml")
    contexts = {}
    for name, application in applications(template):
        context = context_of(name, application)
        path = root / "functions" / context / "template.yaml"
        if not path.is_file():
            raise Problem(f"template.yaml has {name}, whose functions/{context}/template.yaml does not exist; delete {name} as well")
        contexts[context] = load(path)
    return Templates(template, contexts)


def context_of(name: str, application: dict[str, Any]) -> str:
    """Returns the context of a nested stack, which its `Location` names."""
    location = application["Properties"]["Location"]
    found = LOCATION.fullmatch(location) if isinstance(location, str) else None
    if not found:
        raise Problem(f"template.yaml: the Location of {name} has to be functions/<context>/template.yaml, not {location}")
    return found[1]


def applications(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the nested stacks of a template, by logical id."""
    return ((name, resource) for name, resource in template["Resources"].items() if resource["Type"] == APPLICATION)


def merge(templates: Templates) -> Template:
    """Returns the root template with the nested stacks replaced by their resources."""
    merged = deepcopy(templates.root)
    nested = dict(zip([name for name, _ in applications(merged)], templates.contexts.items(), strict=True))
    parts: dict[str, set[str]] = {}
    outputs: dict[tuple[str, str], Any] = {}
    for name, (context, template) in nested.items():
        given = _with_outputs(merged["Resources"].pop(name)["Properties"].get("Parameters", {}), outputs)
        own = _with_parameters(template, _values(context, template, given))
        for output, declaration in own.get("Outputs", {}).items():
            outputs[name, output] = declaration["Value"]
        _resolve_code_paths(own, context)
        for section in ("Conditions", "Globals"):
            _merge_section(merged, section, own.get(section, {}), context)
        for logical, resource in own["Resources"].items():
            if logical in merged["Resources"]:
                raise Problem(f"{context}: another template has a resource {logical}, too; logical ids are unique in all templates")
            merged["Resources"][logical] = resource
        parts[name] = {logical for logical, resource in own["Resources"].items() if resource["Type"] == ROUTE}
    for resource in merged["Resources"].values():
        _depend_on_routes(resource, parts)
    whole: Template = _with_outputs(merged, outputs)
    return whole


def _values(context: str, template: Template, given: dict[str, Any]) -> dict[str, Any]:
    """Returns the parameter values of a nested stack; fails if one is missing or unknown."""
    declared = template.get("Parameters", {})
    if unknown := sorted(set(given) - set(declared)):
        raise Problem(f"template.yaml gives {context} {unknown[0]}, which functions/{context}/template.yaml does not declare")
    if missing := sorted(name for name, declaration in declared.items() if name not in given and "Default" not in declaration):
        raise Problem(f"template.yaml does not give {context} its parameter {missing[0]}")
    return {name: given.get(name, declaration.get("Default")) for name, declaration in declared.items()}


def _with_parameters(template: Template, values: Mapping[str, Any]) -> Template:
    """Returns a nested template with references to its parameters replaced by their values, and without the parameters."""
    return {section: _replaced(value, values) for section, value in template.items() if section != "Parameters"}


def _replaced(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_replaced(item, values) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        return deepcopy(values[value["Ref"]]) if value["Ref"] in values else value
    if set(value) == {"Fn::Sub"}:
        return _substituted(value["Fn::Sub"], values)
    return {key: _replaced(item, values) for key, item in value.items()}


def _substituted(sub: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    text, local = sub if isinstance(sub, list) else (sub, {})
    names = {name: _replaced(item, values) for name, item in local.items()}

    def inline(found: re.Match[str]) -> str:
        name = found[1]
        if name in local or name not in values:
            return found[0]
        match values[name]:
            case str() | int() as literal:
                return str(literal)
            case {"Ref": target}:
                return f"${{{target}}}"
            case {"Fn::GetAtt": [target, attribute]}:
                return f"${{{target}.{attribute}}}"
            case other:
                names[name] = deepcopy(other)
                return found[0]

    replaced = re.sub(r"\$\{(\w+)\}", inline, text)
    return {"Fn::Sub": [replaced, names] if names else replaced}


def _with_outputs(value: Any, outputs: Mapping[tuple[str, str], Any]) -> Any:
    """Returns the value with references to outputs of nested stacks replaced by the values of the outputs."""
    if isinstance(value, list):
        return [_with_outputs(item, outputs) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Fn::GetAtt": [str(name), str(attribute)]} if attribute.startswith("Outputs."):
            output = attribute.removeprefix("Outputs.")
            if (name, output) not in outputs:
                raise Problem(f"template.yaml refers to {name}.{attribute}, which does not exist or is declared below the reference")
            return deepcopy(outputs[name, output])
    return {key: _with_outputs(item, outputs) for key, item in value.items()}


def _resolve_code_paths(template: Template, context: str) -> None:
    """Gives each function a `CodeUri` relative to the root. In the template of a context, it is in the `Globals`."""
    shared = template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for name, resource in template["Resources"].items():
        if resource["Type"] == FUNCTION:
            uri = resource["Properties"].get("CodeUri", shared)
            if uri != f"../../build/{context}.zip":
                raise Problem(f"{context}: the CodeUri of {name} has to be ../../build/{context}.zip, not {uri}")
            resource["Properties"]["CodeUri"] = f"build/{context}.zip"
        elif isinstance(definition := resource["Properties"].get("DefinitionUri") if "Properties" in resource else None, str):
            resource["Properties"]["DefinitionUri"] = f"functions/{context}/{definition}"


def _merge_section(merged: Template, section: str, added: dict[str, Any], context: str) -> None:
    """Merges entries into a section; fails if an entry exists with another value."""
    present = merged.setdefault(section, {})
    for name, value in added.items():
        if present.setdefault(name, value) != value:
            raise Problem(f"{context}: {section} {name} differs from that of another template")
    if not present:
        del merged[section]


def _depend_on_routes(resource: dict[str, Any], parts: Mapping[str, set[str]]) -> None:
    """Replaces a dependency on a nested stack by dependencies on its routes."""
    depends = resource.get("DependsOn", [])
    names = [depends] if isinstance(depends, str) else depends
    if any(name in parts for name in names):
        resource["DependsOn"] = sorted({part for name in names for part in parts.get(name, {name})})
