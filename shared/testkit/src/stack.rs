//! The deployed stack under test.

use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
    sync::LazyLock,
};

use serde::Deserialize;

/// The outputs of a deployed stack.
#[derive(Debug, Deserialize)]
pub struct Stack {
    /// The URL of the API, which ends with `/api/v1`.
    pub api_url: String,
    /// The URL of the WebSocket API. A stack without the analytics context has none.
    pub socket_url: Option<String>,
    /// The URL of the AWS endpoint.
    pub engine_url: String,
    /// The URL of the inbox that receives all mail.
    pub inbox_url: String,
    /// The login of the administrator.
    pub admin: Login,
    /// The login of a customer.
    pub customer: Login,
    /// The region of the AWS endpoint.
    pub region: String,
    /// The credentials for the AWS endpoint.
    pub credentials: Credentials,
    /// The contexts that are deployed.
    pub contexts: BTreeSet<String>,
    /// The route keys of the HTTP API, such as `GET /api/v1/orders` and `$default`.
    pub routes: BTreeSet<String>,
    /// The ARNs of the topics, by context.
    pub topics: HashMap<String, String>,
    /// The URLs of the queues, by logical id.
    pub queues: HashMap<String, String>,
    /// The names of the tables, by logical id.
    pub tables: HashMap<String, String>,
    /// The ARN of the checkout workflow.
    pub state_machine: String,
    /// The names of the functions, by logical id.
    pub functions: HashMap<String, String>,
    /// The names of the secrets, by logical id.
    pub secrets: HashMap<String, String>,
    /// The URL of Stripe. It is missing if the stack uses the simulator.
    pub stripe_url: Option<String>,
}

/// The login of a user.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Login {
    pub email: String,
    pub password: String,
}

/// Credentials for the AWS endpoint.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl Stack {
    /// Returns the stack in the file `WAYBILL_OUTPUTS`, or the one that `make up` started.
    pub fn get() -> &'static Self {
        static STACK: LazyLock<Stack> = LazyLock::new(|| {
            let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
            let path =
                std::env::var("WAYBILL_OUTPUTS").map_or_else(|_| root.join(".local/outputs.json"), PathBuf::from);
            let text = std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}; the tests need a stack: `make up`", path.display()));
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        });
        &STACK
    }

    /// Returns the URL without `/api/v1`.
    pub fn root_url(&self) -> &str {
        self.api_url.trim_end_matches("/api/v1")
    }

    /// Returns an SDK configuration for direct access to the stack's resources.
    pub async fn aws(&self) -> aws_config::SdkConfig {
        let keys = &self.credentials;
        aws_config::defaults(aws_config::BehaviorVersion::latest())
            .endpoint_url(&self.engine_url)
            .region(aws_config::Region::new(self.region.clone()))
            .credentials_provider(aws_sdk_sqs::config::Credentials::new(
                &keys.access_key_id,
                &keys.secret_access_key,
                None,
                None,
                "the stack's outputs",
            ))
            .load()
            .await
    }
}

/// Returns every item of a table (its logical id) that contains `text`.
pub async fn items_with(table: &str, text: &str) -> Vec<String> {
    let stack = Stack::get();
    let client = aws_sdk_dynamodb::Client::new(&stack.aws().await);
    let mut found = Vec::new();
    let mut start = None;
    loop {
        let page = client.scan().table_name(&stack.tables[table]).set_exclusive_start_key(start).send().await;
        let page = page.expect("a page");
        found.extend(page.items().iter().map(|item| format!("{item:?}")).filter(|item| item.contains(text)));
        start = page.last_evaluated_key;
        if start.is_none() {
            return found;
        }
    }
}

/// Returns the `Authorization` header of a request to a service. The engine does not verify the signature, so the tests
/// need no SDK for this service.
pub(crate) fn signature(service: &str) -> String {
    let stack = Stack::get();
    let scope = format!("{}/20260101/{}/{service}/aws4_request", stack.credentials.access_key_id, stack.region);
    format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none")
}

/// Invokes a function (its logical id), and returns its result or its error.
pub async fn invoke(function: &str, payload: &serde_json::Value) -> Result<serde_json::Value, serde_json::Value> {
    let stack = Stack::get();
    let url = format!("{}/2015-03-31/functions/{}/invocations", stack.engine_url, stack.functions[function]);
    let request = reqwest::Client::new().post(url).header("authorization", signature("lambda")).json(payload);
    let response = request.send().await.expect("the engine responds");
    let failed = response.headers().contains_key("x-amz-function-error");
    let result = response.json().await.expect("JSON");
    if failed { Err(result) } else { Ok(result) }
}
