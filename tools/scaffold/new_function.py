"""Generates a new function of a context: its code, its resources, its sample event, and its entries in other files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.problem import Problem
from scaffold import names, rust, sam_text, samples
from scaffold.result import IDS, KERNEL, ROOT_TEMPLATE, Result, require_free_documentation, require_free_ids, route_keys, save
from scaffold.tree import Tree, rendered

METHODS, ACCESS, LIMITS = ("GET", "POST", "PUT", "PATCH", "DELETE"), ("anyone", "customer", "owner", "admin"), ("unlimited", "writes")
SEGMENT = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*|\{[a-z]+(_[a-z]+)*\}")
RATE = re.compile(r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)|cron\(\S+( \S+){5}\)")

# The arguments of each kind, in addition to those of every kind.
ARGUMENTS = {"endpoint": ("METHOD", "ROUTE", "ACCESS", "LIMIT"), "consumer": ("SOURCE", "EVENTS"), "schedule": ("RATE",)}


@dataclass(frozen=True)
class Place:
    """A function to generate, and the paths and names of its context."""

    tree: Tree
    context: str
    name: str

    @property
    def function(self) -> str:
        """The function's name in Rust."""
        return names.snake(self.name)

    @property
    def logical(self) -> str:
        """The function's logical id."""
        return names.pascal(self.name)

    @property
    def pascal(self) -> str:
        """The prefix of the logical ids of the context's resources."""
        return names.pascal(self.context)

    @property
    def health(self) -> str:
        """The logical id of the context's health function."""
        return "Health" if self.context == "gateway" else f"{self.pascal}Health"

    @property
    def template(self) -> str:
        """The path of the context's template."""
        return f"functions/{self.context}/template.yaml"

    def source(self, path: str) -> str:
        """Returns the path of a file of the context's code."""
        return f"functions/{self.context}/src/{path}"

    def values(self, **more: str) -> dict[str, str]:
        """Returns the values that all templates of functions use."""
        return {"context": self.context, "Context": self.pascal, "name": self.name, "Name": self.logical, "function": self.function,
                "camel": names.camel(self.name), "sentence": names.sentence(self.name), **more}


def new_function(root: Path, context: str, name: str, kind: str, values: Mapping[str, str]) -> Result:
    """Generates a function of a kind in a context. `values` are the arguments of its kind."""
    if kind not in ARGUMENTS:
        raise Problem(f"KIND={kind}: the kinds are endpoint, consumer and schedule")
    for argument in values:
        if argument not in ARGUMENTS[kind]:
            raise Problem(f"{argument}: KIND={kind} takes {', '.join(ARGUMENTS[kind])}")
    tree = Tree(root)
    contexts = sam_text.contexts(tree.read(ROOT_TEMPLATE))
    if context not in contexts:
        raise Problem(f"CONTEXT={context}: there is no such context; there are {', '.join(sorted(contexts))}")
    names.require_function_name(name)
    if f'name = "{name}"' in tree.read("Cargo.lock").splitlines():
        raise Problem(f"NAME={name}: a crate of that name is in Cargo.lock; choose another name")
    place = Place(tree, context, name)
    if name in rust.handlers(tree.read(place.source("main.rs"))):
        raise Problem(f"NAME={name}: {context} has such a function; choose another name")
    _KINDS[kind](place, values)
    return save(tree, _next_steps(place, kind))


def _endpoint(place: Place, values: Mapping[str, str]) -> None:
    tree, argument = place.tree, f"NAME={place.name}"
    method = _one_of("METHOD", values.get("METHOD", "GET"), METHODS)
    path = _path(values.get("ROUTE", f"/api/v1/{place.context}/{place.name}"))
    key = f"{method} {path}"
    access = _one_of("ACCESS", values.get("ACCESS", "customer"), ACCESS)
    limit = _one_of("LIMIT", values.get("LIMIT", "unlimited" if method == "GET" else "writes"), LIMITS)
    if access == "owner" and "{user_id}" not in path:
        raise Problem(f"ACCESS=owner: ROUTE={path} has no {{user_id}}, so only the use case knows the owner; start with ACCESS=customer")
    _require_free_path(tree, key)
    require_free_ids(tree, argument, [f"{place.logical}{what}" for what in ("", "Role", "Integration", "Route")])
    require_free_documentation(tree, argument, [names.camel(place.name)], [f"{place.logical}Response"])
    if limit == "writes" and not sam_text.has_resource(tree.read(place.template), f"{place.pascal}Table"):
        raise Problem(f"LIMIT=writes: {place.context} has no table for the counters of rate limits; use LIMIT=unlimited")

    limited = {"limit_use": "Limit, ", "limited": ".limited(Limit::Writes)"} if limit == "writes" else {"limit_use": "", "limited": ""}
    code = rendered("endpoint.rs", **place.values(key=key, Access=access.capitalize(), **limited, **_of_path(path)))
    _add_module(place, "api", f"The endpoints of {place.context}.", code)
    tree.edit(place.source("api/mod.rs"), lambda text: rust.with_route(text, f"{place.function}::ROUTE"))
    tree.edit(place.source("api/mod.rs"), lambda text: rust.with_operation(text, f"{place.function}::operation()"))
    _add_ids(tree, path)
    if limit == "writes":
        limiter = "Limiter::connect(&config, Limit::Writes)?"
        call = f"http::serve_limited(api::ROUTES, {limiter}, (), api::{place.function})"
        _add_arm(place, "api", call, "http", "limit::Limiter", "policy::Limit")
    else:
        _add_arm(place, "api", f"http::serve(api::ROUTES, (), api::{place.function})", "http")
    _add_dependencies(place, "kernel", "lambda", "schemars", "serde", "serde_json")

    own = "AccessTokens" if place.context == "users" else "AuthorizerId"
    authorizer = "" if access == "anyone" else f"      AuthorizationType: CUSTOM\n      AuthorizerId: !Ref {own}\n"
    parts = {"environment": "", "policies": ""}
    if limit == "writes":
        parts = {"environment": rendered("limited.yaml", **place.values()), "policies": rendered("limit_policies.yaml", **place.values())}
    resources = rendered("endpoint.yaml", **place.values(key=key, authorizer=authorizer, **parts))
    tree.edit(place.template, lambda text: sam_text.with_resources(text, resources, place.health))
    tree.edit(place.template, lambda text: sam_text.with_invoked(text, f"{place.pascal}InvokeRole", place.logical, place.health))
    _add_parameters(place, *([] if access == "anyone" or own == "AccessTokens" else [own]), *(["WriteLimit"] if limit == "writes" else []))
    tree.write(f"events/{place.context}/{place.logical}.json", samples.request(key, access))
    tree.write(f"events/{place.context}/{place.logical}.expected.json", samples.response(requested_at=samples.ANY))


def _consumer(place: Place, values: Mapping[str, str]) -> None:
    tree, argument = place.tree, f"NAME={place.name}"
    if not sam_text.has_resource(tree.read(place.template), f"{place.pascal}Table"):
        raise Problem(f"KIND=consumer: {place.context} has no table and no health function that monitors queues")
    published = _published(tree)
    source = _one_of("SOURCE", _required(values, "SOURCE"), tuple(sorted(published)))
    event, variants = published[source]
    events = [name for name in re.split(r"[, ]+", _required(values, "EVENTS")) if name]
    for name in events:
        _one_of("EVENTS", name, tuple(variants))
    if not events or len(set(events)) < len(events):
        raise Problem(f"EVENTS={values['EVENTS']}: name each event once, separated by commas")
    resources = ("", "Role", "Queue", "DeadLetters", "QueuePolicy", "Subscription")
    require_free_ids(tree, argument, [f"{place.logical}{what}" for what in resources])

    rest = [f"{event}::{name}(_)" for name in variants if name not in events]
    golden = [f"events/contracts/{name}.v1.0.json" for name in events]
    code = rendered("consumer.rs", **place.values(
        Event=event, source=source, events_text=_and([f"`{name}`" for name in events]),
        wanted=" | ".join(f"{event}::{name}(_)" for name in events), others=f"        {' | '.join(rest)} => Ok(()),\n" if rest else "",
        samples="".join(f'            include_str!("../../../../{path}"),\n' for path in golden)))
    _add_module(place, "consumers", f"The consumers of {place.context}.", code)
    _add_arm(place, "consumers", f"queue::serve((), consumers::{place.function})", "queue")
    _add_dependencies(place, "contracts", "lambda", "tracing", "tokio")
    health = place.source("api/health.rs")
    if tree.exists(health):
        listed = re.compile(rf'(health::example\(\s*"{place.context}",\s*&\[)([^\]]*)\]')
        tree.edit(health, lambda text: listed.sub(lambda found: f"{found[1]}{_joined(found[2], place.logical)}]", text))

    topic = f"{names.pascal(source)}Topic"
    yaml = rendered("consumer.yaml", **place.values(source=source, Source=names.pascal(source), events=", ".join(events),
                                                    and_events=_and(events)))
    metric = rendered("dead_letters_metric.yaml", **{**place.values(), "name": place.function})
    alarm = f"{place.pascal}DeadLettersAlarm"
    if sam_text.has_resource(tree.read(place.template), alarm):
        tree.edit(place.template, lambda text: sam_text.with_alarmed_queue(text, alarm, place.logical, metric))
        tree.edit(place.template, lambda text: sam_text.with_resources(text, yaml, alarm))
    else:
        yaml = f"{yaml}\n{rendered('dead_letters_alarm.yaml', **place.values(metric=metric.rstrip()))}"
        tree.edit(place.template, lambda text: sam_text.with_resources(text, yaml, place.health))
    tree.edit(place.template, lambda text: sam_text.with_watched_queue(text, place.health, place.logical))
    _add_alarm(place)
    _add_parameters(place, f"{topic}Arn", "UnpublishedQueueArn")
    tree.edit(ROOT_TEMPLATE, lambda text: sam_text.with_sender(text, topic))
    tree.write(f"events/{place.context}/{place.logical}.json", samples.message(place.logical, tree.read(golden[0])))
    tree.write(f"events/{place.context}/{place.logical}.expected.json", samples.no_failures())


def _schedule(place: Place, values: Mapping[str, str]) -> None:
    tree = place.tree
    rate = values.get("RATE", "rate(1 minute)")
    if not RATE.fullmatch(rate):
        raise Problem(f"RATE={rate}: a rate is rate(1 minute), rate(5 minutes), rate(1 hour), rate(1 day) or cron(<six fields>)")
    require_free_ids(tree, f"NAME={place.name}", [f"{place.logical}{what}" for what in ("", "Role", "Alarm")])
    _add_module(place, "schedules", f"The scheduled functions of {place.context}.", rendered("schedule.rs", **place.values(rate=rate)))
    _add_arm(place, "schedules", f"command::serve((), schedules::{place.function})", "command")
    _add_dependencies(place, "lambda", "serde", "tracing", "tokio")
    yaml = rendered("schedule.yaml", **place.values(rate=rate))
    tree.edit(place.template, lambda text: sam_text.with_resources(text, yaml, place.health))
    _add_alarm(place)
    tree.write(f"events/{place.context}/{place.logical}.json", samples.scheduled_event(place.logical))
    tree.write(f"events/{place.context}/{place.logical}.expected.json", samples.nothing())


_KINDS = {"endpoint": _endpoint, "consumer": _consumer, "schedule": _schedule}


def _add_module(place: Place, parent: str, what: str, code: str) -> None:
    """Adds a file to `api/`, `consumers/` or `schedules/`, which may be a folder, a file, or missing."""
    tree, path = place.tree, place.source(f"{parent}/{place.function}.rs")
    if tree.exists(path):
        raise Problem(f"NAME={place.name}: {path} exists; choose another name")
    tree.write(path, code)
    index = next((file for file in (place.source(f"{parent}.rs"), place.source(f"{parent}/mod.rs")) if tree.exists(file)), None)
    if index is None:
        index = place.source(f"{parent}/mod.rs")
        tree.write(index, f"//! {what}\n")
        tree.edit(place.source("lib.rs"), lambda text: rust.with_module(text, parent, public=True))
    text = tree.read(index)
    if re.search(rf"\b(fn|mod) {place.function}\b", text):
        raise Problem(f"NAME={place.name}: {index} has a {place.function}; choose another name")
    tree.edit(index, lambda text: rust.with_reexport(rust.with_module(text, place.function), f"{place.function}::{place.function}"))


def _add_arm(place: Place, module: str, call: str, *of_lambda: str) -> None:
    main = place.source("main.rs")
    place.tree.edit(main, lambda text: rust.with_arm(text, place.name, call))
    place.tree.edit(main, lambda text: rust.with_use(text, place.context, module))
    for item in of_lambda:
        place.tree.edit(main, lambda text, item=item: rust.with_use(text, "lambda", item))  # type: ignore[misc]


def _add_dependencies(place: Place, *crates: str) -> None:
    for crate in crates:
        place.tree.edit(f"functions/{place.context}/Cargo.toml", lambda text, crate=crate: rust.with_dependency(text, crate))  # type: ignore[misc]


def _add_ids(tree: Tree, path: str) -> None:
    """Adds the ids in a path that the kernel does not have."""
    for parameter in samples.path_parameters(path):
        identifier = names.pascal(parameter)
        if parameter.endswith("_id") and identifier not in rust.exported_ids(tree.read(KERNEL)):
            what = names.with_article(parameter.removesuffix("_id").replace("_", " ")).capitalize()
            tree.write(IDS, rust.with_id(tree.read(IDS), identifier, f"{what}."))
            tree.write(KERNEL, rust.with_exported_id(tree.read(KERNEL), identifier))


def _add_parameters(place: Place, *parameters: str) -> None:
    """Adds parameters that the root template passes and the context's template declares."""
    tree = place.tree
    order = sam_text.declared(tree.read(ROOT_TEMPLATE))
    for name in parameters:
        tree.write(place.template, sam_text.with_parameter(tree.read(place.template), name, order))
        nested = sam_text.declared(tree.read(place.template))
        root = tree.read(ROOT_TEMPLATE)
        tree.write(ROOT_TEMPLATE, sam_text.with_given(root, sam_text.entry_of(root, place.context), name, nested))


def _add_alarm(place: Place) -> None:
    """Adds the parameter and the condition that an alarm needs."""
    _add_parameters(place, "AlarmTopicArn")
    condition = '!Not [!Equals [!Ref AlarmTopicArn, ""]]'
    place.tree.edit(place.template, lambda text: sam_text.with_condition(text, "WithAlarmTopic", condition))


def _of_path(path: str) -> dict[str, str]:
    """Returns the parts of an endpoint's code that depend on the parameters of its path."""
    parameters = samples.path_parameters(path)
    ids = [name for name in parameters if name.endswith("_id")]
    words = [name for name in parameters if name not in ids]
    values = {name: samples.example(name) for name in parameters}
    return {
        "ids": "".join(f"{names.pascal(name)}, " for name in ids),
        "fields": "".join(f"    {name}: {names.pascal(name) if name in ids else 'String'},\n" for name in parameters),
        "parse": "".join(f'    let {name}: {names.pascal(name)} = request.id("{name}", "{_what(name)}")?;\n' for name in ids)
                 + "".join(f'    let {name} = request.path_parameter("{name}").unwrap_or_default().to_owned();\n' for name in words),
        "names": "".join(f"{name}, " for name in parameters),
        "paths": "".join(f'        .path::<String>("{name}", "Which {_what(name)}.", "{values[name]}")\n' for name in words),
        "examples": "".join(f'"{name}": "{values[name]}", ' for name in parameters),
        "sample": "".join(f'{name}: "{values[name]}".parse().expect("an id"), ' if name in ids else f'{name}: "{values[name]}".to_owned(), '
                          for name in parameters),
    }


def _what(parameter: str) -> str:
    return parameter.removesuffix("_id").replace("_", " ")


def _path(path: str) -> str:
    wrong = f"ROUTE={path}: a path begins with /api/v1/ and consists of lower-case words and of parameters such as {{review_id}}"
    if not path.startswith("/api/v1/") or not all(SEGMENT.fullmatch(segment) for segment in path.split("/")[1:]):
        raise Problem(wrong)
    parameters = samples.path_parameters(path)
    if len(set(parameters)) < len(parameters) or (names.RUST_WORDS | names.PARAMETER_WORDS) & set(parameters):
        raise Problem(f"ROUTE={path}: each parameter needs a unique name that is neither a keyword of Rust nor `request`")
    if path.startswith("/api/v1/health/"):
        raise Problem(f"ROUTE={path}: paths below /api/v1/health/ are those of the contexts; choose another path")
    return path


def _require_free_path(tree: Tree, key: str) -> None:
    """Fails if the route exists already. API Gateway does not distinguish routes by the names of their parameters."""
    def shape(route: str) -> str:
        return re.sub(r"\{\w+\}", "{}", route)

    for known in route_keys(tree):
        if shape(known) == shape(key):
            raise Problem(f"ROUTE={key.split(' ')[1]}: {known} is a route already; choose another ROUTE or METHOD")


def _published(tree: Tree) -> dict[str, tuple[str, list[str]]]:
    """Returns the contexts that publish events, each with the Rust type and the names of the events."""
    found = {}
    for path in sorted((tree.root / "shared/contracts/src").glob("*.rs")):
        for event, source, body in re.findall(r'^ +(\w+) from "(\w+)" \{\n((?: {8}.*\n)+)', path.read_text(encoding="utf-8"), re.MULTILINE):
            found[source] = (event, re.findall(r"^ +(\w+),$", body, re.MULTILINE))
    return found


def _required(values: Mapping[str, str], argument: str) -> str:
    if not values.get(argument):
        examples = {"SOURCE": "the context whose events it consumes, such as SOURCE=orders",
                    "EVENTS": "the events that it consumes, such as EVENTS=OrderConfirmed,OrderCancelled"}
        raise Problem(f"{argument} is missing: {examples[argument]}")
    return values[argument]


def _one_of(argument: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise Problem(f"{argument}={value}: it is one of {', '.join(known)}")
    return value


def _and(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _joined(listed: str, name: str) -> str:
    present = listed.strip().rstrip(",")
    return f'{present}, "{name}"' if present else f'"{name}"'


def _next_steps(place: Place, kind: str) -> list[str]:
    folder = {"endpoint": "api", "consumer": "consumers", "schedule": "schedules"}[kind]
    return [
        f"write the use case in {place.source(f'{folder}/{place.function}.rs')}, and pass its dependencies in main.rs",
        f"in {place.template}, add the permissions of the use case to {place.logical}Role, and its variables to {place.logical}",
        "make check, then make test",
    ]
