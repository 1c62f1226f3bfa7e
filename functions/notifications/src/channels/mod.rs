//! The ways to a customer. None of the services can tell a second try from a second message: each is asked once, and given all the time
//! there is for it; the queue tries again.

mod mail;
mod push;
mod sms;

use std::{error::Error, io, iter, time::Duration};

use aws_config::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use lambda::call_limit;

pub(crate) use mail::Mailer;
pub use push::Push;
pub(crate) use sms::Telephone;

/// Why a message was not sent. Only codes: what a service says in words quotes addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It will never be taken.
    Refused(String),
    /// There is no such device any more.
    Gone(String),
    /// It was not taken this time.
    NotTaken(String),
    /// The service did not answer: it may have taken it.
    Unanswered,
}

/// How a service that is asked once is asked.
fn once() -> (RetryConfig, TimeoutConfig) {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(call_limit(Duration::from_secs(4))).build();
    (RetryConfig::disabled(), timeouts)
}

/// What an error means; the codes in `refusals` are for good.
fn failure<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, refusals: &[&str]) -> Failure {
    let Some(refusal) = error.as_service_error() else {
        return if is_unreached(error) { Failure::NotTaken("unreached".to_owned()) } else { Failure::Unanswered };
    };
    let code = refusal.code().unwrap_or("unknown").to_owned();
    if refusals.contains(&code.as_str()) { Failure::Refused(code) } else { Failure::NotTaken(code) }
}

/// Whether the service cannot have heard of it. Of what may go wrong on the way only connecting has a time limit of its own.
fn is_unreached<E, R>(error: &SdkError<E, R>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(failure) => {
            failure.is_timeout() || failure.as_connector_error().is_some_and(|error| is_turned_away(error))
        }
        _ => false,
    }
}

/// Whether there was no connection: nobody listens.
fn is_turned_away(error: &(dyn Error + 'static)) -> bool {
    iter::successors(Some(error), |&error| error.source())
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("on the way")]
    struct OnTheWay(#[source] io::Error);

    #[test]
    fn a_connection_that_was_refused_is_told_from_one_that_broke() {
        assert!(!is_turned_away(&OnTheWay(io::ErrorKind::ConnectionReset.into())));
        assert!(is_turned_away(&OnTheWay(io::ErrorKind::ConnectionRefused.into())));
    }
}
