"""Changes LocalStack when it starts."""

from __future__ import annotations

import os
import signal
import threading
import time

from localstack.runtime import hooks

from localstack_engine import executor, nested_stacks, resources, templates

PARENT_CHECK_SECONDS = 1.0


@hooks.on_infra_start()  # type: ignore[untyped-decorator] # LocalStack is untyped
def prepare() -> None:
    """Replaces what LocalStack has no plugin points for."""
    templates.adapt_templates()
    resources.create_mail_identities()
    resources.poll_often()
    nested_stacks.update_nested_stacks()
    executor.store_archives_once()
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()


def _end_with_parent(parent: int) -> None:
    """Ends this process and the functions' when the engine has been killed, which then cannot end them."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os.killpg(0, signal.SIGKILL)  # the engine has made the process group, and nothing else is in it
