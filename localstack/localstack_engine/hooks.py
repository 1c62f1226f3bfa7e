"""Changes LocalStack when it starts."""

from __future__ import annotations

from localstack.runtime import hooks

from localstack_engine import executor, nested_stacks, resources, templates


@hooks.on_infra_start()  # type: ignore[untyped-decorator] # LocalStack is untyped
def prepare() -> None:
    """Replaces what LocalStack has no plugin points for."""
    templates.adapt_templates()
    resources.create_mail_identities()
    resources.poll_often()
    nested_stacks.update_nested_stacks()
    executor.store_archives_once()
