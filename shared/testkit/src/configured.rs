//! Temporary changes of functions' environment variables.

use futures::future::join_all;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{Stack, stack::signature};

/// The functions whose variable was changed, each with its previous variables.
#[derive(Debug)]
#[must_use = "the functions stay changed until they are restored"]
pub struct Configured {
    previous: Vec<(String, Value)>,
}

impl Configured {
    /// Sets a variable in every function that has it.
    pub async fn set_everywhere(variable: &str, value: &str) -> Self {
        let names = Stack::get().functions.values();
        let all = join_all(names.map(|name| async move { (name.clone(), variables(name).await) })).await;
        let previous: Vec<_> = all.into_iter().filter(|(_, variables)| !variables[variable].is_null()).collect();
        assert!(!previous.is_empty(), "no function has {variable}");
        join_all(previous.iter().map(|(name, variables)| {
            let mut changed = variables.clone();
            changed[variable] = value.into();
            set(name, changed)
        }))
        .await;
        Self { previous }
    }

    /// Restores the previous variables.
    pub async fn restore(self) {
        join_all(self.previous.into_iter().map(|(name, variables)| async move { set(&name, variables).await })).await;
    }
}

fn configuration(method: Method, name: &str) -> RequestBuilder {
    let url = format!("{}/2015-03-31/functions/{name}/configuration", Stack::get().engine_url);
    Client::new().request(method, url).header("authorization", signature("lambda"))
}

async fn variables(name: &str) -> Value {
    let response = configuration(Method::GET, name).send().await.expect("the engine responds");
    let response: Value = response.error_for_status().expect("a function").json().await.expect("JSON");
    response["Environment"]["Variables"].clone()
}

async fn set(name: &str, variables: Value) {
    let body = json!({ "Environment": { "Variables": variables } });
    let response = configuration(Method::PUT, name).json(&body).send().await.expect("the engine responds");
    response.error_for_status().expect("a configuration");
}
