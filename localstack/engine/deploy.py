"""Deploys the templates and `build/` to the local engine, as `sam deploy` does. Uploads and updates only what has changed.

The engine deploys nested stacks as AWS does: the root template refers to the templates of the contexts, which are uploaded to a bucket. It
also runs the SAM transform.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from engine import sam, templates
from engine.archive import archive_path
from engine.aws import Aws
from engine.problem import Problem
from engine.stack import REGION
from engine.wait import STALLED_SECONDS, Progress

STACK = "waybill"
BUCKET = "waybill-artifacts"
NESTED = "AWS::CloudFormation::Stack"

# The statuses of a stack whose last deployment succeeded.
RESTS = ("CREATE_COMPLETE", "UPDATE_COMPLETE")

# Parameters that differ from the template's defaults on a local stack; WAYBILL_PARAMETERS="Name=value …" overrides them.
# All local requests, those of load tests included, come from one address: the rate limits by address and by user are high. Lockouts of
# accounts have their defaults.
LOCAL_PARAMETERS = {"SeedData": "true", "LoginLimit": "100000/60", "RegisterLimit": "100000/60", "WriteLimit": "100000/60"}

POLL_SECONDS = 0.1

# Physical names by resource type and logical id.
Resources = dict[str, dict[str, str]]
Say = Callable[[str], None]


def deploy(aws: Aws, root: Path, overrides: dict[str, str], say: Say) -> Resources:
    """Creates or updates the stack and its nested stacks from the repository at `root`, and returns their resources."""
    shop = templates.read(root)
    parameters = _parameters(shop.root, overrides)
    if BUCKET not in {bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]}:
        aws.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    parameters = {"PushApplicationArn": push_application(aws), **parameters}
    archives = {context: _upload(aws, root, context, say) for context in shop.contexts}

    def packaged(template: templates.Template, folder: Path, nested_urls: dict[str, str]) -> templates.Template:
        return sam.package(template, folder, lambda context: {"Bucket": BUCKET, "Key": archives[context]}, nested_urls)

    nested_urls = {context: _upload_template(aws, context, packaged(template, root / "functions" / context, {}))
                   for context, template in shop.contexts.items()}
    url = _upload_template(aws, "root", packaged(shop.root, root, nested_urls))

    wanted = f"{url} {sorted(parameters.items())}"
    if _deployed(aws) == wanted and _status(aws) in RESTS:
        say("nothing changed")
        return resources_of(aws)
    _apply(aws, url, parameters, say)
    aws.s3.put_object(Bucket=BUCKET, Key="deployed", Body=wanted.encode())
    return resources_of(aws)


def _upload(aws: Aws, root: Path, context: str, say: Say) -> str:
    content = archive_path(root, context).read_bytes()
    key = f"{context}-{hashlib.sha256(content).hexdigest()[:16]}.zip"
    if not _exists(aws, key):
        say(f"uploading {context}")
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    return key


def _upload_template(aws: Aws, name: str, template: templates.Template) -> str:
    """Uploads a template and returns its URL. The same content has the same URL, so that unchanged nested stacks are not updated."""
    text = sam.canonical(template).encode()
    key = f"templates/{name}-{hashlib.sha256(text).hexdigest()[:16]}.json"
    if not _exists(aws, key):
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=text)
    return f"{aws.endpoint}/{BUCKET}/{key}"


def _exists(aws: Aws, key: str) -> bool:
    return any(found["Key"] == key for found in aws.s3.list_objects_v2(Bucket=BUCKET, Prefix=key).get("Contents", []))


def _deployed(aws: Aws) -> str:
    return aws.s3.get_object(Bucket=BUCKET, Key="deployed")["Body"].read().decode() if _exists(aws, "deployed") else ""


def push_application(aws: Aws) -> str:
    """Returns the ARN of the SNS platform application that push messages are sent through, and creates it at first.

    It is not part of a template, because a real one is created with the credentials of a push service.
    """
    made = aws.sns.create_platform_application(
        Name="waybill", Platform="GCM", Attributes={"PlatformPrincipal": "local", "PlatformCredential": "local"})
    return str(made["PlatformApplicationArn"])


def _parameters(template: templates.Template, overrides: dict[str, str]) -> dict[str, str]:
    declared = template.get("Parameters", {})
    if unknown := sorted(set(overrides) - set(declared)):
        raise Problem(f"WAYBILL_PARAMETERS names {unknown[0]}, which template.yaml does not declare")
    local = {name: value for name, value in LOCAL_PARAMETERS.items() if name in declared}
    return {**local, **overrides}


def _apply(aws: Aws, url: str, parameters: dict[str, str], say: Say) -> None:
    request = {
        "StackName": STACK,
        "TemplateURL": url,
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    status = _status(aws)
    if status.startswith("ROLLBACK") or status == "CREATE_FAILED":  # a first deployment that failed leaves no stack to update
        aws.cloudformation.delete_stack(StackName=STACK)
        _wait(aws, len(_events(aws)), say, until=("", "DELETE_COMPLETE"))
        status = ""
    if status == "UPDATE_ROLLBACK_FAILED":
        raise Problem("an earlier update failed and could not be rolled back; `make down`, then `make up`")
    seen = len(_events(aws)) if status else 0
    try:
        (aws.cloudformation.update_stack if status else aws.cloudformation.create_stack)(**request)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if "No updates" in message:
            return
        advice = "; sam.py can adapt or drop it" if "Unrecognized resource types" in message else ""
        raise Problem(f"the engine refuses the template: {message}{advice}") from None
    _wait(aws, seen, say, until=RESTS)


def _wait(aws: Aws, seen: int, say: Say, until: tuple[str, ...]) -> None:
    """Waits until the stack has one of the given statuses. The first `seen` events are those of earlier deployments."""
    progress, reported = Progress(), time.monotonic()
    while (status := _status(aws)) not in until:
        events = _events(aws)[seen:]
        if status.endswith(("_COMPLETE", "_FAILED")):
            raise Problem(_failure(aws, events, status))
        if progress.see((status, len(events))) > STALLED_SECONDS:
            raise Problem(f"the stack has been {status} for {STALLED_SECONDS:.0f} s without progress")
        if time.monotonic() > reported + 1:
            reported = time.monotonic()
            say(f"{sum(event['ResourceStatus'].endswith('_COMPLETE') for event in events)} resources of the root stack done")
        time.sleep(POLL_SECONDS)


def _failure(aws: Aws, events: list[dict[str, Any]], status: str) -> str:
    """Describes the first resource that failed, with the reason; for a nested stack, the last resource that failed in it."""
    for event in events:
        if event["ResourceStatus"].endswith("_FAILED"):
            is_nested = event["ResourceType"] == NESTED and event["LogicalResourceId"] != STACK
            failed = (is_nested and _failed_in(aws, event["LogicalResourceId"])) or event
            reason = " ".join(failed.get("ResourceStatusReason", "").split())
            return f"{failed['LogicalResourceId']} ({failed['ResourceType']}): {reason}"
    return f"the stack is {status}"


def _failed_in(aws: Aws, nested: str) -> dict[str, Any] | None:
    """Returns the last event of a failed resource in a nested stack, if there is one."""
    stack = next((physical for logical, physical in resources_of(aws).get(NESTED, {}).items() if logical == nested), None)
    failed = [event for event in _events(aws, stack) if event["ResourceStatus"].endswith("_FAILED")
              and event["ResourceType"] != NESTED] if stack else []
    return failed[-1] if failed else None


def _status(aws: Aws) -> str:
    try:
        return str(aws.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])
    except ClientError:
        return ""


def _events(aws: Aws, stack: str = STACK) -> list[dict[str, Any]]:
    """Returns all events of a stack, oldest first."""
    pages = aws.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    return [event for page in pages for event in page["StackEvents"]][::-1]


def resources_of(aws: Aws, stack: str = STACK) -> Resources:
    """Returns the resources of a deployed stack and its nested stacks. Logical ids are unique across all of them."""
    resources: Resources = {}
    waiting = [stack]
    while waiting:
        pages = aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName=waiting.pop())
        for resource in (resource for page in pages for resource in page["StackResourceSummaries"]):
            if not resource.get("PhysicalResourceId") or resource["ResourceStatus"] == "DELETE_COMPLETE":
                continue  # it is being created, or was deleted
            resources.setdefault(resource["ResourceType"], {})[resource["LogicalResourceId"]] = resource["PhysicalResourceId"]
            if resource["ResourceType"] == NESTED:
                waiting.append(resource["PhysicalResourceId"])
    return resources
