use contracts::{Envelope, @{Event}};
use lambda::Error;

/// Consumes @{events_text} of @{source}. Messages are delivered at least once, and in any order.
///
/// # Errors
/// If the event has to be delivered again.
pub async fn @{function}(_: &(), envelope: Envelope<@{Event}>) -> Result<(), Error> {
    match envelope.event {
        @{wanted} => {
            tracing::info!("nothing is done with this event yet");
            Ok(())
        }
@{others}    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_takes_the_events_that_it_subscribes_to() {
        for sample in [
@{samples}        ] {
            let envelope = Envelope::read(sample).expect("an envelope").expect("a known type");
            assert!(@{function}(&(), envelope).await.is_ok());
        }
    }
}
