"""Generates a new bounded context: its folder, and its entries in other files."""

from __future__ import annotations

import re
from pathlib import Path

from engine.problem import Problem
from scaffold import names, rust, sam_text, samples
from scaffold.result import IDS, KERNEL, ROOT_TEMPLATE, Result, require_free_documentation, require_free_ids, route_keys, save
from scaffold.tree import Tree, rendered

# The parameters that the first functions need, in addition to those in every template.
PARAMETERS = ["Stage", "Architecture", "Tracing", "AwsEndpointUrl", "AuthorizerId", "CursorSecretArn", "HttpApiId", "LogGroup",
              "RootStackName", "TelemetryPolicyArn"]


def new_context(root: Path, name: str) -> Result:
    """Generates a context with a table, a health function, and an endpoint that lists the caller's items."""
    tree = Tree(root)
    values = _values(name)
    context, item = values["Context"], values["Item"]
    list_key, health_key = f"GET /api/v1/{name}", f"GET /api/v1/health/{name}"
    _require_free(tree, name, context, item, list_key)

    for path, template in (
        ("Cargo.toml", "Cargo.toml"), ("src/main.rs", "main.rs"), ("src/lib.rs", "lib.rs"), ("src/store.rs", "store.rs"),
        ("src/domain/mod.rs", "domain.rs"), ("src/api/mod.rs", "api_mod.rs"), ("src/api/response.rs", "response.rs"),
        (f"src/api/list_{name}.rs", "list.rs"), ("src/api/health.rs", "health.rs"),
    ):
        tree.write(f"functions/{name}/{path}", rendered(template, **values))
    tree.write(f"functions/{name}/template.yaml", _template(tree, values))
    tree.write(f"events/{name}/List{context}.json", samples.request(list_key, "customer"))
    tree.write(f"events/{name}/List{context}.expected.json", samples.response(items=[], next_cursor=None))
    tree.write(f"events/{name}/{context}Health.json", samples.request(health_key, "anyone"))
    tree.write(f"events/{name}/{context}Health.expected.json", samples.response(name=name, status="up"))

    tree.edit(IDS, lambda text: rust.with_id(text, f"{item}Id", f"{names.with_article(values['item']).capitalize()}."))
    tree.edit(KERNEL, lambda text: rust.with_exported_id(text, f"{item}Id"))
    tree.edit(ROOT_TEMPLATE, lambda text: _with_context(text, values))
    next_steps = [
        f"describe {names.with_article(values['item'])} in functions/{name}/src/domain/mod.rs",
        f"make new-function CONTEXT={name} NAME=create-{values['item']} KIND=endpoint METHOD=POST ROUTE=/api/v1/{name}",
        f"to publish events, add them to shared/contracts, and add a `publish` function as in functions/catalog; {context}Topic exists",
        "make check",
    ]
    if tree.exists("ARCHITECTURE.md") and (text := _with_row(tree.read("ARCHITECTURE.md"), name)):
        tree.write("ARCHITECTURE.md", text)
    return save(tree, next_steps)


def _values(name: str) -> dict[str, str]:
    names.require_context_name(name)
    item = names.singular(name)
    return {
        "context": name, "Context": names.pascal(name), "item": item, "Item": names.pascal(item), "ITEM": item.upper(),
        "a_item": names.with_article(item), "A_item": names.with_article(item).capitalize(), "uuid": samples.UNKNOWN_ID,
    }


def _require_free(tree: Tree, name: str, context: str, item: str, list_key: str) -> None:
    argument = f"NAME={name}"
    for folder in (f"functions/{name}", f"events/{name}"):
        if tree.exists(folder):
            raise Problem(f"{argument}: {folder} exists; choose another name")
    if f'name = "{name}"' in tree.read("Cargo.lock").splitlines():
        raise Problem(f"{argument}: a crate of that name is in Cargo.lock; choose another name")
    taken = {key.split("/")[3] for key in route_keys(tree) if key.count("/") >= 3}
    if name in taken:
        raise Problem(f"{argument}: another context has routes below /api/v1/{name}; choose another name")
    if f"{item}Id" in rust.exported_ids(tree.read(KERNEL)):
        raise Problem(f"{argument}: the kernel has an id {item}Id; choose another name")
    resources = [context, *(f"{context}{what}" for what in ("Table", "Topic", "InvokeRole", "Health", "HealthRole"))]
    require_free_ids(tree, argument, [*resources, *(f"List{context}{what}" for what in ("", "Role", "Integration", "Route"))])
    require_free_documentation(tree, argument, [f"list{context}", f"get{context}Health"], [item, f"{item}List"])


def _template(tree: Tree, values: dict[str, str]) -> str:
    """Returns the template of the context, with the Globals of another context."""
    other = sam_text.contexts(tree.read(ROOT_TEMPLATE))[0]
    shared = sam_text.globals_of(tree.read(f"functions/{other}/template.yaml")).replace(f"/{other}.zip", f"/{values['context']}.zip")
    parameters = "".join(map(sam_text.declaration, PARAMETERS))
    return rendered("template.yaml", **values, parameters=parameters, globals=shared)


def _with_context(root: str, values: dict[str, str]) -> str:
    given = "\n".join(f"        {name}: {sam_text.value_of(root, name)}" for name in PARAMETERS)
    root = sam_text.with_topic(root, f"{values['Context']}Topic")
    return sam_text.with_entry(root, rendered("application.yaml", **values, parameters=given))


def _with_row(text: str, name: str) -> str | None:
    """Returns ARCHITECTURE.md with an additional row in the table of contexts, or None if it does not have that table."""
    found = re.search(r"^\| context \| owns \|.*\n(?:\|.*\n)+", text, re.MULTILINE)
    return f"{text[:found.end()]}| `{name}` | {name} | - | - |\n{text[found.end():]}" if found else None


