//! The channels to customers. None of the services recognizes a repeated request, so each is called once, with all the
//! time there is for it, and the queue delivers the message again if it fails.

mod mail;
mod push;
mod sms;

use std::{error::Error, io, iter, time::Duration};

use aws_config::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use lambda::call_limit;

pub(crate) use mail::Mailer;
pub use push::Push;
pub(crate) use sms::SmsSender;

/// The reason why a message was not sent. It has only error codes, because the error messages of the services quote
/// addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The service rejected the message permanently.
    Rejected(String),
    /// The device no longer exists.
    DeviceGone(String),
    /// The service did not accept the message this time.
    NotAccepted(String),
    /// The service did not respond: it may have accepted the message.
    Unanswered,
}

/// Returns the settings of a client that calls a service once.
fn single_attempt() -> (RetryConfig, TimeoutConfig) {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(call_limit(Duration::from_secs(4))).build();
    (RetryConfig::disabled(), timeouts)
}

/// Classifies an error of a service. Errors with one of the `permanent` codes are not retried.
fn classify<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, permanent: &[&str]) -> Failure {
    let Some(service_error) = error.as_service_error() else {
        return if was_not_reached(error) {
            Failure::NotAccepted("not connected".to_owned())
        } else {
            Failure::Unanswered
        };
    };
    let code = service_error.code().unwrap_or("unknown").to_owned();
    if permanent.contains(&code.as_str()) { Failure::Rejected(code) } else { Failure::NotAccepted(code) }
}

/// Whether the request certainly did not reach the service. A timeout in dispatch is that of connecting, because no
/// other step has its own.
fn was_not_reached<E, R>(error: &SdkError<E, R>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(failure) => {
            failure.is_timeout() || failure.as_connector_error().is_some_and(|error| is_connection_refused(error))
        }
        _ => false,
    }
}

fn is_connection_refused(error: &(dyn Error + 'static)) -> bool {
    iter::successors(Some(error), |&error| error.source())
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("dispatch failure")]
    struct DispatchError(#[source] io::Error);

    #[test]
    fn a_refused_connection_differs_from_a_reset_one() {
        assert!(!is_connection_refused(&DispatchError(io::ErrorKind::ConnectionReset.into())));
        assert!(is_connection_refused(&DispatchError(io::ErrorKind::ConnectionRefused.into())));
    }
}
