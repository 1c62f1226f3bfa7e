//! The checkout workflow, which can be paused where a test wants to do something.
//!
//! The tests run a copy of the shop's workflow. It is a standard workflow, whose executions can be inspected, even if
//! the shop's is an express workflow.

use aws_sdk_sfn::{Client, types::ExecutionStatus};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Stack, eventually};

/// The name of the state in which a paused checkout waits.
const PAUSE: &str = "Pause";

/// A checkout of an order that was placed without a payment. It is paused before one step until it is resumed.
#[derive(Debug)]
pub struct PausedCheckout {
    checkout: Checkout,
    /// The task token that resumes it.
    token: String,
}

impl PausedCheckout {
    /// Starts the checkout of `order`, paid with `method`, and waits until it is paused before `step`. If there is no
    /// such step, it is paused after the last step of a successful checkout.
    pub async fn before(step: &str, order: &Value, method: &str) -> Self {
        let sqs = aws_sdk_sqs::Client::new(&Stack::get().aws().await);
        let name = format!("pause-{}", Uuid::new_v4().simple());
        let queue = sqs.create_queue().queue_name(name).send().await.expect("a queue").queue_url.expect("a URL");
        let checkout = Checkout::start(order, method, |definition| pause(definition, step, &queue)).await;
        let token = eventually(&format!("the checkout to pause before {step}"), || async {
            let received = sqs.receive_message().queue_url(&queue).send().await.expect("messages");
            let token = received.messages.into_iter().flatten().find_map(|message| message.body);
            match token {
                Some(token) => Ok(token),
                None => Err(format!("{:?}", checkout.entered().await)),
            }
        })
        .await;
        sqs.delete_queue().queue_url(queue).send().await.expect("deleted");
        Self { checkout, token }
    }

    /// Resumes it, waits until it succeeds, and returns the states that it went through.
    pub async fn ends(self) -> Vec<String> {
        self.resume().await.ends().await
    }

    /// Resumes it, waits until it has parked its order, and returns the states that it went through.
    pub async fn parks(self) -> Vec<String> {
        self.resume().await.parks().await
    }

    async fn resume(self) -> Checkout {
        let success = self.checkout.client.send_task_success().task_token(self.token).output("{}");
        success.send().await.expect("the checkout is resumed");
        self.checkout
    }
}

/// Returns `definition` with a pause before `step`, or after its end if there is no such step. The queue gets the task
/// token that resumes it.
fn pause(mut definition: Value, step: &str, queue: &str) -> Value {
    let first = definition["StartAt"].as_str().unwrap_or_default().to_owned();
    let states = definition["States"].as_object_mut().expect("states");
    let exists = states.contains_key(step);
    for state in states.values_mut() {
        redirect_to_pause(state, step);
        for catch in state["Catch"].as_array_mut().into_iter().flatten() {
            redirect_to_pause(catch, step);
        }
        if !exists && state["End"] == true && state["Type"] == "Task" {
            let state = state.as_object_mut().expect("a state");
            state.remove("End");
            state.insert("Next".to_owned(), PAUSE.into());
        }
    }
    let mut pause = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": { "QueueUrl": queue, "MessageBody.$": "$$.Task.Token" },
        "ResultPath": "$.result",
    });
    let (name, value) = if exists { ("Next", json!(step)) } else { ("End", json!(true)) };
    pause[name] = value;
    states.insert(PAUSE.to_owned(), pause);
    if first == step {
        definition["StartAt"] = PAUSE.into();
    }
    definition
}

fn redirect_to_pause(state: &mut Value, step: &str) {
    if state["Next"] == step {
        state["Next"] = PAUSE.into();
    }
}

/// An execution of the checkout of an order.
#[derive(Debug)]
pub struct Checkout {
    client: Client,
    machine: String,
    execution: String,
}

impl Checkout {
    /// Starts the checkout of `order`, paid with `method`. Several checkouts of the same order may run at the same
    /// time.
    pub async fn of(order: &Value, method: &str) -> Self {
        Self::start(order, method, |definition| definition).await
    }

    /// Starts the checkout of `order` as [`Checkout::of`] does, but the function of `step` does not exist.
    pub async fn without(step: &str, order: &Value, method: &str) -> Self {
        Self::start(order, method, |mut definition| {
            let state = &mut definition["States"][step];
            let (service, _) = state["Resource"].as_str().expect("a task").rsplit_once(':').expect("a function's ARN");
            state["Resource"] = format!("{service}:no-such-function").into();
            state["Retry"] = json!([]);
            definition
        })
        .await
    }

    async fn start(order: &Value, method: &str, change: impl FnOnce(Value) -> Value) -> Self {
        let stack = Stack::get();
        let client = Client::new(&stack.aws().await);
        let described = client.describe_state_machine().state_machine_arn(&stack.state_machine).send().await;
        let described = described.expect("the checkout workflow");
        let definition = change(serde_json::from_str(&described.definition).expect("a definition"));
        let create = client.create_state_machine().name(format!("test-{}", Uuid::new_v4().simple()));
        let created = create.definition(definition.to_string()).role_arn(described.role_arn).send().await;
        let machine = created.expect("a workflow").state_machine_arn;
        let start = client.start_execution().state_machine_arn(&machine).input(input(order, method).to_string());
        let execution = start.send().await.expect("an execution").execution_arn;
        Self { client, machine, execution }
    }

    /// Returns the types of its events so far, each with its step.
    pub async fn history(&self) -> Vec<String> {
        let history =
            self.client.get_execution_history().execution_arn(&self.execution).max_results(1_000).send().await;
        let history = history.expect("a history");
        let mut step = String::new();
        let mut events = Vec::new();
        for event in history.events() {
            if let Some(entered) = event.state_entered_event_details() {
                entered.name().clone_into(&mut step);
            }
            events.push(format!("{step} {}", event.r#type().as_str()));
        }
        events
    }

    /// Waits until it succeeds, and returns the states that it went through.
    pub async fn ends(self) -> Vec<String> {
        self.ends_as(ExecutionStatus::Succeeded).await
    }

    /// Waits until it has parked its order, and returns the states that it went through.
    pub async fn parks(self) -> Vec<String> {
        let states = self.ends_as(ExecutionStatus::Failed).await;
        assert_eq!(states.last().map(String::as_str), Some("Parked"), "{states:?}");
        states
    }

    async fn ends_as(self, expected: ExecutionStatus) -> Vec<String> {
        let (status, output) = eventually("a workflow to end", || async {
            let state = self.client.describe_execution().execution_arn(&self.execution).send().await.expect("a state");
            match state.status {
                ExecutionStatus::Running => Err(format!("{:?}", self.entered().await)),
                ended => Ok((ended, state.output.or(state.cause).unwrap_or_default())),
            }
        })
        .await;
        let states = self.entered().await;
        assert_eq!(status, expected, "{states:?} {output}");
        self.client.delete_state_machine().state_machine_arn(self.machine).send().await.expect("deleted");
        states
    }

    /// Returns the states that it has entered so far.
    async fn entered(&self) -> Vec<String> {
        let entered =
            |event: &String| event.split_once(' ').filter(|(_, kind)| kind.ends_with("StateEntered")).is_some();
        let history = self.history().await.into_iter().filter(entered);
        history.map(|event| event.split(' ').next().unwrap_or_default().to_owned()).collect()
    }
}

/// Returns the input with which the shop starts the checkout of `order`.
fn input(order: &Value, method: &str) -> Value {
    let total = json!({ "amount": order["total_amount"], "currency": order["currency"] });
    let lines = order["items"].as_array().expect("lines").iter();
    let lines = lines.map(|line| json!({ "product_id": line["product_id"], "quantity": line["quantity"] }));
    json!({
        "order_id": order["id"],
        "user_id": order["user_id"],
        "lines": lines.collect::<Vec<_>>(),
        "total": total,
        "payment_method": method,
        "correlation_id": Uuid::now_v7(),
        "traceparent": format!("00-{}-00f067aa0ba902b7-01", Uuid::new_v4().simple()),
    })
}
