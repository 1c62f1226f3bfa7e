"""The lanes of `make test`: which tests and checks run on which stack, in which order."""

from __future__ import annotations

import json
import os
import subprocess
from functools import partial
from pathlib import Path

from chaos import run as chaos
from checks import (
    containers,
    dead_letters_check,
    fuzz,
    grants,
    limits,
    logcheck,
    one_folder,
    rotation,
    sam_deploy,
    sample_events,
    scaffold_check,
    steps,
)
from cli.measurements import priced_orders
from cli.progress import detail
from cli.stacks import JOURNEY_PARAMETERS, bring_up, redeploy, write_local_files
from cost import cost_report
from engine import build, conflicts, engines, seed
from engine.api import Api
from engine.archive import bootstrap
from engine.aws import Aws
from engine.deploy import resources_of
from engine.engines import localstack
from engine.problem import Problem
from engine.stack import PACKAGES, ROOT, Stack, free_ports
from operations import tail

# This journey compares the figures with everything that the others have done, and needs a stack without other activity.
RUN_LAST = "reports::all_together"

# Journeys mostly wait: two for each of two cores.
TEST_THREADS = "4"

# A lane uses most of a core. With more lanes, the run would not end sooner, and calls to engines that wait for a core would time out.
LANES_AT_ONCE = (os.cpu_count() or 1) + 1

# Journeys that stop the payment provider or the mail server, or kill functions. They run separately, because all journeys use these.
EXCLUSIVE = ("function_faults::", "provider_outage::", "mail_outage::", "payments::stripe::")

# The journeys that test each context on a stack without another one.
CORE_JOURNEYS = ("gateway::routing::", "gateway::authorization::the_stack_and_the_policy", "users::login::", "catalog::browsing::",
                 "orders::checkout::", "payments_and_refunds::an_order_is_paid", "notifications::first_order::",
                 "analytics::reports::a_period")

# The journeys with payments, for a stack with Stripe, and those that are skipped there, with the reasons.
PAYMENT_JOURNEYS = ("orders::checkout::", "orders::cancellations::", "orders::declined_payments::", "orders::idempotency::",
        "orders::order_lifecycle::", "orders::parked_orders::", "orders::repeated_checkouts::", "orders::unpaid_orders::",
        "inventory::stock_contention::", "payments::", "notifications::first_order::", "notifications::order_mails::")

SKIPPED_WITH_STRIPE = {
    "a_provider_that_never_answers": "Stripe reports by webhook the payments that it did not answer; payments::stripe tests this card",
    "parked_orders::an_order_that_was_sent": "it changes the simulator's ledger",
    "parked_orders::orders_that_could_not_be_undone": "its card fails five times, which Stripe's own retries outlast",
    "a_provider_that_comes_back": "its card fails several times, which Stripe's own retries outlast",
    "unpaid_orders::an_order_whose_checkout_died": "its card fails several times, which Stripe's own retries outlast",
    "order_mails::a_checkout_that_died": "its card fails several times, which Stripe's own retries outlast",
    "payments_and_refunds::what_is_wrong_with_a_payment": "with Stripe, only the bank knows which cards exist",
    "cancellations::between_any_two_steps": "it waits for a compensation of a request without an answer, which does not happen with Stripe",
}


# The journeys on LocalStack: a purchase, what can go wrong with one, and what a customer sees of it.
LOCALSTACK_JOURNEYS = (
    "gateway::routing::", "notifications::first_order::", "orders::checkout::a_first_order", "order_lifecycle::from_placement_to_delivery",
    "idempotency::the_same_key_at_the_same_moment", "declined_payments::a_declined_card", "stock_contention::",
    "payments_and_refunds::refunds_never_exceed", "payments_and_refunds::a_cancelled_order_is_refunded",
    "live_updates::events_of_an_order", "live_updates::a_declined_order")

LOCALSTACK_ORDERS = 32  # of the audit on LocalStack

# The lanes that WAYBILL_TEST_WITHOUT can leave out.
OPTIONAL_LANES = ("localstack", "containers")


def left_out() -> dict[str, str]:
    """Returns the lanes that are left out, with the reasons: WAYBILL_TEST_WITHOUT names them, or containers cannot run here."""
    names = os.environ.get("WAYBILL_TEST_WITHOUT", "").split()
    if unknown := next((name for name in names if name not in OPTIONAL_LANES), None):
        raise Problem(f"WAYBILL_TEST_WITHOUT can name {' and '.join(OPTIONAL_LANES)}, not {unknown}")
    reasons = dict.fromkeys(names, "WAYBILL_TEST_WITHOUT names it")
    if (reason := containers.missing_requirement()) and "containers" not in reasons:
        reasons["containers"] = f"{reason}; the functions answered their samples in SAM's emulator only"
    return reasons


def test() -> None:
    """Run all checks and tests, in parallel on stacks of their own."""
    build.check_tools()
    reasons = left_out()
    if "localstack" not in reasons:
        localstack.ENGINE.require()
    folder = ROOT / ".local" / "test"
    steps.run([*steps.static(ROOT), steps.Step("build", build_all), *proofs(folder)])
    names = ("shop", "outage", "stripe", "fuzz", "parts", "sam", "localstack", "containers")
    shop, outage, with_stripe, fuzzed, in_parts, by_sam, on_localstack, in_containers = (
        Stack(port, folder / name, engine="localstack" if name == "localstack" else "ministack", with_stripe=name == "stripe",
              bridge=containers.GATEWAY if name == "containers" else None)
        for name, port in zip(names, free_ports(len(names)), strict=True))
    # The longest lane comes first.
    all_lanes = [
        steps.Lane("localstack", localstack_steps(on_localstack), lambda: engines.stop(on_localstack)),
        steps.Lane("shop", shop_steps(shop), lambda: engines.stop(shop)),
        steps.Lane("fuzz", fuzz_steps(fuzzed), lambda: engines.stop(fuzzed)),
        steps.Lane("stripe", stripe_steps(with_stripe), lambda: engines.stop(with_stripe)),
        steps.Lane("outage", [*outage_steps(outage), ending(outage), *parts_steps(in_parts, folder)],
                   lambda: (engines.stop(outage), engines.stop(in_parts))),
        steps.Lane("sam", sam_steps(by_sam), lambda: engines.stop(by_sam)),
        steps.Lane("containers", container_steps(in_containers), lambda: engines.stop(in_containers)),
        steps.Lane("units", steps.units(ROOT)),
    ]
    try:
        steps.side_by_side([lane for lane in all_lanes if lane.name not in reasons], folder, at_once=LANES_AT_ONCE)
        steps.run([steps.Step("cost", check_cost_budget)])
    finally:
        for name, reason in reasons.items():
            print(f"NOT RUN: the lane {name}: {reason}", flush=True)


def check_cost_budget() -> None:
    """Compares the AWS usage of an order with its budget, on a stack of its own, after the lanes.

    Passes if one of three measurements is within the budget: a slow machine splits batches, which costs more and never less.
    """
    for tries_left in (2, 1, 0):
        [one_by_one] = priced_orders(cost_report.LOADS[:1])
        try:
            cost_report.check_budget(one_by_one)
        except Problem:
            if not tries_left:
                raise
            detail("the order is above its budget and is measured again")
            continue
        dollars = sum(one_by_one.dollars(cost_report.prices(), "Express").values())
        detail(f"{dollars:.2f} dollars for a million orders (Express, no mail)")
        return


def build_all() -> None:
    """Builds the functions and the tests that need a stack, so that no lane waits for the compiler."""
    build.build(ROOT)
    build.cargo(ROOT, "test", "--release", "--locked", "--workspace", "--no-run")


def proofs(folder: Path) -> list[steps.Step]:
    """Returns the steps that compile the shop without each removable context, and with generated code. They use a copy of the repository
    and run before the lanes, which would have to wait for the compiler."""
    def without() -> None:
        for context in one_folder.removable(ROOT):
            tree = without_context(folder, context)
            detail(f"without {context}")
            one_folder.check(ROOT, tree)

    def generated() -> None:
        scaffold_check.check(ROOT, folder / "tree")

    return [steps.Step("one folder", without), steps.Step("scaffold", generated)]


def without_context(folder: Path, context: str) -> Path:
    """Makes the copy of the repository without a context, and returns its path."""
    one_folder.copy(ROOT, folder / "tree")
    one_folder.take_out(folder / "tree", context)
    return folder / "tree"


def ending(stack: Stack) -> steps.Step:
    """Returns a step that stops a stack whose lane continues with another one."""
    def stop() -> None:
        engines.stop(stack)

    return steps.Step("stop", stop)


def parts_steps(stack: Stack, folder: Path) -> list[steps.Step]:
    """Returns the steps that deploy the shop without each removable context. The second deployment updates the first: it adds one context
    and removes another."""
    def without(context: str) -> None:
        bring_up(stack, JOURNEY_PARAMETERS, without_context(folder, context))
        journeys(stack, *CORE_JOURNEYS, *skipping(f"{context}::", *EXCLUSIVE, RUN_LAST))

    return [*(steps.Step(f"no {context}", partial(without, context)) for context in one_folder.removable(ROOT)), check_logs(stack)]


def shop_steps(stack: Stack) -> list[steps.Step]:
    """Returns the steps on a fresh stack with IAM enforced, in their order."""
    def start_and_journeys() -> None:
        bring_up(stack, parameters=JOURNEY_PARAMETERS)
        journeys(stack, *skipping(*EXCLUSIVE, RUN_LAST))
        journeys(stack, RUN_LAST)

    def tail_one() -> None:
        known = json.loads(stack.outputs.read_text(encoding="utf-8"))
        tail.check(Api(stack.origin), Aws(stack.engine_url), list(known["topics"].values()), known["customer"],
                   data["products"][2]["id"], detail)

    def dead_letters() -> None:
        customer = json.loads(stack.outputs.read_text(encoding="utf-8"))["customer"]
        dead_letters_check.check(Api(stack.origin), Aws(stack.engine_url), customer, data["products"][2]["id"], detail)

    def used_grants() -> None:
        aws = Aws(stack.engine_url)
        grants.check(Api(stack.origin), aws, resources_of(aws), detail)

    data = seed.read(seed.FILE)
    return [
        steps.Step("journeys", start_and_journeys),
        steps.Step("tail", tail_one),
        steps.Step("dead letters", dead_letters),
        steps.Step("faults", lambda: journeys(stack, "function_faults::")),
        steps.Step("grants", used_grants),  # after the steps in which the functions use their permissions
        check_logs(stack),
    ]


def outage_steps(stack: Stack) -> list[steps.Step]:
    """Returns the steps with outages of the payment provider and the mail server, which all journeys share, and with EXPRESS checkouts."""
    def outage() -> None:
        bring_up(stack, {"BatchingSeconds": "0"})
        # Mail is down long enough for one failed attempt. Failed messages are retried 36 seconds later.
        journeys(stack, "provider_outage::", "mail_outage::", WAYBILL_MAIL_OUTAGE_SECONDS="20")

    def express() -> None:
        # A workflow of another type, which the outputs have to name.
        bring_up(stack, parameters={**JOURNEY_PARAMETERS, "CheckoutWorkflowType": "EXPRESS"})
        journeys(stack, "repeated_checkouts::", "declined_payments::", "cancellations::", "order_mails::")

    return [steps.Step("outage", outage), steps.Step("express", express), check_logs(stack)]


def stripe_steps(stack: Stack) -> list[steps.Step]:
    """Returns the steps with Stripe as payment provider and EXPRESS workflows, and with the tests of the tables."""
    def pay_by_stripe() -> None:
        bring_up(stack, parameters={**JOURNEY_PARAMETERS, "CheckoutWorkflowType": "EXPRESS"})
        journeys(stack, *PAYMENT_JOURNEYS, *skipping(*SKIPPED_WITH_STRIPE))

    def providers() -> None:
        build.cargo(ROOT, "test", "--release", "--locked", "--workspace", "--test", "both_providers",
                    WAYBILL_OUTPUTS=str(stack.outputs), STRIPE_URL=stack.stripe_url)

    def tables() -> None:
        # The engine has no transaction conflicts, so the proxy adds them as on AWS.
        with conflicts.before(stack.port, seconds=0.005) as proxy:
            build.cargo(ROOT, "test", "--release", "--locked", "--workspace", "--test", "never_oversold",
                        "--test", "event_log", "--test", "ledger_consistency", "--test", "rollup_consistency",
                        WAYBILL_OUTPUTS=str(stack.outputs), STORM_ENDPOINT=f"http://localhost:{proxy.port}",
                        STORM_SECONDS="30")
            detail(f"{proxy.transactions} transactions of the storm, {proxy.refused} refused with a conflict")

    return [
        steps.Step("stripe", pay_by_stripe),
        check_logs(stack),
        steps.Step("providers", providers),
        steps.Step("tables", tables),
    ]


def fuzz_steps(stack: Stack) -> list[steps.Step]:
    """Returns the steps with generated requests, the rotation, after which no token is valid, and the limits."""
    def generated() -> None:
        bring_up(stack, parameters={})
        fuzz.fuzz(stack, ROOT, seed.read(seed.FILE), fuzz.settings_of_environment(), detail)

    return [
        steps.Step("fuzz", generated),
        steps.Step("rotation", lambda: rotate(stack)),
        steps.Step("limits", lambda: limit(stack)),
        check_logs(stack),
    ]


def sam_steps(stack: Stack) -> list[steps.Step]:
    """Returns the steps in which SAM deploys the shop to an engine, and functions answer their samples in SAM's emulator."""
    def deployed() -> None:
        engines.start(stack)
        sam_deploy.check(ROOT, stack, detail)

    def samples() -> None:
        functions = resources_of(Aws(stack.engine_url))["AWS::Lambda::Function"]
        sample_events.check(ROOT, stack, functions, detail)

    def watched() -> None:
        write_local_files(stack, stack.state / "env.json", stack.state / "env")
        sam_deploy.watch(ROOT, stack, stack.state / "env", detail)

    return [steps.Step("sam", deployed), steps.Step("samples", samples), steps.Step("watch", watched)]


def container_steps(stack: Stack) -> list[steps.Step]:
    """Returns the steps in which functions run in containers of `sam local`, on a stack whose engine they reach at its bridge."""
    def up() -> None:
        bring_up(stack, {})
        write_local_files(stack, stack.state / "env.json", stack.state / "env")

    def in_containers() -> None:
        with containers.running_podman(bootstrap(ROOT, "gateway")) as podman:
            containers.check_api(ROOT, podman, stack, detail)
            containers.check_samples(ROOT, podman, stack, detail)

    return [steps.Step("up", up), steps.Step("sam local", in_containers)]


def localstack_steps(stack: Stack) -> list[steps.Step]:
    """Returns the steps on LocalStack: tests of the plugin, a deployment with journeys, and orders whose tables are audited."""
    def plugin() -> None:
        tests = [str(localstack.PYTHON), "-W", "ignore::ResourceWarning", "-m", "unittest", "discover", "--start-directory",
                 "localstack_engine/tests", "--top-level-directory", "."]
        if subprocess.run(tests, cwd=PACKAGES, check=False).returncode:
            raise Problem("the tests of localstack_engine failed, the reason is above")

    def deployed() -> None:
        bring_up(stack, chaos.PARAMETERS)
        journeys(stack, *LOCALSTACK_JOURNEYS)

    def audited() -> None:
        chaos.run_without_faults(stack, 1, LOCALSTACK_ORDERS, detail, detail)

    return [steps.Step("plugin", plugin), steps.Step("journeys", deployed), steps.Step("audit", audited), check_logs(stack)]


def check_logs(stack: Stack) -> steps.Step:
    """Returns a step that checks that the logs of a stack's functions contain no secrets or personal data."""
    data = seed.read(seed.FILE)
    return steps.Step("logs", lambda: detail(f"{logcheck.check(stack.function_log, data)} lines without secrets or personal data"))


def skipping(*names: str) -> list[str]:
    """Returns the arguments that skip journeys, by parts of their names."""
    return [argument for name in names for argument in ("--skip", name)]


def journeys(stack: Stack, *arguments: str, **variables: str) -> None:
    """Runs journeys, by parts of their names, on a stack that is up."""
    tests = ("test", "--release", "--locked", "--workspace", "--test", "journeys", "--", "--test-threads", TEST_THREADS)
    build.cargo(ROOT, *tests, *arguments, WAYBILL_OUTPUTS=str(stack.outputs), **variables)


def rotate(stack: Stack) -> None:
    """Rotates the signing keys of a running stack."""
    rotation.check(Api(stack.origin), lambda keys: redeploy(stack, {"SigningKeys": keys}), detail)


def limit(stack: Stack) -> None:
    """Checks the rate limits of a running stack whose keys were rotated."""
    data = seed.logins(seed.read(seed.FILE))
    limits.check(lambda source: Api(stack.origin, source), data["admin"],
                 lambda parameters: redeploy(stack, {"SigningKeys": "B", **parameters}), detail)
