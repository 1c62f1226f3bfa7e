//! The mail server, which can be away.

use serde_json::json;

use crate::Stack;

/// An outage of the mail server: from now until it is over, or forgotten.
#[derive(Debug)]
#[must_use = "the mail server is away until this is over"]
pub struct MailOutage(());

impl MailOutage {
    /// Closes the mail server.
    pub async fn begin() -> Self {
        set(false).await;
        Self(())
    }

    /// Opens it again.
    pub async fn end(self) {
        set(true).await;
    }
}

async fn set(up: bool) {
    let url = format!("{}/api/smtp", Stack::get().inbox_url);
    let answer = reqwest::Client::new().put(url).json(&json!({ "up": up })).send().await.expect("the inbox answers");
    answer.error_for_status().expect("the mail server is as it should be");
}
