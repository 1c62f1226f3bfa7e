//! Functions with another configuration for a while.

use futures::future::join_all;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{Stack, stack::signature};

/// The functions whose variable was changed, each with the variables that it had.
#[derive(Debug)]
#[must_use = "they stay so until they are restored"]
pub struct Configured {
    before: Vec<(String, Value)>,
}

impl Configured {
    /// Sets a variable of every function that has it.
    pub async fn wherever(variable: &str, value: &str) -> Self {
        let names = Stack::get().functions.values();
        let all = join_all(names.map(|name| async move { (name.clone(), variables(name).await) })).await;
        let before: Vec<_> = all.into_iter().filter(|(_, variables)| !variables[variable].is_null()).collect();
        assert!(!before.is_empty(), "no function has {variable}");
        join_all(before.iter().map(|(name, variables)| {
            let mut changed = variables.clone();
            changed[variable] = value.into();
            set(name, changed)
        }))
        .await;
        Self { before }
    }

    /// Gives them back what they had.
    pub async fn restore(self) {
        join_all(self.before.into_iter().map(|(name, variables)| async move { set(&name, variables).await })).await;
    }
}

fn configuration(method: Method, name: &str) -> RequestBuilder {
    let url = format!("{}/2015-03-31/functions/{name}/configuration", Stack::get().engine_url);
    Client::new().request(method, url).header("authorization", signature("lambda"))
}

async fn variables(name: &str) -> Value {
    let answer = configuration(Method::GET, name).send().await.expect("the engine answers");
    let answer: Value = answer.error_for_status().expect("a function").json().await.expect("JSON");
    answer["Environment"]["Variables"].clone()
}

async fn set(name: &str, variables: Value) {
    let body = json!({ "Environment": { "Variables": variables } });
    let answer = configuration(Method::PUT, name).json(&body).send().await.expect("the engine answers");
    answer.error_for_status().expect("a configuration");
}
