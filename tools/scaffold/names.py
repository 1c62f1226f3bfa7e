"""Names of contexts and functions: which are allowed, and their forms in Rust, in templates and in prose."""

from __future__ import annotations

import re

from engine.problem import Problem

CONTEXT = re.compile(r"[a-z]{3,20}")
FUNCTION = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")
MAX_FUNCTION = 40  # CloudFormation adds the stack's name and a suffix, and Lambda allows 64 characters in all

# Words that are not allowed as names in Rust, or that name something else in the generated code.
_RUST_WORDS = """
    abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if impl in let loop macro
    match mod move mut override priv pub ref return self static struct super trait true try type typeof union unsafe unsized use virtual
    where while yield alloc core std test proc_macro
"""
RUST_WORDS = frozenset(_RUST_WORDS.split())

# Names that the generated code of a context uses for something else, and those that the code of an endpoint uses.
_CONTEXT_WORDS = """
    api box command config cursor domain error handler health http lambda limit list main operation option page query queue reply request
    result schedule start store string table timestamp value vec
"""
CONTEXT_WORDS = frozenset(_CONTEXT_WORDS.split())
FUNCTION_WORDS = frozenset({"example", "operation", "operations", "tests"})
PARAMETER_WORDS = frozenset({"requested_at", "request"})


def pascal(name: str) -> str:
    """`list-reviews` or `review_id` as `ListReviews`, `ReviewId`."""
    return "".join(word.capitalize() for word in re.split("[-_]", name))


def camel(name: str) -> str:
    """`list-reviews` as `listReviews`."""
    return pascal(name)[0].lower() + pascal(name)[1:]


def snake(name: str) -> str:
    """`list-reviews` as `list_reviews`."""
    return name.replace("-", "_")


def sentence(name: str) -> str:
    """Returns a name as the beginning of a sentence: `List reviews` for `list-reviews`."""
    return name.replace("-", " ").capitalize()


def singular(plural: str) -> str:
    """Returns the singular of a context's name: `review` for `reviews`. A name that is no plural becomes `<name>entry`."""
    if plural.endswith("ies") and len(plural) > 4:
        return plural[:-3] + "y"
    if plural.endswith(("sses", "xes", "ches", "shes")):
        return plural[:-2]
    if plural.endswith("s") and not plural.endswith(("ss", "us", "is")):
        return plural[:-1]
    return plural + "entry"


def with_article(noun: str) -> str:
    """Returns a noun with its article: `a review` for `review`."""
    sounds_like_a_vowel = noun[0] in "aeiou" and not noun.startswith(("eu", "one", "uni", "usa", "use"))
    return f"{'an' if sounds_like_a_vowel else 'a'} {noun}"


def require_context_name(name: str) -> None:
    """Fails unless a new context may have this name."""
    if not CONTEXT.fullmatch(name):
        raise Problem(f"NAME={name}: the name of a context is 3 to 20 lower-case letters, such as reviews")
    _require_no_rust_word(name)
    if {name, singular(name)} & CONTEXT_WORDS:
        raise Problem(f"NAME={name}: the code of every context uses that word for something else; choose another name")


def require_function_name(name: str) -> None:
    """Fails unless a new function may have this name."""
    if not FUNCTION.fullmatch(name) or not 3 <= len(name) <= MAX_FUNCTION:
        raise Problem(f"NAME={name}: the name of a function is 3 to {MAX_FUNCTION} lower-case letters and digits, in words with dashes "
                      "between them, such as list-reviews")
    _require_no_rust_word(name)
    if name in FUNCTION_WORDS:
        raise Problem(f"NAME={name}: the code of every endpoint uses that word for something else; choose another name")


def _require_no_rust_word(name: str) -> None:
    if name in RUST_WORDS:
        raise Problem(f"NAME={name}: that is a keyword of Rust or one of its crates; choose another name")
