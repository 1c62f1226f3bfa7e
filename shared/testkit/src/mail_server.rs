//! Outages of the mail server.

use serde_json::json;

use crate::Stack;

/// An outage of the mail server, which lasts until [`MailOutage::end`].
#[derive(Debug)]
#[must_use = "the mail server is down until the outage is ended"]
pub struct MailOutage(());

impl MailOutage {
    /// Stops the mail server.
    pub async fn begin() -> Self {
        set(false).await;
        Self(())
    }

    /// Starts the mail server again.
    pub async fn end(self) {
        set(true).await;
    }
}

async fn set(up: bool) {
    let url = format!("{}/api/smtp", Stack::get().inbox_url);
    let response = reqwest::Client::new().put(url).json(&json!({ "up": up })).send().await.expect("the inbox responds");
    response.error_for_status().expect("the mail server has changed its state");
}
