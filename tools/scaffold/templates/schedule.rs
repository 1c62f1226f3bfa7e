use lambda::Error;
use serde::de::IgnoredAny;

/// Runs on the schedule `@{rate}`. The content of the event is not used.
///
/// # Errors
/// If the run failed. An alarm monitors the errors.
pub async fn @{function}(_: &(), _: IgnoredAny) -> Result<(), Error> {
    tracing::info!("nothing is done at this time yet");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_without_work_is_done() {
        assert!(@{function}(&(), IgnoredAny).await.is_ok());
    }
}
