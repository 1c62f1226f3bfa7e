//! Fault injection: functions that are killed, and messages that are delivered twice.

use std::{
    collections::HashSet,
    fs,
    process::Command,
    time::{Duration, Instant},
};

use aws_sdk_sns::types::MessageAttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{HANG_LIMIT, Person, Stack, eventually};

/// Returns the processes that run a function (its logical id), from Linux's `/proc`. The engine runs each environment
/// as a child process.
fn processes_of(function: &str) -> Vec<u32> {
    let name = &Stack::get().functions[function];
    // Another stack on this machine may have functions with the same names.
    let markers =
        [format!("AWS_LAMBDA_FUNCTION_NAME={name}\0"), format!("AWS_ENDPOINT_URL={}\0", Stack::get().engine_url)];
    let pids = fs::read_dir("/proc").expect("Linux's /proc").flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let environment = String::from_utf8_lossy(&environment);
            markers.iter().all(|marker| environment.contains(marker))
        })
        .collect()
}

/// Kills the processes that run a function with SIGKILL, and returns their number.
pub fn kill_function(function: &str) -> usize {
    let pids = processes_of(function);
    for pid in &pids {
        let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
        killed.expect("kill runs");
    }
    pids.len()
}

/// Waits until at least one process runs a function, and kills all that do.
pub async fn kill_running(function: &str) {
    eventually(&format!("a process of {function}"), || async {
        if kill_function(function) > 0 { Ok(()) } else { Err("none".to_owned()) }
    })
    .await;
}

/// Records every event that the contexts publish, and can deliver it again.
#[derive(Debug)]
pub struct EventRecorder {
    sns: aws_sdk_sns::Client,
    sqs: aws_sdk_sqs::Client,
    queue_url: String,
    subscriptions: Vec<String>,
    recorded: HashSet<String>,
}

impl EventRecorder {
    /// Starts to record.
    pub async fn start() -> Self {
        let stack = Stack::get();
        let aws = stack.aws().await;
        let (sns, sqs) = (aws_sdk_sns::Client::new(&aws), aws_sdk_sqs::Client::new(&aws));
        let name = format!("recorder-{}", Uuid::new_v4().simple());
        let queue_url = sqs.create_queue().queue_name(&name).send().await.expect("a queue").queue_url.expect("a URL");
        let arn = Self::allow_topics(&sqs, &queue_url).await;
        let subscribe = stack.topics.values().map(|topic| {
            let subscription = sns.subscribe().topic_arn(topic).protocol("sqs").endpoint(&arn);
            subscription.attributes("RawMessageDelivery", "true").return_subscription_arn(true).send()
        });
        let subscriptions = join_all(subscribe).await.into_iter();
        let subscriptions =
            subscriptions.map(|created| created.expect("a subscription").subscription_arn.expect("an ARN")).collect();
        Self { sns, sqs, queue_url, subscriptions, recorded: HashSet::new() }
    }

    /// Allows every topic to send to the queue, and returns the queue's ARN.
    async fn allow_topics(sqs: &aws_sdk_sqs::Client, queue_url: &str) -> String {
        let wanted = sqs.get_queue_attributes().queue_url(queue_url).attribute_names(QueueAttributeName::QueueArn);
        let attributes = wanted.send().await.expect("attributes").attributes.expect("attributes");
        let arn = attributes[&QueueAttributeName::QueueArn].clone();
        let allow = json!({
            "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": arn,
        });
        let policy = json!({ "Version": "2012-10-17", "Statement": [allow] }).to_string();
        let set = sqs.set_queue_attributes().queue_url(queue_url).attributes(QueueAttributeName::Policy, policy);
        set.send().await.expect("a queue policy");
        arn
    }

    /// Returns the events that were published since the last call, each of them once.
    pub async fn record(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let receive = self.sqs.receive_message().queue_url(&self.queue_url).max_number_of_messages(10);
            let messages = receive.send().await.expect("messages").messages.unwrap_or_default();
            if messages.is_empty() {
                return events;
            }
            for message in messages {
                let event: Value = serde_json::from_str(&message.body.expect("a body")).expect("an envelope");
                if self.recorded.insert(event["event_id"].to_string()) {
                    events.push(event);
                }
                let receipt = message.receipt_handle.expect("a receipt");
                let delete = self.sqs.delete_message().queue_url(&self.queue_url).receipt_handle(receipt);
                delete.send().await.expect("deleted");
            }
        }
    }

    /// Waits until `count` events with this correlation id were recorded, and returns them.
    pub async fn events_of(&mut self, correlation_id: &str, count: usize) -> Vec<Value> {
        let is_of = |event: &Value| event["correlation_id"] == correlation_id;
        let mut events =
            self.record_until(|recorded| recorded.iter().filter(|event| is_of(event)).count() >= count).await;
        events.retain(is_of);
        events
    }

    /// Records until the events are `enough`, and returns them.
    pub async fn record_until(&mut self, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut recorded = Vec::new();
        let started = Instant::now();
        while !enough(&recorded) {
            assert!(started.elapsed() < HANG_LIMIT, "recorded only {recorded:?}");
            recorded.extend(self.record().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        recorded
    }

    /// Delivers an event again to every consumer of its context's events.
    ///
    /// Consumers also get events that the filter of their subscription would drop, and have to ignore them.
    pub async fn redeliver(&self, event: &Value) {
        let consumers = consumers_of(event["source"].as_str().expect("a source"));
        let sends = consumers.into_iter().map(|queue| {
            let url = &Stack::get().queues[queue];
            self.sqs.send_message().queue_url(url).message_body(event.to_string()).send()
        });
        for sent in join_all(sends).await {
            sent.expect("a message is sent");
        }
    }

    /// Waits until every consumer has processed its messages.
    pub async fn drained(&self) {
        for source in ["users", "catalog", "inventory", "orders", "payments"] {
            for queue in consumers_of(source) {
                drained(queue).await;
            }
        }
    }

    /// Stops to record.
    pub async fn stop(self) {
        for subscription in &self.subscriptions {
            self.sns.unsubscribe().subscription_arn(subscription).send().await.expect("unsubscribed");
        }
        self.sqs.delete_queue().queue_url(&self.queue_url).send().await.expect("deleted");
    }
}

/// Returns an event as orders publishes it, of an order of `person` that does not exist.
pub fn processing(person: &Person) -> Value {
    let order = Uuid::now_v7();
    json!({
        "event_id": Uuid::now_v7(), "event_type": "OrderProcessing", "version": "1.0", "timestamp": "2026-11-21T06:30:31.606Z",
        "source": "orders", "correlation_id": Uuid::now_v7(),
        "traceparent": "00-4f1ee81fe7ba4c1085a46fe0eb0933e5-32e4e19419124a9d-01",
        "subject": order, "sequence": 4, "data": { "order_id": order, "user_id": person.id },
    })
}

/// Publishes an event on the topic of its context.
pub async fn publish(event: &Value) {
    let stack = Stack::get();
    let text = |name: &str| event[name].as_str().expect("a text");
    let attribute = |name: &str| {
        MessageAttributeValue::builder().data_type("String").string_value(text(name)).build().expect("a value")
    };
    let publish = aws_sdk_sns::Client::new(&stack.aws().await)
        .publish()
        .topic_arn(&stack.topics[text("source")])
        .message(event.to_string())
        .message_attributes("event_type", attribute("event_type"))
        .message_attributes("source", attribute("source"));
    publish.send().await.expect("published");
}

/// Sends an event to the queue of a consumer (its logical id), without the delay that the queue may have.
pub async fn send_now(queue: &str, event: &Value) {
    let stack = Stack::get();
    let sqs = aws_sdk_sqs::Client::new(&stack.aws().await);
    let send = sqs.send_message().queue_url(&stack.queues[queue]).message_body(event.to_string()).delay_seconds(0);
    send.send().await.expect("a message is sent");
}

/// Waits until a dead-letter queue (its logical id) has an event of `subject`, and removes it.
pub async fn dead_letter(queue: &str, subject: &str) -> Value {
    let stack = Stack::get();
    let sqs = aws_sdk_sqs::Client::new(&stack.aws().await);
    let url = &stack.queues[queue];
    let (receipt, event) = eventually(&format!("a dead letter of {subject}"), || async {
        let received =
            sqs.receive_message().queue_url(url).max_number_of_messages(10).visibility_timeout(5).send().await;
        let messages = received.expect("messages").messages.unwrap_or_default();
        let events = messages.into_iter().map(|message| (message.receipt_handle, message.body.unwrap_or_default()));
        events
            .filter_map(|(receipt, body)| Some((receipt?, serde_json::from_str::<Value>(&body).ok()?)))
            .find(|(_, event)| event["subject"] == subject)
            .ok_or_else(|| "none".to_owned())
    })
    .await;
    sqs.delete_message().queue_url(url).receipt_handle(receipt).send().await.expect("deleted");
    event
}

/// Waits until a queue (its logical id) is empty, with no messages in flight.
pub async fn drained(queue: &str) {
    let stack = Stack::get();
    let sqs = aws_sdk_sqs::Client::new(&stack.aws().await);
    let attributes =
        [QueueAttributeName::ApproximateNumberOfMessages, QueueAttributeName::ApproximateNumberOfMessagesNotVisible];
    eventually(&format!("{queue} to be empty"), || async {
        let get = sqs.get_queue_attributes().queue_url(&stack.queues[queue]);
        let response = get.set_attribute_names(Some(attributes.to_vec())).send().await.expect("attributes");
        let depth = response.attributes.unwrap_or_default();
        if depth.values().all(|count| count == "0") { Ok(()) } else { Err(format!("{depth:?}")) }
    })
    .await;
}

/// Returns the queues that the events of a context reach, in the deployed contexts.
fn consumers_of(source: &str) -> Vec<&'static str> {
    let consumers: &[(&str, &str)] = match source {
        "users" => &[
            ("orders", "OrdersReplicateUserQueue"),
            ("notifications", "ReplicateContactQueue"),
            ("notifications", "NotifyUserRegisteredQueue"),
            ("analytics", "EndConnectionsQueue"),
            ("analytics", "CountUsersQueue"),
        ],
        "catalog" => &[("inventory", "StockProductQueue"), ("orders", "OrdersReplicateProductQueue")],
        "inventory" => &[("catalog", "UpdateAvailabilityQueue"), ("orders", "EndExpiredQueue")],
        "orders" => &[
            ("inventory", "SettleOrderQueue"),
            ("orders", "StartCheckoutQueue"),
            ("payments", "UndoCancelledQueue"),
            ("payments", "PaymentsReplicateOrderQueue"),
            ("payments", "CaptureConfirmedQueue"),
            ("notifications", "NotifyOrderPlacedQueue"),
            ("notifications", "NotifyOrderConfirmedQueue"),
            ("notifications", "NotifyOrderShippedQueue"),
            ("notifications", "NotifyOrderCancelledQueue"),
            ("notifications", "NotifyOrderRefundedQueue"),
            ("analytics", "PublishOrderUpdatesQueue"),
            ("analytics", "CountOrdersQueue"),
        ],
        "payments" => &[
            ("orders", "OrdersReplicatePaymentQueue"),
            ("notifications", "NotifyPaymentProcessedQueue"),
            ("notifications", "NotifyPaymentFailedQueue"),
            ("analytics", "CountPaymentsQueue"),
        ],
        _ => &[],
    };
    let deployed = &Stack::get().contexts;
    consumers.iter().filter(|(context, _)| deployed.contains(*context)).map(|(_, queue)| *queue).collect()
}
