"""Starts a stack on a local engine, and prints its URLs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from checks import sample_events
from cli.progress import detail, say
from engine import engines, sam, seed, stripe, templates
from engine.aws import CREDENTIALS, Aws, variables
from engine.deploy import STACK, Resources, deploy, resources_of
from engine.local_api import local_api
from engine.problem import Problem
from engine.stack import REGION, ROOT, Stack

# Many journeys pay with failing cards at the same time, which the circuit breaker would mistake for an outage. Batching is off, because
# journeys wait for each mail and each figure. `CaptureCheckSeconds` is at its maximum, so that the delayed check of captures does not
# interfere with other journeys.
JOURNEY_PARAMETERS = {"CircuitOrders": "100", "BatchingSeconds": "0", "CaptureCheckSeconds": "900"}


def bring_up(stack: Stack, parameters: dict[str, str], root: Path = ROOT) -> None:
    """Starts the engine if it does not run, deploys the repository at `root` and seeds it. If a first start fails, it stops the engine."""
    fresh = not engines.is_running(stack)
    if fresh:
        say("starting the engine")
        engines.start(stack)
    elif not engines.is_healthy(stack):
        raise Problem(f"the engine on port {stack.port} does not answer; `make down`, then `make up`")
    elif stack.with_stripe and not stripe.answers(stack.stripe_port):
        raise Problem("the stack runs without Stripe; `make down`, then `make up`")
    try:
        aws, data = Aws(stack.engine_url), seed.read(seed.FILE)
        say("deploying")
        by_stripe = {"PaymentProvider": "stripe", "StripeUrl": stack.stripe_url} if stack.with_stripe else {}
        resources = deploy(aws, root, {**engines.of(stack).parameters, **by_stripe, **parameters}, detail)
        if stack.with_stripe:
            secret = json.loads(aws.secrets.get_secret_value(SecretId=provider_secret(resources))["SecretString"])
            stripe.register_webhook(stack.stripe_port, f"{stack.api_url}/payments/webhook", secret["webhook_secret"])
        say("seeding")
        seed.seed(aws, resources, data, detail)
        stack.outputs.write_text(json.dumps(outputs(stack, resources, data, root), indent=2) + "\n", encoding="utf-8")
    except BaseException as error:
        if fresh:
            engines.stop(stack)
        if isinstance(error, (BotoCoreError, ClientError)):
            raise Problem(f"the engine failed: {error}; see {stack.engine_log}") from None
        raise


def redeploy(stack: Stack, parameters: dict[str, str]) -> None:
    """Deploys the same functions with other parameters."""
    try:
        deploy(Aws(stack.engine_url), ROOT, parameters, detail)
    except (BotoCoreError, ClientError) as error:
        raise Problem(f"the engine failed: {error}; see {stack.engine_log}") from None


def write_local_files(stack: Stack, env_json: Path, env: Path, endpoint: str | None = None) -> tuple[int, str]:
    """Writes what `sam local` needs, `env_json` and build/local-api.json, and what `cargo lambda watch` needs, <Function>.env in the
    folder `env`. Returns the number of functions, and where those in containers call AWS."""
    aws, endpoint = Aws(stack.engine_url), endpoint or stack.container_url
    try:
        functions = resources_of(aws)["AWS::Lambda::Function"]
    except (ClientError, KeyError):
        raise Problem(f"the engine on port {stack.port} has no stack {STACK}; `sam deploy` or `make up` deploys it") from None
    environments = sample_events.environment_of(aws, functions, endpoint)
    env_json.write_text(json.dumps(environments, indent=2) + "\n", encoding="utf-8")
    shop = templates.read(ROOT)
    (ROOT / "build" / "local-api.json").write_text(sam.canonical(local_api(shop)) + "\n", encoding="utf-8")
    env.mkdir(parents=True, exist_ok=True)
    for logical_id, environment in sample_events.environment_of(aws, functions, stack.engine_url).items():
        handler = shop.of_type(templates.FUNCTION)[logical_id]["Properties"]["Handler"]
        lines = {"_HANDLER": handler, **variables(stack.engine_url), **environment}
        (env / f"{logical_id}.env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")
    return len(environments), endpoint


def provider_secret(resources: Resources) -> str:
    """Returns the name of the secret that the stack and the payment provider share."""
    return resources["AWS::SecretsManager::Secret"]["ProviderSecret"]


def parameters_of_environment() -> dict[str, str]:
    """Returns the template parameters in WAYBILL_PARAMETERS="Name=value Name=value"."""
    pairs = os.environ.get("WAYBILL_PARAMETERS", "").split()
    if wrong := next((pair for pair in pairs if "=" not in pair), None):
        raise Problem(f"WAYBILL_PARAMETERS is a list of Name=value, not {wrong}")
    return dict(pair.split("=", 1) for pair in pairs)


def outputs(stack: Stack, resources: Resources, data: dict[str, list[dict[str, Any]]], root: Path) -> dict[str, Any]:
    """Returns the outputs of the running stack for clients and tests."""
    shop, engine = templates.read(root), engines.of(stack)
    topics = resources.get("AWS::SNS::Topic", {})
    return {
        "engine": stack.engine,
        "api_url": f"{engine.api_origin(stack, resources)}/api/v1",
        "socket_url": engine.socket_url(stack, resources),
        "engine_url": engine.endpoint(stack),
        "inbox_url": stack.inbox_url,
        **seed.logins(data),
        "stack_name": STACK,
        "region": REGION,
        "credentials": CREDENTIALS,
        "topics": {context: arn for context in shop.contexts for name, arn in topics.items()
                   if name.lower().startswith(context)},
        "contexts": sorted(shop.contexts),
        "routes": sorted(shop.routes()),
        "queues": resources.get("AWS::SQS::Queue", {}),
        "tables": resources.get("AWS::DynamoDB::Table", {}),
        "functions": resources.get("AWS::Lambda::Function", {}),
        "secrets": resources.get("AWS::SecretsManager::Secret", {}),
        "stripe_url": stack.stripe_url if stack.with_stripe else None,
        "state_machine": next(iter(resources.get("AWS::StepFunctions::StateMachine", {}).values()), None),
    }


def welcome(known: dict[str, Any]) -> str:
    """Returns the last output of `make up`: URLs, logins, and three requests to try."""
    api, admin, customer = known["api_url"], known["admin"], known["customer"]
    product = seed.read(seed.FILE)["products"][2]["id"]
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

`make logs` follows its logs, `make down` stops it, and another `make up` updates it."""
