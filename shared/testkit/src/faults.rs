//! Faults: functions that are killed, messages that are delivered twice.

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

/// The processes that run a function (its logical id), from Linux's `/proc`; the engine runs each as a child of its
/// own.
fn processes_of(function: &str) -> Vec<u32> {
    let name = &Stack::get().functions[function];
    // Another stack beside this one has functions of the same name.
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

/// Kills the processes that run a function, at once and without a word; how many there were.
pub fn kill_function(function: &str) -> usize {
    let pids = processes_of(function);
    for pid in &pids {
        let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
        killed.expect("kill runs");
    }
    pids.len()
}

/// Waits until processes run a function, and kills them.
pub async fn kill_running(function: &str) {
    eventually(&format!("a process of {function}"), || async {
        if kill_function(function) > 0 { Ok(()) } else { Err("none".to_owned()) }
    })
    .await;
}

/// Records every event that the contexts publish, and delivers it again.
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
            subscriptions.map(|made| made.expect("a subscription").subscription_arn.expect("an ARN")).collect();
        Self { sns, sqs, queue_url, subscriptions, recorded: HashSet::new() }
    }

    /// Lets every topic send to the queue; its ARN.
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

    /// What was published since the last time, each event once.
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

    /// Waits until so many events were recorded that go back to the request `correlation_id`; these events.
    pub async fn events_of(&mut self, correlation_id: &str, count: usize) -> Vec<Value> {
        let is_of = |event: &Value| event["correlation_id"] == correlation_id;
        let mut events = self.record_until(|heard| heard.iter().filter(|event| is_of(event)).count() >= count).await;
        events.retain(is_of);
        events
    }

    /// Records until that is `enough`; all of it.
    pub async fn record_until(&mut self, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut heard = Vec::new();
        let started = Instant::now();
        while !enough(&heard) {
            assert!(started.elapsed() < HANG_LIMIT, "heard only {heard:?}");
            heard.extend(self.record().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        heard
    }

    /// Delivers an event again to every consumer that its context's events can reach.
    ///
    /// A consumer gets what its subscription would filter out, too, and has to ignore it.
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

    /// Waits until every consumer is done with what it was sent.
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

/// An event of an order of somebody, as orders would publish it; there is no such order.
pub fn processing(person: &Person) -> Value {
    let order = Uuid::now_v7();
    json!({
        "event_id": Uuid::now_v7(), "event_type": "OrderProcessing", "version": "1.0", "timestamp": "2026-11-21T06:30:31.606Z",
        "source": "orders", "correlation_id": Uuid::now_v7(),
        "traceparent": "00-4f1ee81fe7ba4c1085a46fe0eb0933e5-32e4e19419124a9d-01",
        "subject": order, "sequence": 4, "data": { "order_id": order, "user_id": person.id },
    })
}

/// Publishes an event as its context would.
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

/// Sends an event to one consumer's queue (its logical id), past the delay that the queue may have.
pub async fn send_now(queue: &str, event: &Value) {
    let stack = Stack::get();
    let sqs = aws_sdk_sqs::Client::new(&stack.aws().await);
    let send = sqs.send_message().queue_url(&stack.queues[queue]).message_body(event.to_string()).delay_seconds(0);
    send.send().await.expect("a message is sent");
}

/// Waits until an event of `subject` lies in a queue of dead letters (its logical id), and takes it out.
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

/// Waits until a queue (its logical id) is empty, and its consumer done with what was in it.
pub async fn drained(queue: &str) {
    let stack = Stack::get();
    let sqs = aws_sdk_sqs::Client::new(&stack.aws().await);
    let attributes =
        [QueueAttributeName::ApproximateNumberOfMessages, QueueAttributeName::ApproximateNumberOfMessagesNotVisible];
    eventually(&format!("{queue} to be empty"), || async {
        let ask = sqs.get_queue_attributes().queue_url(&stack.queues[queue]);
        let answer = ask.set_attribute_names(Some(attributes.to_vec())).send().await.expect("attributes");
        let left = answer.attributes.unwrap_or_default();
        if left.values().all(|count| count == "0") { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
}

/// The queues that a context's events reach, of the contexts that are deployed.
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
