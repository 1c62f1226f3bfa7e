use lambda::Error;
use serde::de::IgnoredAny;

/// Runs at `@{rate}`; of the event it needs nothing.
///
/// # Errors
/// When its work was not done; an alarm watches its errors.
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
