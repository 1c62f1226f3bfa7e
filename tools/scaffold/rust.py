"""Edits Rust files as text. Rustfmt sorts the lines within a group."""

from __future__ import annotations

import re
from collections.abc import Iterator

MODULE = re.compile(r"^(?:pub(?:\([a-z]+\))? )?mod \w+;$", re.MULTILINE)


def with_module(text: str, name: str, public: bool = False) -> str:
    """Returns the file with a declaration of the module `name`."""
    if re.search(rf"^(?:pub(?:\([a-z]+\))? )?mod {name};$", text, re.MULTILINE):
        return text
    line = f"{'pub ' if public else ''}mod {name};\n"
    if first := MODULE.search(text):
        return text[:first.start()] + line + text[first.start():]
    header = re.match(r"(?://!.*\n)*", text)
    end = header.end() if header else 0
    return f"{text[:end]}\n{line}{text[end:]}"


def with_reexport(text: str, path: str) -> str:
    """Returns the file with `pub use <path>;`."""
    line = f"pub use {path};\n"
    if line in text:
        return text
    if first := re.search(r"^pub use ", text, re.MULTILINE):
        return text[:first.start()] + line + text[first.start():]
    uses = list(re.finditer(r"^use [^;]+;$", text, re.MULTILINE))
    last = uses[-1] if uses else list(MODULE.finditer(text))[-1]
    return f"{text[:last.end()]}\n\n{line}{text[last.end() + 1:]}"


def with_use(text: str, crate: str, item: str) -> str:
    """Returns the file with `use <crate>::<item>;`, within the braces of that crate if there are any."""
    found = list(re.finditer(rf"^use {crate}::([^;]+);$", text, re.MULTILINE))
    if any(item in paths(use[1]) for use in found):
        return text
    if found:
        first = found[0]
        items = [*_items(first[1]), item]
        return f"{text[:first.start()]}use {crate}::{{{', '.join(items)}}};{text[first.end():]}"
    place = re.search(r"^use ", text, re.MULTILINE)
    if not place:
        raise LookupError("it has no `use`")
    return f"{text[:place.start()]}use {crate}::{item};\n{text[place.start():]}"


def paths(tree: str) -> Iterator[str]:
    """Yields the paths of a use tree: `a`, `b::c` and `b::d` for `{a, b::{c, d}}`."""
    for item in _items(tree):
        prefix, brace, inner = item.partition("{")
        if brace:
            yield from (prefix + path for path in paths("{" + inner))
        else:
            yield item


def _items(tree: str) -> list[str]:
    """Returns the items in the outermost braces of a use tree, or the tree itself if it has no braces."""
    tree = tree.strip()
    if not tree.startswith("{"):
        return [tree]
    items, depth, start = [], 0, 1
    for place, letter in enumerate(tree):
        if letter == "{":
            depth += 1
        elif letter == "}":
            depth -= 1
        if (letter == "," and depth == 1) or depth == 0:
            items.append(tree[start:place].strip())
            start = place + 1
    return [item for item in items if item]


def handlers(main: str) -> set[str]:
    """Returns the handler names in a `main.rs`."""
    return set(re.findall(r'^ +"([^"]+)" =>', main, re.MULTILINE))


def with_arm(main: str, handler: str, call: str) -> str:
    """Returns the `main.rs` with an additional handler."""
    unknown = re.search(r"^ +unknown => ", main, re.MULTILINE)
    if not unknown:
        raise LookupError("it has no arm `unknown =>`")
    return f'{main[:unknown.start()]}        "{handler}" => {{ {call}.await }}\n{main[unknown.start():]}'


def with_operation(module: str, call: str) -> str:
    """Returns the `api/mod.rs` with an additional operation before that of health."""
    return _with_item(module, "pub fn operations()", call, before="health::operation()")


def with_route(module: str, route: str) -> str:
    """Returns the `api/mod.rs` with an additional route before that of health."""
    return _with_item(module, "pub const ROUTES: &[Route] =", route, before="health::ROUTE")


def _with_item(module: str, head: str, item: str, before: str) -> str:
    """Returns the file with an additional item in the first list after `head`: before the item `before`, or else as the last."""
    start = module.find("[", module.find(head) + len(head))
    if head not in module or start < 0:
        raise LookupError(f"it has no `{head}` with a list")
    place, depth = start + 1, 1
    while depth:
        depth += {"[": 1, "]": -1}.get(module[place], 0)
        place += 1
    items = [each.strip() for each in module[start + 1:place - 1].split(",") if each.strip()]
    items.insert(items.index(before) if before in items else len(items), item)
    return f"{module[:start]}[{', '.join(items)}]{module[place:]}"


def with_dependency(manifest: str, name: str) -> str:
    """Returns the `Cargo.toml` with an additional dependency of the workspace."""
    head, section, rest = manifest.partition("[dependencies]\n")
    if not section:
        raise LookupError("it has no [dependencies]")
    end = rest.find("\n[")
    lines, tail = rest[:end].rstrip("\n").split("\n"), "\n" + rest[end:].lstrip("\n")
    keys = [re.split(r"[ .=]", line)[0] for line in lines]
    if name in keys:
        return manifest
    at = next((place for place, key in enumerate(keys) if re.match(r"\w", key) and key > name), len(lines))
    while at and at < len(lines) and lines[at - 1].startswith("#"):
        at -= 1
    lines.insert(at, f"{name}.workspace = true")
    return head + section + "\n".join(lines) + "\n" + tail


def route_keys(source: str) -> set[str]:
    """Returns the keys of the routes that a file defines."""
    return set(re.findall(r'\bRoute::new\(\s*"([^"]+)"', source))


def with_id(ids: str, name: str, what: str) -> str:
    """Returns the ids of the kernel with an additional one before that of events."""
    at = ids.find("id!(\n    /// An event,")
    if at < 0:
        raise LookupError("it has no id of events")
    return f"{ids[:at]}id!(\n    /// {what}\n    {name}\n);\n{ids[at:]}"


def with_exported_id(kernel: str, name: str) -> str:
    """Returns the kernel's `lib.rs` with an additional exported id."""
    found = re.search(r"^pub use id::\{([^}]*)\};$", kernel, re.MULTILINE)
    if not found:
        raise LookupError("it has no `pub use id::{…}`")
    return f"{kernel[:found.start()]}pub use id::{{{found[1].strip().rstrip(',')}, {name}}};{kernel[found.end():]}"


def exported_ids(kernel: str) -> set[str]:
    """Returns the ids that the kernel exports."""
    found = re.search(r"^pub use id::\{([^}]*)\};$", kernel, re.MULTILINE)
    return {name.strip() for name in found[1].split(",") if name.strip()} if found else set()
