"""Edits of Rust files and templates. Each edit is idempotent."""

import re
import unittest

from scaffold import rust, sam_text

MODULE = """//! The endpoints.

mod health;

use lambda::{openapi::Operation, policy::Route};

pub use health::health;

pub const ROUTES: &[Route] = &[health::ROUTE];

pub fn operations() -> Vec<Operation> {
    vec![health::operation()]
}
"""

MAIN = """use lambda::{Error, health::Health, limit::{Limiter, Rate}};
use reviews::api;

async fn main() {
    match handler()?.as_str() {
        "health" => http::serve(health()?, api::health).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
"""

NESTED = """Parameters:
  Stage: {Type: String}
  HttpApiId: {Type: String}

Conditions:
  InProduction: !Equals [!Ref Stage, production]

Resources:
  InvokeRole:
    Resource:
                  - !GetAtt List.Arn
                  - !GetAtt OwnHealth.Arn

  # How it is.
  OwnHealth:
    Variables:
          TABLE_NAME: !Ref Table

  OwnHealthRole:
    Statement:
              - {Effect: Allow, Action: [dynamodb:DescribeTable], Resource: !GetAtt Table.Arn}

Outputs:
  Name: {Value: own}
"""

ROOT = """Parameters:
  Stage:
    Type: String
  WriteLimit:
    Type: String

Resources:
  UnpublishedQueuePolicy:
    Condition:
      aws:SourceArn: [!Ref UsersTopic]

  UsersTopic:
    Type: AWS::SNS::Topic

  # The first.
  Own:
    Type: AWS::Serverless::Application
    Properties:
      Location: functions/own/template.yaml
      Parameters:
        Stage: !Ref Stage
        HttpApiId: !Ref HttpApi

Outputs:
  Name: {Value: root}
"""


class Rust(unittest.TestCase):
    def test_modules(self) -> None:
        text = rust.with_module(MODULE, "list")
        self.assertIn("mod list;\nmod health;\n", text)
        self.assertEqual(text, rust.with_module(text, "list"))
        self.assertEqual("//! None yet.\n\npub mod first;\n", rust.with_module("//! None yet.\n", "first", public=True))

    def test_reexports(self) -> None:
        text = rust.with_reexport(MODULE, "list::list")
        self.assertIn("pub use list::list;\npub use health::health;\n", text)
        self.assertEqual(text, rust.with_reexport(text, "list::list"))
        self.assertEqual("mod a;\n\npub use a::a;\n", rust.with_reexport("mod a;\n", "a::a"))
        self.assertEqual("mod a;\n\nuse b::{\n    C,\n};\n\npub use a::a;\n\nfn f() {}\n",
                         rust.with_reexport("mod a;\n\nuse b::{\n    C,\n};\n\nfn f() {}\n", "a::a"))

    def test_uses(self) -> None:
        self.assertEqual(["a", "b::c", "b::d::e", "f::self"], list(rust.paths("{a, b::{c, d::{e}}, f::{self},}")))
        for known in ("Error", "health::Health", "limit::Limiter"):
            self.assertEqual(MAIN, rust.with_use(MAIN, "lambda", known))
        self.assertIn("use lambda::{Error, health::Health, limit::{Limiter, Rate}, queue};\n", rust.with_use(MAIN, "lambda", "queue"))
        self.assertIn("use reviews::{api, consumers};\n", rust.with_use(MAIN, "reviews", "consumers"))
        self.assertTrue(rust.with_use(MAIN, "dynamo", "Table").startswith("use dynamo::Table;\nuse lambda::"))

    def test_handlers(self) -> None:
        text = rust.with_arm(MAIN, "list", "http::serve((), api::list)")
        self.assertEqual({"health", "list"}, rust.handlers(text))
        self.assertLess(text.index('"list"'), text.index("unknown =>"))

    def test_operations(self) -> None:
        text = rust.with_operation(MODULE, "list::operation()")
        self.assertIn("vec![list::operation(), health::operation()]", text)
        self.assertIn("vec![a(), b()]", rust.with_operation("pub fn operations() { let all = vec![\n    a(),\n]; }", "b()"))
        with self.assertRaises(LookupError):
            rust.with_operation("mod health;\n", "list::operation()")

    def test_dependencies(self) -> None:
        manifest = "[dependencies]\n# Why.\nfutures.workspace = true\nlambda = { workspace = true }\n\n[lints]\nworkspace = true\n"
        added = rust.with_dependency(manifest, "aws-config")
        self.assertEqual(manifest.replace("# Why", "aws-config.workspace = true\n# Why"), added)
        self.assertEqual(added, rust.with_dependency(added, "lambda"))
        self.assertIn("lambda = { workspace = true }\ntokio.workspace = true\n\n[lints]", rust.with_dependency(manifest, "tokio"))

    def test_routes(self) -> None:
        text = rust.with_route(MODULE, "list::ROUTE")
        self.assertIn("pub const ROUTES: &[Route] = &[list::ROUTE, health::ROUTE];", text)
        self.assertIn("vec![health::operation()]", text)
        wrapped = "pub const ROUTES: &[Route] =\n    &[\n    a::ROUTE,\n];"
        self.assertIn("=\n    &[a::ROUTE, b::ROUTE];", rust.with_route(wrapped, "b::ROUTE"))
        with self.assertRaises(LookupError):
            rust.with_route("mod health;\n", "list::ROUTE")

    def test_keys_of_routes(self) -> None:
        one = 'pub(crate) const ROUTE: Route = Route::new("GET /docs", Access::Anyone);\n'
        two = 'pub(crate) const ROUTE: Route =\n    Route::new(\n    "POST /api/v1/reviews", Access::Customer).limited(Limit::Writes);\n'
        self.assertEqual({"GET /docs", "POST /api/v1/reviews"}, rust.route_keys(one + two))

    def test_ids(self) -> None:
        exported = rust.with_exported_id("pub use id::{EventId, UserId};\n", "ReviewId")
        self.assertEqual({"EventId", "UserId", "ReviewId"}, rust.exported_ids(exported))
        ids = rust.with_id("id!(\n    /// An event, once.\n    EventId\n);\n", "ReviewId", "A review.")
        self.assertLess(ids.index("ReviewId"), ids.index("EventId"))


class Sam(unittest.TestCase):
    def test_parameters_of_the_root_come_first(self) -> None:
        text = NESTED
        for name in ("WriteLimit", "OrdersTopicArn", "AuthorizerId"):
            text = sam_text.with_parameter(text, name, ["Stage", "WriteLimit"])
        self.assertEqual(["Stage", "WriteLimit", "AuthorizerId", "HttpApiId", "OrdersTopicArn"], sam_text.declared(text))
        self.assertEqual(text, sam_text.with_parameter(text, "WriteLimit", ["Stage", "WriteLimit"]))

    def test_the_root_passes_parameters_in_the_same_order(self) -> None:
        order = ["Stage", "WriteLimit", "AuthorizerId", "HttpApiId", "UsersTopicArn"]
        text = ROOT
        for name in ("UsersTopicArn", "WriteLimit"):
            text = sam_text.with_given(text, sam_text.entry_of(text, "own"), name, order)
        given = re.findall(r"^ {8}(.*)$", text, re.MULTILINE)
        self.assertEqual(["Stage: !Ref Stage", "WriteLimit: !Ref WriteLimit", "HttpApiId: !Ref HttpApi", "UsersTopicArn: !Ref UsersTopic"],
                         given)
        self.assertEqual(text, sam_text.with_given(text, "Own", "WriteLimit", order))
        with self.assertRaises(LookupError):
            sam_text.entry_of(ROOT, "nowhere")

    def test_conditions(self) -> None:
        text = sam_text.with_condition(NESTED, "WithAlarmTopic", "!Not [x]")
        self.assertIn("production]\n  WithAlarmTopic: !Not [x]\n\nResources:", text)
        self.assertEqual(text, sam_text.with_condition(text, "WithAlarmTopic", "!Not [x]"))
        without = "Parameters:\n  A: {}\n\nResources:\n  B: {}\n"
        self.assertIn("\n\nConditions:\n  One: x\n\nResources:", sam_text.with_condition(without, "One", "x"))

    def test_resources_are_added_before_another_and_its_comment(self) -> None:
        text = sam_text.with_resources(NESTED, "  New:\n    Type: x\n", "OwnHealth")
        self.assertIn("\n  New:\n    Type: x\n\n  # How it is.\n  OwnHealth:\n", text)

    def test_functions_that_api_gateway_may_invoke(self) -> None:
        text = sam_text.with_invoked(NESTED, "InvokeRole", "New", "OwnHealth")
        self.assertIn("List.Arn\n                  - !GetAtt New.Arn\n                  - !GetAtt OwnHealth.Arn\n", text)
        self.assertEqual(text, sam_text.with_invoked(text, "InvokeRole", "New", "OwnHealth"))
        self.assertIn("OwnHealth.Arn\n                  - !GetAtt New.Arn\n\n", sam_text.with_invoked(NESTED, "InvokeRole", "New", "Other"))

    def test_queues_that_health_monitors(self) -> None:
        text = sam_text.with_watched_queue(NESTED, "OwnHealth", "First")
        self.assertIn('HEALTH_QUEUES: !Join\n            - ","\n            - - !Sub "First=${FirstQueue}"\n', text)
        text = sam_text.with_watched_queue(text, "OwnHealth", "Second")
        self.assertIn('            - - !Sub "First=${FirstQueue}"\n              - !Sub "Second=${SecondQueue}"\n', text)
        granted = re.findall(r"- !GetAtt (\w+)\.Arn", text[text.index("OwnHealthRole"):])
        self.assertEqual(["FirstQueue", "FirstDeadLetters", "SecondQueue", "SecondDeadLetters"], granted)

    def test_a_topic_may_send_undelivered_events(self) -> None:
        text = sam_text.with_sender(ROOT, "OrdersTopic")
        self.assertIn("[!Ref UsersTopic, !Ref OrdersTopic]", text)
        for topic in ("OrdersTopic", "UsersTopic"):
            self.assertEqual(text, sam_text.with_sender(text, topic))

    def test_topics_and_entries_are_added_below_the_others(self) -> None:
        text = sam_text.with_entry(sam_text.with_topic(ROOT, "NewTopic"), "  New:\n    Type: x\n")
        self.assertIn("SNS::Topic\n\n  NewTopic:\n    Type: AWS::SNS::Topic\n\n  # The first.\n", text)
        self.assertIn("HttpApi\n\n  New:\n    Type: x\n\nOutputs:\n", text)


if __name__ == "__main__":
    unittest.main()
