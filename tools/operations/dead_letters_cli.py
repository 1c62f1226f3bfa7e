"""Lists dead letters, shows why they failed, and redrives or drops them, on the local stack (WAYBILL_PORT) or with --aws on AWS."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from engine.aws import Aws, Deployed
from engine.deploy import STACK
from engine.engines import running_stack
from engine.problem import Problem
from operations import dead_letters
from operations.dead_letters import DeadLetter, DeadLetters

NOTHING_WRONG, WRONG = 0, 1
EXAMPLES = """examples:
  make dead-letters                                            list the numbers of dead letters
  make dead-letters ARGS="show StartCheckout"                  show messages and why they failed
  make dead-letters ARGS="redrive StartCheckout --dry-run"     show which would be redriven
  make dead-letters ARGS="redrive --all --aws --stack-name waybill-production"
"""


def main(arguments: list[str], aws: Aws) -> int:
    """Runs an action from its arguments on the queues of a known stack."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(arguments), aws)


def run(options: argparse.Namespace, aws: Aws | None = None) -> int:
    """Runs an action and returns the exit code. Without `aws`, the options name the stack."""
    client = aws or _clients(options)
    queues = _chosen(dead_letters.find(client, options.stack_name), options)
    actions: dict[str, Callable[[Aws, list[DeadLetters], argparse.Namespace], int]] = {
        "list": _list, "show": _show, "redrive": _redrive, "drop": _drop}
    return actions[options.action](client, queues, options)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the actions and their options to the parser of the command. The default action is `list`."""
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--json", action="store_true", help="print JSON")
    where.add_argument("--aws", action="store_true", help="use a stack on AWS, with your AWS configuration, instead of the local one")
    where.add_argument("--stack-name", default=STACK, metavar="NAME", help="the name of the stack (default: %(default)s)")
    where.add_argument("--region", help="the region of the stack on AWS (default: that of your AWS configuration)")

    actions = parser.add_subparsers(dest="action")
    parser.set_defaults(action="list", json=False, aws=False, stack_name=STACK, region=None, exit_code=False)
    by_consumer = "the name of a consumer, as `list` shows it; `Unpublished` has events that SNS refused or did not deliver"

    listing = actions.add_parser("list", parents=[where], help="list the number of dead letters of each consumer, and the oldest one's age")
    listing.add_argument("--exit-code", action="store_true", help="exit with 1 if there are any")

    showing = actions.add_parser("show", parents=[where], help="show dead letters and why they failed")
    showing.add_argument("consumer", nargs="?", help=f"{by_consumer} (default: all consumers)")
    showing.add_argument("--id", action="append", metavar="ID", help="show only this message, with its body (may be repeated)")

    redriving = actions.add_parser("redrive", parents=[where], help="send dead letters back to their source queue or topic")
    redriving.add_argument("consumer", nargs="?", help=by_consumer)
    redriving.add_argument("--all", action="store_true", help="redrive the dead letters of all consumers")
    redriving.add_argument("--id", action="append", metavar="ID", help="redrive only this message (may be repeated)")
    redriving.add_argument("--dry-run", action="store_true", help="only print what would be done")

    dropping = actions.add_parser("drop", parents=[where], help="delete dead letters permanently")
    dropping.add_argument("consumer", help=by_consumer)
    which = dropping.add_mutually_exclusive_group(required=True)
    which.add_argument("--all", action="store_true", help="drop all dead letters of the consumer")
    which.add_argument("--id", action="append", metavar="ID", help="drop only this message (may be repeated)")
    dropping.add_argument("--dry-run", action="store_true", help="only print what would be done")
    dropping.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def _clients(options: argparse.Namespace) -> Aws:
    if options.aws:
        return Deployed(options.region)
    if options.region:
        raise Problem("--region is for a stack on AWS: add --aws")
    return Aws(running_stack().engine_url)


def _chosen(queues: list[DeadLetters], options: argparse.Namespace) -> list[DeadLetters]:
    """Returns the queues that the options name."""
    name = getattr(options, "consumer", None)
    if options.action == "redrive" and (name is None) != options.all:
        raise Problem("redrive needs either the name of a consumer or --all")
    if name is None:
        if getattr(options, "id", None):
            raise Problem("--id needs the name of the consumer")
        return queues
    if found := [queue for queue in queues if queue.consumer.lower() == name.lower()]:
        return found
    raise Problem(f"there is no consumer {name}; there are {', '.join(queue.consumer for queue in queues)}")


def _list(aws: Aws, queues: list[DeadLetters], options: argparse.Namespace) -> int:
    oldest = {queue.consumer: dead_letters.oldest(aws, queue) if queue.count else None for queue in queues}
    if options.json:
        _print_json([{"consumer": queue.consumer, "count": queue.count, "oldest": oldest[queue.consumer], "url": queue.url}
                     for queue in queues])
    else:
        _table(("CONSUMER", "DEAD", "OLDEST"), [(queue.consumer, str(queue.count), age(oldest[queue.consumer])) for queue in queues])
        total = sum(queue.count for queue in queues)
        print(f"\n{total} dead letters in {len(queues)} queues" + ("" if total else ": all messages were consumed"))
    return WRONG if options.exit_code and any(queue.count for queue in queues) else NOTHING_WRONG


def _show(aws: Aws, queues: list[DeadLetters], options: argparse.Namespace) -> int:
    shown = [(queue, letter) for queue in queues for letter in _letters(aws, queue, options.id)]
    if options.json:
        _print_json([{"consumer": queue.consumer, **asdict(letter)} for queue, letter in shown])
        return NOTHING_WRONG
    for queue, letter in shown:
        print(described(queue, letter, with_body=bool(options.id)), end="\n\n")
    if not shown:
        print("no dead letters")
    return NOTHING_WRONG


def _redrive(aws: Aws, queues: list[DeadLetters], options: argparse.Namespace) -> int:
    done, staying = [], []
    for queue in queues:
        letters = _letters(aws, queue, options.id)
        going = [letter for letter in letters if dead_letters.why_not_redrivable(queue, letter.body) is None]
        staying += [(queue, letter) for letter in letters if letter not in going]
        sent = len(going)
        if going and not options.dry_run:
            sent = dead_letters.redrive(aws, queue, [letter.message_id for letter in going])
        done.append((queue.consumer, sent))
    _report(done, "redriven", options)
    for queue, letter in staying:
        print(f"{queue.consumer} {letter.message_id} stays: {dead_letters.why_not_redrivable(queue, letter.body)}", file=sys.stderr)
    return WRONG if staying else NOTHING_WRONG


def _drop(aws: Aws, queues: list[DeadLetters], options: argparse.Namespace) -> int:
    [queue] = queues
    ids = [letter.message_id for letter in _letters(aws, queue, options.id)]
    if options.dry_run or not ids:
        _report([(queue.consumer, len(ids))], "dropped", options)
        return NOTHING_WRONG
    if not options.yes and not _agreed(f"Delete {len(ids)} dead letters of {queue.consumer} permanently?"):
        print("nothing was dropped", file=sys.stderr)
        return WRONG
    _report([(queue.consumer, dead_letters.drop(aws, queue, ids))], "dropped", options)
    return NOTHING_WRONG


def _letters(aws: Aws, queue: DeadLetters, ids: list[str] | None) -> list[DeadLetter]:
    """Returns all or the named messages of a queue. Fails if a named message does not exist."""
    letters = dead_letters.read(aws, queue) if queue.count or ids else []
    if ids is None:
        return letters
    if missing := sorted(set(ids) - {letter.message_id for letter in letters}):
        raise Problem(f"{queue.consumer} has no message {missing[0]}, or another client has received it")
    return [letter for letter in letters if letter.message_id in ids]


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise Problem("there is no terminal to ask for confirmation; --yes drops without asking")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _report(done: list[tuple[str, int]], verb: str, options: argparse.Namespace) -> None:
    if options.json:
        _print_json([{"consumer": consumer, verb: count, "dry_run": options.dry_run} for consumer, count in done])
        return
    would = "would be " if options.dry_run else ""
    for consumer, count in done:
        if count or len(done) == 1:
            print(f"{consumer}: {count} {would}{verb}")
    if len(done) > 1:
        print(f"{sum(count for _, count in done)} {would}{verb}")


def described(queue: DeadLetters, letter: DeadLetter, with_body: bool) -> str:
    """Formats a dead letter. Its body, which may have personal data, is shown only on request."""
    fields = [("id", letter.message_id), ("event", letter.event_type or "none"), ("subject", letter.subject or "none"),
              ("correlation", letter.correlation_id or "none"), ("sent", f"{letter.sent:%Y-%m-%d %H:%M:%S} UTC, {age(letter.sent)} ago"),
              ("received", f"{letter.received} times"), ("reason", letter.reason)]
    if with_body:
        fields.append(("body", letter.body))
    return "\n".join([queue.consumer, *(f"  {name:<12}{value}" for name, value in fields)])


def age(since: datetime | None, now: datetime | None = None) -> str:
    """Returns how long ago a time was, in its largest unit; a dash if there is no time."""
    if since is None:
        return "-"
    seconds = max(0, int(((now or datetime.now(timezone.utc)) - since).total_seconds()))
    unit, length = next((unit for unit in (("d", 86_400), ("h", 3_600), ("min", 60)) if seconds >= unit[1]), ("s", 1))
    return f"{seconds // length} {unit}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, default=lambda moment: moment.isoformat()))
