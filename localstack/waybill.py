"""The local stack from the command line: `make up`, `make down`, `make logs` and `make test` are its commands."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import bench
import build
import chaos
import checks
import conflicts
import deadletters_check
import fuzz
import grants
import ledger
import limits
import logcheck
import logs
import lower
import rebuilding
import rotation
import searching
import seed
import stack as engine
import stockbench
import stripe
import tail
import timing
from api import Api
from deploy import CREDENTIALS, STACK, Aws, Resources, deploy, resources_of
from problem import Problem
from stack import REGION, Stack, forget_users_aws, running_stack, stack_of_environment

ROOT = Path(__file__).resolve().parent.parent


def up() -> None:
    """Build, start or update, seed, and say where everything is."""
    stack, parameters = stack_of_environment(), parameters_of_environment()
    build.check_tools()
    if engine.running_pid(stack) is None:
        engine.require_free_ports(stack)  # told before minutes of compiling, not after
    say("building the functions")
    build.build(ROOT)
    bring_up(stack, parameters)
    shutil.copyfile(stack.outputs, ROOT / ".local" / "outputs.json")
    print(welcome(json.loads(stack.outputs.read_text(encoding="utf-8"))))


def bring_up(stack: Stack, parameters: dict[str, str]) -> None:
    """Starts the engine if it does not run, deploys and seeds; a first start that fails leaves nothing behind."""
    fresh = engine.running_pid(stack) is None
    if fresh:
        say("starting the engine")
        engine.start(stack)
    elif not engine.is_healthy(stack):
        raise Problem(f"the engine on port {stack.port} does not answer; `make down`, then `make up`")
    elif stack.with_stripe and not stripe.answers(stack.stripe_port):
        raise Problem("the stack runs without Stripe; `make down`, then `make up`")
    try:
        aws, data = Aws(stack.engine_url), seed.read(engine.HERE / "seed.json")
        say("deploying")
        by_stripe = {"PaymentProvider": "stripe", "StripeUrl": stack.stripe_url} if stack.with_stripe else {}
        resources = deploy(aws, ROOT, {**by_stripe, **parameters}, detail)
        if stack.with_stripe:
            secret = json.loads(aws.secrets.get_secret_value(SecretId=provider_secret(resources))["SecretString"])
            stripe.register_webhook(stack.stripe_port, f"{stack.api_url}/payments/webhook", secret["webhook_secret"])
        say("seeding")
        seed.seed(aws, resources, data, detail)
        stack.outputs.write_text(json.dumps(outputs(stack, resources, data), indent=2) + "\n", encoding="utf-8")
    except BaseException as error:
        if fresh:
            engine.stop(stack)
        if isinstance(error, (BotoCoreError, ClientError)):
            raise Problem(f"the engine failed: {error}; see {stack.engine_log}") from None
        raise


def provider_secret(resources: Resources) -> str:
    """The name of the secret that the stack and the payment provider share."""
    return resources["AWS::SecretsManager::Secret"]["ProviderSecret"]


def parameters_of_environment() -> dict[str, str]:
    """WAYBILL_PARAMETERS="Name=value Name=value"."""
    pairs = os.environ.get("WAYBILL_PARAMETERS", "").split()
    if wrong := next((pair for pair in pairs if "=" not in pair), None):
        raise Problem(f"WAYBILL_PARAMETERS is a list of Name=value, not {wrong}")
    return dict(pair.split("=", 1) for pair in pairs)


def outputs(stack: Stack, resources: Resources, data: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What a client or a test needs to know about the running stack."""
    contexts = build.contexts(ROOT)
    topics = resources.get("AWS::SNS::Topic", {})
    return {
        "api_url": stack.api_url,
        "socket_url": f"{stack.origin.replace('http', 'ws')}/_aws/execute-api/{resources['AWS::ApiGatewayV2::Api']['SocketApi']}/live",
        "engine_url": stack.engine_url,
        "inbox_url": stack.inbox_url,
        **seed.logins(data),
        "stack_name": STACK,
        "region": REGION,
        "credentials": CREDENTIALS,
        "topics": {context: arn for context in contexts for name, arn in topics.items()
                   if name.lower().startswith(context)},
        "queues": resources.get("AWS::SQS::Queue", {}),
        "tables": resources.get("AWS::DynamoDB::Table", {}),
        "functions": resources.get("AWS::Lambda::Function", {}),
        "secrets": resources.get("AWS::SecretsManager::Secret", {}),
        "stripe_url": stack.stripe_url if stack.with_stripe else None,
        "state_machine": next(iter(resources.get("AWS::StepFunctions::StateMachine", {}).values()), None),
    }


def welcome(known: dict[str, Any]) -> str:
    """The end of `make up`: where everything is, and three calls to try."""
    api, admin, customer = known["api_url"], known["admin"], known["customer"]
    product = seed.read(engine.HERE / "seed.json")["products"][2]["id"]
    login = json.dumps({"email": customer["email"], "password": customer["password"]})
    order = json.dumps({"items": [{"product_id": product, "quantity": 1}], "payment_method": "pm_card_visa"})
    json_body = "-H 'content-type: application/json' -d"
    token = """sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/'"""
    return f"""
  API       {api}
  Docs      {api.removesuffix('/api/v1')}/docs
  Live      {known['socket_url']}
  Inbox     {known['inbox_url']}
  Admin     {admin['email']}  {admin['password']}
  Customer  {customer['email']}  {customer['password']}

Try:
  TOKEN=$(curl -s {api}/auth/login {json_body} '{login}' | {token})
  curl -s {api}/products
  curl -s {api}/checkout -H "authorization: Bearer $TOKEN" {json_body} '{order}'

`make logs` follows it, `make down` stops it, `make up` again brings it up to date."""


def down() -> None:
    """Stop the stack; what it held is gone."""
    stack = stack_of_environment()
    print(f"stopped the stack on port {stack.port}" if engine.stop(stack) else f"no stack runs on port {stack.port}")


def status() -> None:
    """Say whether the stack runs, and where."""
    print(welcome(json.loads(running_stack().outputs.read_text(encoding="utf-8"))))


def follow_logs() -> None:
    """Follow the engine's and the functions' logs."""
    stack = stack_of_environment()
    if not stack.engine_log.exists():
        raise Problem(f"there is no log for port {stack.port} yet; `make up` starts a stack")
    logs.follow(stack)


def check() -> None:
    """Format, clippy and template lint: the quick checks."""
    build.check_tools()
    checks.run(checks.static(ROOT))


def test() -> None:
    """Every check; what needs a stack has stacks of its own, side by side."""
    build.check_tools()
    checks.run([*checks.static(ROOT), checks.Step("build", build_all)])
    folder = ROOT / ".local" / "test"
    names = ("shop", "outage", "stripe", "fuzz")
    shop, outage, with_stripe, fuzzed = (Stack(port, folder / name, with_stripe=name == "stripe")
                                         for name, port in zip(names, engine.free_ports(len(names))))
    checks.side_by_side([
        checks.Lane("shop", shop_steps(shop), lambda: engine.stop(shop)),
        checks.Lane("outage", outage_steps(outage), lambda: engine.stop(outage)),
        checks.Lane("stripe", stripe_steps(with_stripe), lambda: engine.stop(with_stripe)),
        checks.Lane("fuzz", fuzz_steps(fuzzed), lambda: engine.stop(fuzzed)),
        checks.Lane("units", checks.units(ROOT)),
    ], folder)


def build_all() -> None:
    """The functions, and the tests that need a stack, so that no lane waits for the compiler."""
    build.build(ROOT)
    build.cargo(ROOT, "test", "--release", "--locked", "--workspace", "--no-run")


def shop_steps(stack: Stack) -> list[checks.Step]:
    """What is tried on a fresh stack with IAM enforced, in this order."""
    def start_and_journeys() -> None:
        bring_up(stack, parameters=PATIENT)
        journeys(stack, "--skip", "meets_faults", "--skip", "meets_an_outage",
                 "--skip", "outlives_a_mail_outage", "--skip", "pays_by_stripe", "--skip", TOGETHER)
        journeys(stack, TOGETHER)

    def tail_one() -> None:
        known = json.loads(stack.outputs.read_text(encoding="utf-8"))
        tail.check(Api(stack.origin), Aws(stack.engine_url), list(known["topics"].values()), known["customer"],
                   data["products"][2]["id"], detail)

    def dead_letters() -> None:
        customer = json.loads(stack.outputs.read_text(encoding="utf-8"))["customer"]
        deadletters_check.check(Api(stack.origin), Aws(stack.engine_url), customer, data["products"][2]["id"], detail)

    def used_grants() -> None:
        aws = Aws(stack.engine_url)
        grants.check(Api(stack.origin), aws, resources_of(aws), detail)

    data = seed.read(engine.HERE / "seed.json")
    return [
        checks.Step("journeys", start_and_journeys),
        checks.Step("tail", tail_one),
        checks.Step("dead letters", dead_letters),
        # They kill functions, which are everybody's: by themselves.
        checks.Step("faults", lambda: journeys(stack, "meets_faults")),
        checks.Step("grants", used_grants),  # after what the functions do
        look_into_the_log(stack),
    ]


def outage_steps(stack: Stack) -> list[checks.Step]:
    """The journeys that take the payment provider and the mail server away, which are everybody's; then those that pay, with EXPRESS
    checkouts."""
    def outage() -> None:
        bring_up(stack, {"BatchingSeconds": "0"})
        # Mail is away for long enough to fail once; what fails comes again 36 seconds later.
        journeys(stack, "meets_an_outage", "outlives_a_mail_outage", WAYBILL_MAIL_OUTAGE_SECONDS="20")

    def express() -> None:
        # Another workflow, which the outputs have to name.
        bring_up(stack, parameters={**PATIENT, "CheckoutWorkflowType": "EXPRESS"})
        journeys(stack, "pays_once", "is_declined", "cancels_an_order")

    return [checks.Step("outage", outage), checks.Step("express", express), look_into_the_log(stack)]


def stripe_steps(stack: Stack) -> list[checks.Step]:
    """The journeys that pay, on a stack with EXPRESS checkouts, whose money Stripe moves, which tells it by webhook; then the tables of the
    contexts by themselves, and what an order costs."""
    def pay_by_stripe() -> None:
        bring_up(stack, parameters={**PATIENT, "CheckoutWorkflowType": "EXPRESS"})
        skipped = [argument for name in NOT_BY_STRIPE for argument in ("--skip", name)]
        journeys(stack, *PAID, *skipped)

    def providers() -> None:
        build.cargo(ROOT, "test", "--release", "--locked", "--workspace", "--test", "both_providers",
                    WAYBILL_OUTPUTS=str(stack.outputs), STRIPE_URL=stack.stripe_url)

    def tables() -> None:
        # The storm meets conflicts as AWS has them; the engine has none.
        with conflicts.before(stack.port, seconds=0.005) as proxy:
            build.cargo(ROOT, "test", "--release", "--locked", "--workspace", "--test", "never_oversold",
                        "--test", "keeps_the_log", "--test", "keeps_the_books", "--test", "keeps_the_count",
                        WAYBILL_OUTPUTS=str(stack.outputs), STORM_ENDPOINT=f"http://localhost:{proxy.port}",
                        STORM_SECONDS="30")
            detail(f"{proxy.transactions} transactions of the storm, {proxy.refused} refused for a conflict")

    def orders_keep_their_price() -> None:
        # On a stack where nobody follows the figures live: whoever does is told for an hour.
        [one_by_one] = priced_orders(ledger.LOADS[:1])
        ledger.check_budget(one_by_one)
        dollars = sum(one_by_one.dollars(ledger.prices(), "Express").values())
        detail(f"{dollars:.2f} dollars for a million orders (Express, no mail)")

    return [
        checks.Step("stripe", pay_by_stripe),
        look_into_the_log(stack),
        checks.Step("providers", providers),
        checks.Step("tables", tables),
        checks.Step("ledger", orders_keep_their_price),
    ]


def fuzz_steps(stack: Stack) -> list[checks.Step]:
    """Generated requests; then the rotation, which leaves no token good, and the limits."""
    def generated() -> None:
        bring_up(stack, parameters={})
        fuzz.fuzz(stack, ROOT, seed.read(engine.HERE / "seed.json"), fuzz.settings_of_environment(), detail)

    return [
        checks.Step("fuzz", generated),
        checks.Step("rotation", lambda: rotate(stack)),
        checks.Step("limits", lambda: limit(stack)),
        look_into_the_log(stack),
    ]


def look_into_the_log(stack: Stack) -> checks.Step:
    """Holds what the functions of a stack have logged against what no log may hold."""
    data = seed.read(engine.HERE / "seed.json")
    return checks.Step("logs", lambda: detail(f"{logcheck.check(stack.function_log, data)} lines, nothing in them"))


# It holds the figures against all that the others have done, and needs the shop to stand still.
TOGETHER = "reads_the_figures::all_together"

# Many journeys pay with cards that fail, all at once: to the circuit that would be an outage. They wait for each mail and figure; and no
# journey is to meet what is made sure of for another.
PATIENT = {"CircuitOrders": "100", "BatchingSeconds": "0", "CaptureCheckSeconds": "900"}

# Journeys wait more than they work: two for each of two cores.
AT_ONCE = "4"

# The journeys that pay, on a stack with Stripe, and why others of their files are left out there.
PAID = ("asks_twice", "cancels_an_order", "follows_an_order", "hears_from_the_provider", "is_declined", "is_left_unpaid",
        "looks_after_parked_orders", "orders_first_order", "pays_", "wants_the_last_ones")
NOT_BY_STRIPE = {
    "is_declined::a_provider_that_never_answers": "Stripe tells of what it did not answer to; pays_by_stripe has this card",
    "looks_after_parked_orders::an_order_that_was_sent": "it changes the simulator's books",
    "looks_after_parked_orders::orders_that_could_not_be_undone": "its card fails five times, which Stripe's own retries outlast",
    "is_declined::a_provider_that_comes_back": "as before",
    "is_left_unpaid::an_order_whose_checkout_died": "as before",
    "pays_and_is_paid_back::what_is_wrong_with_a_payment": "which cards there are, only the bank can tell",
    "cancels_an_order::between_any_two_steps": "it waits for the undoing of what never was answered, which does not happen here",
}


def journeys(stack: Stack, *arguments: str, **variables: str) -> None:
    """Runs journeys, by parts of their names, on a stack that is up."""
    tests = ("test", "--release", "--locked", "--workspace", "--test", "journeys", "--", "--test-threads", AT_ONCE)
    build.cargo(ROOT, *tests, *arguments, WAYBILL_OUTPUTS=str(stack.outputs), **variables)


def rotate(stack: Stack) -> None:
    """Rotates the signing keys of a running stack."""
    rotation.check(Api(stack.origin), lambda keys: redeploy(stack, {"SigningKeys": keys}), detail)


def limit(stack: Stack) -> None:
    """Meets the rate limits of a running stack whose keys were rotated."""
    data = seed.logins(seed.read(engine.HERE / "seed.json"))
    limits.check(lambda source: Api(stack.origin, source), data["admin"],
                 lambda parameters: redeploy(stack, {"SigningKeys": "B", **parameters}), detail)


def redeploy(stack: Stack, parameters: dict[str, str]) -> None:
    """The same functions with other parameters."""
    try:
        deploy(Aws(stack.engine_url), ROOT, parameters, detail)
    except (BotoCoreError, ClientError) as error:
        raise Problem(f"the engine failed: {error}; see {stack.engine_log}") from None


def fuzz_running() -> None:
    """Throw generated requests at the running stack, which changes what is in it."""
    stack = running_stack()
    fuzz.fuzz(stack, ROOT, seed.read(engine.HERE / "seed.json"), fuzz.settings_of_environment(), detail)


def measure_logins() -> None:
    """Measure on the running stack whether a failed login's time tells that there is such an account."""
    timing.measure(Api(running_stack().origin), detail)


def rebuild_search() -> None:
    """Build the search index of the running stack anew."""
    stack = running_stack()
    functions = json.loads(stack.outputs.read_text(encoding="utf-8"))["functions"]
    print(searching.rebuild(Aws(stack.engine_url), functions["RebuildSearch"]))


def search_bench() -> None:
    """Measure the search with 1,200 and with 50,000 products, on a stack of its own."""
    build.check_tools()
    stack = Stack(engine.free_port(), ROOT / ".local" / "search")
    try:
        build.build(ROOT)
        bring_up(stack, parameters={})
        aws = Aws(stack.engine_url)
        searching.bench(Api(stack.origin), aws, deploy(aws, ROOT, {}, detail), stack.function_log, detail)
    finally:
        engine.stop(stack)


def rebuild_orders() -> None:
    """Build the views of all orders of the running stack again, from their events."""
    stack = running_stack()
    functions = json.loads(stack.outputs.read_text(encoding="utf-8"))["functions"]
    print(rebuilding.orders(Aws(stack.engine_url), functions["RebuildOrders"]))


def rebuild_analytics() -> None:
    """Count the figures of the running stack again, from analytics' log."""
    stack = running_stack()
    functions = json.loads(stack.outputs.read_text(encoding="utf-8"))["functions"]
    print(rebuilding.analytics(Aws(stack.engine_url), functions["RebuildAnalytics"]))


def bench_stock() -> None:
    """Measure reservations of one product a second, by the number of counters its stock lies in."""
    build.check_tools()
    stockbench.measure(ROOT)


def show_ledger() -> None:
    """Meter what orders use of AWS, times the price list, on a stack of its own."""
    build.check_tools()
    build.build(ROOT)
    template = lower.read(ROOT / "template.yaml")
    for line in ledger.lines(priced_orders(), template):
        print(line)


def priced_orders(loads: tuple[ledger.Load, ...] = ledger.LOADS) -> list[ledger.Ledger]:
    """What one order of each load uses, on a stack of its own."""
    stack = Stack(engine.free_port(), ROOT / ".local" / "ledger")
    try:
        bring_up(stack, {**PATIENT, **ledger.PARAMETERS})
        return meter_orders(stack, loads)
    finally:
        engine.stop(stack)


def meter_orders(stack: Stack, loads: tuple[ledger.Load, ...]) -> list[ledger.Ledger]:
    """What one order of each load uses, on a stack where nothing else happens, deployed with the ledger's parameters."""
    known = json.loads(stack.outputs.read_text(encoding="utf-8"))
    template = lower.read(ROOT / "template.yaml")
    return ledger.measure(Api(stack.origin), known["admin"], known["functions"], stack.function_log, template, loads, detail)


def run_bench() -> None:
    """Measure requests, orders, starts and growth beside bare Lambdas, on stacks of its own."""
    bench_with(bench.FULL)


def run_quick_bench() -> None:
    """The same, shorter and with fewer orders: whether it works, not what counts."""
    bench_with(bench.QUICK)


def bench_with(settings: bench.Settings) -> None:
    """Builds what ships, or what WAYBILL_BENCH_PROFILE names, and measures it."""
    build.check_tools()
    profile = os.environ.get("WAYBILL_BENCH_PROFILE") or "dist"
    say(f"building the functions ({profile})")
    build.build(ROOT, profile)
    bench.Bench(ROOT, build.binaries(ROOT, profile), profile, lambda stack: bring_up(stack, {}), priced_orders, say,
                detail).run(settings)


def tail_events() -> None:
    """Show the events of the running stack as they happen, a line each; those of one order, if ORDER names it."""
    stack = running_stack()
    topics = list(json.loads(stack.outputs.read_text(encoding="utf-8"))["topics"].values())
    tail.follow(Aws(stack.engine_url), topics, os.environ.get("ORDER") or None)


def asyncapi() -> None:
    """Write asyncapi.json and the events' JSON Schemas from the code."""
    build.check_tools()
    build.asyncapi(ROOT)


def preview_mails() -> None:
    """Write all that customers are told, with sample data, to look at."""
    build.check_tools()
    folder = build.preview(ROOT)
    print(f"look at {folder / 'index.html'}")


def bench_live() -> None:
    """Measure on the running stack how soon a paid order is told to who follows it, and what many followers cost."""
    outputs = running_stack().outputs
    build.cargo(ROOT, "bench", "--locked", "--workspace", "--bench", "live", WAYBILL_OUTPUTS=str(outputs), LIVE_BENCH="on")


def run_chaos() -> None:
    """Shop while functions die, messages are lost and repeated and AWS fails, then audit what is left, on a stack of its own."""
    build.check_tools()
    settings = chaos.settings_of_environment(parameters_of_environment())
    build.build(ROOT)
    chaos.run(ROOT, settings, bring_up, say, detail)


def explore_model() -> None:
    """Look at all that can happen to one order, and to two: nothing is sold or charged twice, and all comes to an end."""
    build.check_tools()
    build.model(ROOT)


def fuzz_parsers() -> None:
    """Give generated input to all that reads what comes from outside, PROPTEST_CASES times each."""
    build.check_tools()
    cases = os.environ.get("PROPTEST_CASES", "20000")
    build.cargo(ROOT, "test", "--release", "--locked", "--workspace", "--lib", PROPTEST_CASES=cases)


def openapi() -> None:
    """Write openapi.json from the code."""
    build.check_tools()
    build.openapi(ROOT)


def dist() -> None:
    """The archives that ship, and their sizes."""
    build.check_tools()
    build.dist(ROOT)


def say(text: str) -> None:
    """A heading of progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def detail(text: str) -> None:
    """A line of progress under the heading."""
    print(f"         {text}", flush=True)


COMMANDS = {"up": up, "down": down, "status": status, "logs": follow_logs, "check": check, "test": test,
            "model": explore_model, "fuzz": fuzz_running, "fuzz-parsers": fuzz_parsers, "timing": measure_logins, "stock-bench": bench_stock,
            "rebuild-search": rebuild_search, "search-bench": search_bench, "rebuild-orders": rebuild_orders,
            "rebuild-analytics": rebuild_analytics, "bench": run_bench, "bench-quick": run_quick_bench, "ledger": show_ledger, "live-bench": bench_live, "chaos": run_chaos, "preview-mails": preview_mails,
            "tail": tail_events, "openapi": openapi, "asyncapi": asyncapi, "dist": dist}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.__doc__)
    forget_users_aws()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a test run that is ended ends its stack
    try:
        COMMANDS[parser.parse_args().command]()
    except Problem as problem:
        sys.exit(f"error: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
