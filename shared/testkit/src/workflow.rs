//! The checkout, held where a test wants to do something.

use aws_sdk_sfn::{Client, types::ExecutionStatus};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{PATIENCE, Stack, eventually};

/// How long a held checkout waits, in seconds: time enough to do something meanwhile.
const HELD_SECONDS: u32 = 5;

/// The name of the state in which it waits.
const HOLD: &str = "Hold";

/// A checkout of an order that was placed to be paid later. It is the shop's own workflow, but stops for some seconds before one step.
#[derive(Debug)]
pub struct Held {
    execution: Execution,
}

impl Held {
    /// Starts the checkout of `order`, paid by `method`, and waits until it stops: before `step`, or, of a checkout that succeeds, behind
    /// its last one if there is no such step.
    pub async fn before(step: &str, order: &Value, method: &str) -> Self {
        let stack = Stack::get();
        let client = Client::new(&stack.aws().await);
        let described = client.describe_state_machine().state_machine_arn(&stack.state_machine).send().await;
        let text = described.expect("the checkout workflow").definition;
        let definition = hold(serde_json::from_str(&text).expect("a definition"), step);
        let total = json!({ "amount": order["total_amount"], "currency": order["currency"] });
        let lines = order["items"].as_array().expect("lines").iter();
        let lines = lines.map(|line| json!({ "product_id": line["product_id"], "quantity": line["quantity"] }));
        let input = json!({
            "order_id": order["id"],
            "user_id": order["user_id"],
            "lines": lines.collect::<Vec<_>>(),
            "total": total,
            "payment_method": method,
            "correlation_id": Uuid::now_v7(),
            "traceparent": format!("00-{}-00f067aa0ba902b7-01", Uuid::new_v4().simple()),
        });
        let execution = Execution::start(client, &definition, &input).await;
        eventually(&format!("the checkout to stop before {step}"), PATIENCE, || async {
            let entered = execution.entered().await;
            if entered.iter().any(|state| state == HOLD) { Ok(()) } else { Err(format!("{entered:?}")) }
        })
        .await;
        Self { execution }
    }

    /// Makes sure that it still is where it stopped.
    pub async fn is_waiting(&self) {
        let entered = self.execution.entered().await;
        assert_eq!(entered.last().map(String::as_str), Some(HOLD), "{entered:?}: it did not wait long enough");
    }

    /// Lets it go on, to its end; the states it went through.
    pub async fn ends(self) -> Vec<String> {
        let (status, output) = self.execution.wait().await;
        let states = self.execution.entered().await;
        assert_eq!(status, ExecutionStatus::Succeeded, "{states:?} {output}");
        self.execution.forget().await;
        states
    }
}

/// `definition` with a pause before `step`, or behind its end, if there is no such step.
fn hold(mut definition: Value, step: &str) -> Value {
    let first = definition["StartAt"].as_str().unwrap_or_default().to_owned();
    let states = definition["States"].as_object_mut().expect("states");
    let exists = states.contains_key(step);
    for state in states.values_mut() {
        lead_to_hold(state, step);
        for catch in state["Catch"].as_array_mut().into_iter().flatten() {
            lead_to_hold(catch, step);
        }
        if !exists && state["End"] == true && state["Type"] == "Task" {
            let state = state.as_object_mut().expect("a state");
            state.remove("End");
            state.insert("Next".to_owned(), HOLD.into());
        }
    }
    let mut pause = if exists { json!({ "Next": step }) } else { json!({ "End": true }) };
    pause["Type"] = "Wait".into();
    pause["Seconds"] = HELD_SECONDS.into();
    states.insert(HOLD.to_owned(), pause);
    if first == step {
        definition["StartAt"] = HOLD.into();
    }
    definition
}

fn lead_to_hold(state: &mut Value, step: &str) {
    if state["Next"] == step {
        state["Next"] = HOLD.into();
    }
}

#[derive(Debug)]
struct Execution {
    client: Client,
    machine: String,
    arn: String,
}

impl Execution {
    async fn start(client: Client, definition: &Value, input: &Value) -> Self {
        let stack = Stack::get();
        let checkout = client.describe_state_machine().state_machine_arn(&stack.state_machine).send().await;
        let role = checkout.expect("the checkout workflow").role_arn;
        let create = client.create_state_machine().name(format!("test-{}", Uuid::new_v4().simple()));
        let made = create.definition(definition.to_string()).role_arn(role).send().await;
        let machine = made.expect("a workflow").state_machine_arn;
        let start = client.start_execution().state_machine_arn(&machine).input(input.to_string());
        let arn = start.send().await.expect("an execution").execution_arn;
        Self { client, machine, arn }
    }

    /// The states it has entered so far.
    async fn entered(&self) -> Vec<String> {
        let history = self.client.get_execution_history().execution_arn(&self.arn).max_results(1_000).send().await;
        let history = history.expect("a history");
        let entered = history.events().iter().filter_map(|event| event.state_entered_event_details());
        entered.map(|state| state.name().to_owned()).collect()
    }

    /// Waits for its end: how it ended, and with what.
    async fn wait(&self) -> (ExecutionStatus, String) {
        eventually("a workflow to end", PATIENCE, || async {
            let state = self.client.describe_execution().execution_arn(&self.arn).send().await.expect("a state");
            match state.status {
                ExecutionStatus::Running => Err(format!("{:?}", self.entered().await)),
                ended => Ok((ended, state.output.or(state.cause).unwrap_or_default())),
            }
        })
        .await
    }

    async fn forget(self) {
        self.client.delete_state_machine().state_machine_arn(self.machine).send().await.expect("deleted");
    }
}
