//! The consumers to check, from the environment variable that the template sets.

use crate::Error;

/// The variable with the queues.
const QUEUES: &str = "HEALTH_QUEUES";

/// A consumer and its queue.
#[derive(Debug, PartialEq, Eq)]
pub struct Consumer {
    /// The public name of the consumer, which is the logical id of its function.
    pub name: String,
    /// The URL of its queue, whose redrive policy has the dead-letter queue.
    pub queue: String,
}

/// Parses `<consumer>=<queue URL>` pairs that are separated by commas.
///
/// # Errors
/// If the value has another format.
pub fn parse_consumers(value: &str) -> Result<Vec<Consumer>, Error> {
    let pairs = value.split(',').filter(|_| !value.is_empty());
    let consumers: Option<Vec<Consumer>> = pairs.map(consumer).collect();
    let invalid = || format!("the environment variable {QUEUES} is {value:?}; it must be <consumer>=<queue URL>,…");
    consumers.ok_or_else(|| invalid().into())
}

/// Returns the consumers in the environment variable, or none if it is not set.
///
/// # Errors
/// If the variable has another format than [`parse_consumers`] expects.
pub fn consumers_from_env() -> Result<Vec<Consumer>, Error> {
    parse_consumers(&std::env::var(QUEUES).unwrap_or_default())
}

fn consumer(pair: &str) -> Option<Consumer> {
    let (name, queue) = pair.split_once('=')?;
    let (account, queue_name) = queue.rsplit_once('/')?;
    let is_complete = ![name, account, queue_name].iter().any(|part| part.is_empty());
    is_complete.then(|| Consumer { name: name.to_owned(), queue: queue.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consumer(name: &str, queue: &str) -> Consumer {
        Consumer { name: name.to_owned(), queue: queue.to_owned() }
    }

    #[test]
    fn every_consumer_has_a_queue() {
        let found = parse_consumers("Start=https://sqs/1/start-q,Mail=https://sqs/1/mail-q").expect("consumers");
        assert_eq!(found, [consumer("Start", "https://sqs/1/start-q"), consumer("Mail", "https://sqs/1/mail-q")]);
        assert_eq!(
            parse_consumers("Relay=https://sqs/1/relay-q").expect("one"),
            [consumer("Relay", "https://sqs/1/relay-q")]
        );
    }

    #[test]
    fn a_context_may_have_no_consumers() {
        assert_eq!(parse_consumers("").expect("none"), []);
    }

    #[test]
    fn the_error_of_an_invalid_value_names_the_variable() {
        for value in
            ["Start", "Start=", "Start=q", "=https://sqs/1/q", "Start=https://sqs/1/", "A=u/q,", "A=u/q,,B=u/q", ","]
        {
            let error = parse_consumers(value).expect_err("an error").to_string();
            assert!(error.contains("HEALTH_QUEUES") && error.contains(value), "{error}");
        }
    }
}
