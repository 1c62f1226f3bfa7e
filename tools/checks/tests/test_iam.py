"""The permissions in the transformed template: those that the engine does not enforce, and those that are too wide.

The engine enforces the roles of functions. It does not enforce the permissions of API Gateway, of schedules and of mappings, nor the
workflow's role. No journey fails because a grant is too wide.
"""

import re
import unittest
from collections import Counter
from collections.abc import Iterator
from typing import Any

from checks.tests.test_template import SHOP, expanded

RESOURCES: dict[str, Any] = expanded()["Resources"]

LAMBDA, STATES, API_GATEWAY = "lambda.amazonaws.com", "states.amazonaws.com", "apigateway.amazonaws.com"

# Actions without a resource, or without one that exists before the call, and why.
ANYTHING = {
    "xray:PutTraceSegments": "X-Ray has no resources", "xray:PutTelemetryRecords": "as before",
    "xray:GetSamplingRules": "as before", "xray:GetSamplingTargets": "as before",
    "logs:CreateLogDelivery": "the delivery of logs has no resources", "logs:GetLogDelivery": "as before",
    "logs:UpdateLogDelivery": "as before", "logs:DeleteLogDelivery": "as before", "logs:ListLogDeliveries": "as before",
    "logs:PutResourcePolicy": "as before", "logs:DescribeResourcePolicies": "as before", "logs:DescribeLogGroups": "as before",
}
if "notifications" in SHOP.contexts:
    ANYTHING |= {"sns:CreatePlatformEndpoint": "SNS accepts only topics as resources of these", "sns:SetEndpointAttributes": "as before",
                 "sns:DeleteEndpoint": "as before"}
# A phone number has no ARN. The grant excludes everything that has one.
WITHOUT_AN_ARN = ("SendNotificationsPolicy", "sns:Publish")

READS_A_QUEUE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
READS_A_STREAM = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}

Properties = dict[str, Any]
Statement = dict[str, Any]


def of_type(resource_type: str) -> dict[str, Properties]:
    """Returns the properties of all resources of a type, by logical id."""
    return {name: resource.get("Properties", {}) for name, resource in RESOURCES.items() if resource["Type"] == resource_type}


def targets(value: Any) -> list[str]:
    """Returns the logical ids that a value refers to by `Ref`, `Fn::GetAtt` and `Fn::Sub`."""
    if isinstance(value, list):
        return [name for item in value for name in targets(item)]
    if not isinstance(value, dict):
        return []
    if "Ref" in value:
        return [value["Ref"]] if value["Ref"] in RESOURCES else []
    if "Fn::GetAtt" in value:
        found = value["Fn::GetAtt"]
        return [found.split(".")[0] if isinstance(found, str) else found[0]]
    if "Fn::Sub" in value:
        text, given = value["Fn::Sub"] if isinstance(value["Fn::Sub"], list) else (value["Fn::Sub"], {})
        named = [name for name in re.findall(r"\$\{(\w+)(?:\.\w+)?\}", text) if name in RESOURCES]
        return named + targets(list(given.values()))
    return [name for item in value.values() for name in targets(item)]


def target(value: Any) -> str:
    [found] = targets(value)
    return found


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def role_of(function: str) -> str:
    return target(FUNCTIONS[function]["Role"])


def context_of(function: str) -> str:
    return FUNCTIONS[function]["Code"]["S3Key"]


def statements(role: str, with_managed: bool = True) -> Iterator[tuple[str, Statement]]:
    """Yields the statements of a role, each with the name of the resource that contains it."""
    for policy in ROLES[role].get("Policies", []):
        yield from ((role, statement) for statement in many(policy["PolicyDocument"]["Statement"]))
    for policy in ROLES[role].get("ManagedPolicyArns", []) if with_managed else []:
        yield from ((target(policy), statement) for statement in many(MANAGED[target(policy)]["PolicyDocument"]["Statement"]))


def granted(function: str, service: str) -> dict[str, list[Any]]:
    """Returns the resources of each action of a service that a function may perform."""
    found: dict[str, list[Any]] = {}
    for _, statement in statements(role_of(function)):
        for action in many(statement["Action"]):
            if action.startswith(f"{service}:"):
                found.setdefault(action, []).extend(many(statement.get("Resource", [])))
    return found


def variables(function: str) -> Properties:
    return FUNCTIONS[function].get("Environment", {}).get("Variables", {})


FUNCTIONS, ROLES, MANAGED = of_type("AWS::Lambda::Function"), of_type("AWS::IAM::Role"), of_type("AWS::IAM::ManagedPolicy")
PERMISSIONS = list(of_type("AWS::Lambda::Permission").values())
INVOKE_ROLES = {f"{context.capitalize()}InvokeRole": context for context in SHOP.contexts}
HEALTH = {"Health", *(f"{context.capitalize()}Health" for context in SHOP.contexts)}
QUEUES, TOPICS, TABLES = of_type("AWS::SQS::Queue"), of_type("AWS::SNS::Topic"), of_type("AWS::DynamoDB::Table")


class Roles(unittest.TestCase):
    def test_each_function_has_its_own_role_and_no_role_is_unused(self) -> None:
        held = Counter(map(role_of, FUNCTIONS))
        self.assertEqual([], [role for role, functions in held.items() if functions > 1])
        self.assertEqual({"CheckoutWorkflowRole", *INVOKE_ROLES}, set(ROLES) - set(held))

    def test_each_trusts_only_the_service_that_runs_it(self) -> None:
        for name, role in ROLES.items():
            with self.subTest(name):
                service = STATES if name == "CheckoutWorkflowRole" else API_GATEWAY if name in INVOKE_ROLES else LAMBDA
                self.assertEqual(
                    [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
                    role["AssumeRolePolicyDocument"]["Statement"])

    def test_they_name_actions_and_resources(self) -> None:
        used = set()
        for role in ROLES:
            for source, statement in statements(role):
                self.assertLessEqual(set(statement), {"Effect", "Action", "Resource", "NotResource", "Condition"}, source)
                self.assertEqual("Allow", statement["Effect"], source)
                for action in many(statement["Action"]):
                    with self.subTest(source, action=action):
                        self.assertNotIn("*", action)
                        if "NotResource" in statement:
                            self.assertEqual(WITHOUT_AN_ARN, (f"{source}Policy", action))
                        elif statement["Resource"] == "*":
                            self.assertIn(action, ANYTHING)
                            used.add(action)
                        else:
                            self.assertNotIn("*", many(statement["Resource"]))
        self.assertEqual(set(ANYTHING), used, "an exception that no grant needs")

    def test_a_resource_with_a_wildcard_is_below_a_named_one(self) -> None:
        """It may be an index of a table, a connection of a WebSocket or a device, but not any resource with the same prefix."""
        wide = {(action, statement_part) for role in ROLES for _, statement in statements(role)
                for resource in many(statement.get("Resource", []))
                if isinstance(resource, dict) and "*" in str(resource.get("Fn::Sub", ""))
                for action in many(statement["Action"]) for statement_part in [re.sub(r"\$\{\w+(\.Arn)?\}", "…", str(resource["Fn::Sub"]))]}
        below = {
            "execute-api:ManageConnections": r"arn:….*/live/(POST|DELETE)/@connections/\*",
            "sns:Publish": r"arn:.*:sns:.*:endpoint/\*",
            "dynamodb:Query": r"…/index/\*",
        }
        for action, resource in wide:
            with self.subTest(action, resource=resource):
                self.assertRegex(re.sub(r"\$\{AWS::\w+\}", "…", resource), f"^{below[action]}$")

    def test_no_role_may_grant_permissions(self) -> None:
        for role in ROLES:
            services = {action.partition(":")[0] for _, statement in statements(role) for action in many(statement["Action"])}
            self.assertEqual(set(), services & {"iam", "sts", "organizations", "cloudformation"}, role)


class Data(unittest.TestCase):
    def test_a_function_accesses_only_the_table_of_its_context(self) -> None:
        tables = {context_of(function): target(variables(function)["TABLE_NAME"])
                  for function in FUNCTIONS if "TABLE_NAME" in variables(function)}
        self.assertEqual(sorted(tables.values()), sorted(TABLES))
        for function in FUNCTIONS:
            with self.subTest(function):
                accessed = {name for resources in granted(function, "dynamodb").values() for name in targets(resources)}
                self.assertLessEqual(accessed, {tables.get(context_of(function))})

    def test_no_action_is_a_transaction(self) -> None:
        """IAM evaluates the parts of a transaction; a grant of the transaction itself has no effect."""
        actions = {action for function in FUNCTIONS for action in granted(function, "dynamodb")}
        self.assertEqual(set(), {action for action in actions if "Transact" in action or "PartiQL" in action})

    def test_a_function_uses_only_signing_keys_and_either_signs_or_verifies(self) -> None:
        signing = {function for function in FUNCTIONS if "kms:Sign" in granted(function, "kms")}
        self.assertEqual({"Login", "Refresh"}, signing)
        for function in FUNCTIONS:
            grants = granted(function, "kms")
            with self.subTest(function):
                self.assertEqual(any(name.startswith("SIGNING_KEY") for name in variables(function)), bool(grants))
                self.assertLessEqual(set(grants), {"kms:Sign"} if function in signing else {"kms:GetPublicKey"})
                for resources in grants.values():
                    self.assertEqual(["SigningKeyA", "SigningKeyB"], sorted(targets(resources)))

    def test_only_payments_reads_a_secret_and_only_that_of_the_provider(self) -> None:
        for function in FUNCTIONS:
            grants = granted(function, "secretsmanager")
            named = [name for name, value in variables(function).items() if targets(value) == ["ProviderSecret"]]
            with self.subTest(function):
                self.assertEqual(bool(named), bool(grants))
                if grants:
                    self.assertEqual("payments", context_of(function))
                    self.assertEqual(["secretsmanager:GetSecretValue"], list(grants))
                    self.assertEqual(["ProviderSecret"], targets(grants["secretsmanager:GetSecretValue"]))

    def test_a_function_that_starts_checkouts_has_the_arn_of_the_workflow(self) -> None:
        for function in FUNCTIONS:
            grants = granted(function, "states")
            with self.subTest(function):
                self.assertEqual("STATE_MACHINE_ARN" in variables(function), bool(grants))
                self.assertLessEqual(set(grants), {"states:StartExecution"})
                self.assertLessEqual(set(targets(list(grants.values()))), {"CheckoutWorkflow"})


class Queues(unittest.TestCase):
    maxDiff = None

    def test_only_a_consumer_reads_its_queue(self) -> None:
        mappings = of_type("AWS::Lambda::EventSourceMapping").values()
        read = {target(m["FunctionName"]): target(m["EventSourceArn"]) for m in mappings if target(m["EventSourceArn"]) in QUEUES}
        for function in FUNCTIONS.keys() - HEALTH:  # test_health.py checks these
            with self.subTest(function):
                grants = granted(function, "sqs")
                grants.pop("sqs:SendMessage", None)
                self.assertEqual({action: [read[function]] for action in READS_A_QUEUE} if function in read else {},
                                 {action: targets(resources) for action, resources in grants.items()})

    def test_only_a_consumer_of_a_stream_reads_it(self) -> None:
        mappings = of_type("AWS::Lambda::EventSourceMapping").values()
        followed = {target(m["FunctionName"]): m for m in mappings if target(m["EventSourceArn"]) in TABLES}
        for function in FUNCTIONS:
            with self.subTest(function):
                grants = {action: resources for action, resources in granted(function, "dynamodb").items() if action in READS_A_STREAM}
                mapping = followed.get(function)
                self.assertEqual({action: [mapping["EventSourceArn"]] for action in READS_A_STREAM} if mapping else {}, grants)
                if mapping:
                    self.assertEqual("StreamArn", mapping["EventSourceArn"]["Fn::GetAtt"][1])

    def test_only_functions_with_a_failure_destination_may_send_to_it(self) -> None:
        mappings = of_type("AWS::Lambda::EventSourceMapping").values()
        destinations = {target(m["FunctionName"]): target(m["DestinationConfig"]["OnFailure"]["Destination"])
                   for m in mappings if "DestinationConfig" in m}
        for function in FUNCTIONS:
            with self.subTest(function):
                dead_letters = variables(function).get("DEAD_LETTERS_URL")  # for messages that the function will never be able to consume
                expected = [destinations[function]] if function in destinations else [target(dead_letters)] if dead_letters else []
                self.assertEqual(expected, targets(granted(function, "sqs").get("sqs:SendMessage", [])))

    def test_a_function_publishes_only_on_the_topic_of_its_context(self) -> None:
        for function in FUNCTIONS:
            topics = [name for name in targets(granted(function, "sns").get("sns:Publish", [])) if name in TOPICS]
            with self.subTest(function):
                topic_arn = variables(function).get("TOPIC_ARN")
                self.assertEqual([target(topic_arn)] if topic_arn else [], topics)
                self.assertLessEqual(set(topics), {f"{context_of(function).capitalize()}Topic"})

    def test_a_queue_accepts_messages_only_from_its_topics(self) -> None:
        subscribed: dict[str, set[str]] = {}
        for subscription in of_type("AWS::SNS::Subscription").values():
            for queue in [target(subscription["Endpoint"]), target(subscription["RedrivePolicy"])]:
                subscribed.setdefault(queue, set()).add(target(subscription["TopicArn"]))
        senders: dict[str, set[str]] = {}
        for name, policy in of_type("AWS::SQS::QueuePolicy").items():
            allowed: set[str] = set()
            for statement in policy["PolicyDocument"]["Statement"]:
                with self.subTest(name):
                    self.assertEqual(("Allow", {"Service": "sns.amazonaws.com"}, "sqs:SendMessage"),
                                     tuple(statement[key] for key in ("Effect", "Principal", "Action")))
                    self.assertEqual(["ArnEquals"], list(statement["Condition"]))
                    self.assertEqual(["aws:SourceArn"], list(statement["Condition"]["ArnEquals"]))
                # `*` in the policy of a queue stands for that queue.
                queues = targets(policy["Queues"]) if statement["Resource"] == "*" else targets(statement["Resource"])
                allowed |= set(queues)
                for queue in queues:
                    senders.setdefault(queue, set()).update(targets(statement["Condition"]))
            self.assertEqual(set(targets(policy["Queues"])), allowed, name)
        self.assertEqual(subscribed, senders)


class Invocations(unittest.TestCase):
    def test_the_workflow_may_invoke_only_the_functions_that_it_names(self) -> None:
        machine = RESOURCES["CheckoutWorkflow"]["Properties"]
        text = "".join(machine["DefinitionString"]["Fn::Join"][1])
        named = {target(value) for value in machine["DefinitionSubstitutions"].values()}
        self.assertEqual(set(machine["DefinitionSubstitutions"]), set(re.findall(r"\$\{(\w+)\}", text)))
        invoked = [targets(statement["Resource"]) for _, statement in statements("CheckoutWorkflowRole")
                   if "lambda:InvokeFunction" in many(statement["Action"])]
        self.assertEqual([sorted(named)], [sorted(names) for names in invoked])

    def test_no_function_invokes_another(self) -> None:
        self.assertEqual([], [function for function in FUNCTIONS if granted(function, "lambda")])

    def test_api_gateway_may_invoke_only_the_functions_of_routes_and_authorizers_of_a_context(self) -> None:
        wanted: dict[str, set[str]] = {role: set() for role in INVOKE_ROLES}
        integrations, authorizers = of_type("AWS::ApiGatewayV2::Integration"), of_type("AWS::ApiGatewayV2::Authorizer")
        used = [*(("CredentialsArn", "IntegrationUri", name, each) for name, each in integrations.items()),
                *(("AuthorizerCredentialsArn", "AuthorizerUri", name, each) for name, each in authorizers.items())]
        for role, uri, name, each in used:
            with self.subTest(name):
                self.assertEqual(f"{SHOP.context_of[name].capitalize()}InvokeRole", target(each[role]))
                wanted[target(each[role])].add(target(each[uri]))
        allowed = {role: {name for _, statement in statements(role) for name in targets(statement["Resource"])} for role in INVOKE_ROLES}
        actions = {action for role in INVOKE_ROLES for _, statement in statements(role) for action in many(statement["Action"])}
        self.assertEqual(wanted, allowed)
        self.assertEqual({"lambda:InvokeFunction"}, actions)

    def test_every_integration_has_a_route(self) -> None:
        routes = [target(route["Target"]) for route in of_type("AWS::ApiGatewayV2::Route").values()]
        self.assertEqual(set(of_type("AWS::ApiGatewayV2::Integration")), set(routes))

    def test_each_api_has_its_authorizer(self) -> None:
        found = {(target(each["AuthorizerUri"]), target(each["ApiId"])) for each in of_type("AWS::ApiGatewayV2::Authorizer").values()}
        self.assertEqual({("Authorizer", "HttpApi"), ("SocketAuthorizer", "SocketApi")}, found)

    def test_each_schedule_may_invoke_only_its_function(self) -> None:
        rules = {(target(one["Arn"]), name) for name, rule in of_type("AWS::Events::Rule").items() for one in rule["Targets"]}
        allowed = {(target(permission["FunctionName"]), target(permission["SourceArn"])) for permission in self.of("events.amazonaws.com")}
        self.assertEqual(rules, allowed)
        self.assertGreater(len(rules), 0)

    def test_no_other_service_may_invoke_functions(self) -> None:
        self.assertEqual({"events.amazonaws.com"}, {permission["Principal"] for permission in PERMISSIONS})
        for permission in PERMISSIONS:
            self.assertEqual("lambda:InvokeFunction", permission["Action"])
            self.assertIn("SourceArn", permission)

    def of(self, principal: str) -> list[Properties]:
        return [permission for permission in PERMISSIONS if permission["Principal"] == principal]


class Names(unittest.TestCase):
    def test_a_queue_is_named_after_its_consumer(self) -> None:
        """The tools find dead letters by the consumer's name."""
        read = {target(m["FunctionName"]): target(m["EventSourceArn"]) for m in of_type("AWS::Lambda::EventSourceMapping").values()}
        consumers = {function: source for function, source in read.items() if source in QUEUES}
        self.assertEqual({function: f"{function}Queue" for function in consumers}, consumers)
        self.assertLess(len(consumers), len(FUNCTIONS))


if __name__ == "__main__":
    unittest.main()
