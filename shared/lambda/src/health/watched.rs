//! What is watched: the table and the queues that the template names in the function's variables.

use crate::Error;

/// The variable that names the queues.
const QUEUES: &str = "HEALTH_QUEUES";

/// A consumer and its queue.
#[derive(Debug, PartialEq, Eq)]
pub struct Consumer {
    /// What the world may call it: its function's logical id.
    pub name: String,
    /// The URL of its queue, whose redrive policy names the dead-letter queue.
    pub queue: String,
}

/// The consumers that `value` names: `<consumer>=<queue URL>` pairs, with commas between them.
///
/// # Errors
/// When it is not in this form.
pub fn consumers(value: &str) -> Result<Vec<Consumer>, Error> {
    let pairs = value.split(',').filter(|_| !value.is_empty());
    let consumers: Option<Vec<Consumer>> = pairs.map(consumer).collect();
    let wrong = || format!("the environment variable {QUEUES} is {value:?}; it must be <consumer>=<queue URL>,…");
    consumers.ok_or_else(|| wrong().into())
}

/// Those that the function's variable names; none where it is not set.
///
/// # Errors
/// As [`consumers`].
pub fn from_env() -> Result<Vec<Consumer>, Error> {
    consumers(&std::env::var(QUEUES).unwrap_or_default())
}

fn consumer(pair: &str) -> Option<Consumer> {
    let (name, queue) = pair.split_once('=')?;
    let (account, queue_name) = queue.rsplit_once('/')?;
    let is_whole = ![name, account, queue_name].iter().any(|part| part.is_empty());
    is_whole.then(|| Consumer { name: name.to_owned(), queue: queue.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consumer(name: &str, queue: &str) -> Consumer {
        Consumer { name: name.to_owned(), queue: queue.to_owned() }
    }

    #[test]
    fn every_consumer_has_its_queue() {
        let found = consumers("Start=https://sqs/1/start-q,Mail=https://sqs/1/mail-q").expect("consumers");
        assert_eq!(found, [consumer("Start", "https://sqs/1/start-q"), consumer("Mail", "https://sqs/1/mail-q")]);
        assert_eq!(
            consumers("Relay=https://sqs/1/relay-q").expect("one"),
            [consumer("Relay", "https://sqs/1/relay-q")]
        );
    }

    #[test]
    fn a_context_may_have_no_consumers() {
        assert_eq!(consumers("").expect("none"), []);
    }

    #[test]
    fn a_variable_in_another_form_is_named() {
        for value in
            ["Start", "Start=", "Start=q", "=https://sqs/1/q", "Start=https://sqs/1/", "A=u/q,", "A=u/q,,B=u/q", ","]
        {
            let error = consumers(value).expect_err("an error").to_string();
            assert!(error.contains("HEALTH_QUEUES") && error.contains(value), "{error}");
        }
    }
}
