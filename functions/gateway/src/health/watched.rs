//! What is watched: the variables that the template sets, one for each context.

use std::collections::BTreeMap;

use lambda::Error;

/// How the variables begin: `HEALTH_ORDERS`.
const PREFIX: &str = "HEALTH_";

/// The variable that says what provider payments asks.
const PROVIDER: &str = "PAYMENT_PROVIDER";

/// The context that asks it.
const PAYMENTS: &str = "payments";

/// The context that answers: it is watched without a variable, and is up when it has nothing that could be down.
const GATEWAY: &str = "gateway";

/// What a context has that can be asked how it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Its table's name, if it has one.
    pub table: Option<String>,
    /// What hears events for it.
    pub consumers: Vec<Consumer>,
    /// The payment provider that it asks, if it does.
    pub provider: Option<String>,
}

/// A consumer and its queues.
#[derive(Debug, PartialEq, Eq)]
pub struct Consumer {
    /// What the world may call it: its function's logical id.
    pub name: String,
    /// The name of its queue, which knows where what it gave up on goes.
    pub queue: String,
}

/// The contexts that `variables` name, by name.
///
/// `HEALTH_ORDERS` is `table|consumer|queue|consumer|queue|…`; a context without a table begins with nothing. They are names and
/// not URLs, because a function has 4 KB for all its variables.
///
/// # Errors
/// When there are none, or one is not in this form.
pub fn contexts(variables: impl IntoIterator<Item = (String, String)>) -> Result<BTreeMap<String, Watched>, Error> {
    let mut contexts = BTreeMap::new();
    let mut provider = None;
    for (name, value) in variables {
        if name == PROVIDER {
            provider = Some(value);
        } else if let Some(context) = name.strip_prefix(PREFIX) {
            let watched = watched(&value).ok_or_else(|| {
                format!(
                    "the environment variable {name} is {value:?}; it must be table|consumer|queue|consumer|queue|…"
                )
            })?;
            contexts.insert(context.to_lowercase(), watched);
        }
    }
    if contexts.is_empty() {
        return Err(format!("no environment variable begins with {PREFIX}, so there is nothing to watch").into());
    }
    contexts.entry(GATEWAY.to_owned()).or_default();
    if let Some(payments) = contexts.get_mut(PAYMENTS) {
        let provider = provider.ok_or_else(|| format!("the environment variable {PROVIDER} is not set"))?;
        payments.provider = Some(provider);
    }
    Ok(contexts)
}

fn watched(value: &str) -> Option<Watched> {
    let mut names = value.split('|').map(str::to_owned);
    let table = names.next().filter(|name| !name.is_empty());
    let names: Vec<String> = names.collect();
    if names.iter().any(String::is_empty) {
        return None;
    }
    let (consumers, []) = names.as_chunks() else { return None };
    let consumers = consumers.iter().cloned().map(|[name, queue]| Consumer { name, queue });
    Some(Watched { table, consumers: consumers.collect(), provider: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<BTreeMap<String, Watched>, String> {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        contexts(owned).map_err(|error| error.to_string())
    }

    fn consumer(name: &str, queue: &str) -> Consumer {
        Consumer { name: name.to_owned(), queue: queue.to_owned() }
    }

    #[test]
    fn every_context_has_its_variable() {
        let found = read(&[
            ("PATH", "/bin"),
            ("HEALTH_USERS", "users-table"),
            ("HEALTH_ORDERS", "orders-table|Start|start-q|Mail|mail-q"),
            ("HEALTH_RELAY", "|Relay|relay-q"),
        ])
        .expect("contexts");
        assert_eq!(found.keys().collect::<Vec<_>>(), ["gateway", "orders", "relay", "users"]);
        assert_eq!(found["gateway"], Watched::default());
        assert_eq!(found["users"], Watched { table: Some("users-table".to_owned()), ..Watched::default() });
        assert_eq!(found["orders"].table.as_deref(), Some("orders-table"));
        let expected = [consumer("Start", "start-q"), consumer("Mail", "mail-q")];
        assert_eq!(found["orders"].consumers, expected);
        let relay = Watched { consumers: vec![consumer("Relay", "relay-q")], ..Watched::default() };
        assert_eq!(found["relay"], relay);
    }

    #[test]
    fn payments_has_its_provider() {
        let found = read(&[("PAYMENT_PROVIDER", "simulator"), ("HEALTH_PAYMENTS", "t"), ("HEALTH_ORDERS", "t")]);
        let found = found.expect("contexts");
        assert_eq!(found["payments"].provider.as_deref(), Some("simulator"));
        assert_eq!(found["orders"].provider, None);
        assert!(read(&[("HEALTH_PAYMENTS", "t")]).expect_err("an error").contains("PAYMENT_PROVIDER"));
    }

    #[test]
    fn the_gateway_may_have_something_too() {
        let found = read(&[("HEALTH_GATEWAY", "gateway-table")]).expect("contexts");
        assert_eq!(found["gateway"].table.as_deref(), Some("gateway-table"));
    }

    #[test]
    fn a_variable_in_another_form_is_named() {
        for value in ["t|Start", "t|Start|q|Mail", "t|Start|", "t||q", "t|", "|"] {
            let error = read(&[("HEALTH_USERS", "t"), ("HEALTH_ORDERS", value)]).expect_err("an error");
            assert!(error.contains("HEALTH_ORDERS") && error.contains(value), "{error}");
        }
        assert!(read(&[("PATH", "/bin")]).expect_err("an error").contains("HEALTH_"));
    }
}
