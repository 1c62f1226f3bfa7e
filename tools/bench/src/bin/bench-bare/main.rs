//! Bare Lambdas: the functions that a team would write first for the same routes.
//!
//! Each makes the AWS calls of its counterpart, on as many items with the same keys and about the same size, and
//! nothing else: no validation, no domain, no problem details, no logs. They fail on every error, for which the gateway
//! responds with 502.

mod login;
mod orders;

use std::collections::HashMap;

use aws_config::BehaviorVersion;
use aws_lambda_events::{
    apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    encodings::Body,
};
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, KeysAndAttributes},
};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

type Item = HashMap<String, AttributeValue>;

/// The state of a function: the clients, and the table of its counterpart.
struct Bare {
    dynamodb: Client,
    kms: aws_sdk_kms::Client,
    table: String,
    /// The response of `GET /products`, created once, because its counterpart caches its responses too.
    cached_products: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let bytes = std::env::var("ANSWER_BYTES").map_or(Ok(0), |text| text.parse())?;
    let bare = Bare {
        dynamodb: Client::new(&config),
        kms: aws_sdk_kms::Client::new(&config),
        table: std::env::var("TABLE_NAME")?,
        cached_products: format!("\"{}\"", "x".repeat(bytes)),
    };
    let (bare, handler) = (&bare, &std::env::var("_HANDLER")?);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        let request = event.payload;
        match handler.as_str() {
            "checkout" => response(201, bare.place(&request, true).await?),
            "place-order" => response(201, bare.place(&request, false).await?),
            "get-order" => response(200, bare.order(&request).await?),
            "list-products" => response(200, bare.products().await?),
            "login" => response(200, bare.log_in(&request).await?),
            unknown => Err(Error::from(format!("there is no handler {unknown:?}"))),
        }
    }))
    .await
}

impl Bare {
    /// Reads the catalog's version, and returns the cached response.
    async fn products(&self) -> Result<String, Error> {
        self.get(key("VERSION", "VERSION")).await?;
        Ok(self.cached_products.clone())
    }

    async fn get(&self, key: Item) -> Result<Item, Error> {
        let get = self.dynamodb.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        get.send().await?.item.ok_or_else(|| "there is no such item".into())
    }

    async fn get_many(&self, keys: Vec<Item>, consistent: bool) -> Result<Vec<Item>, Error> {
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(consistent).build()?;
        let output = self.dynamodb.batch_get_item().request_items(&self.table, wanted).send().await?;
        Ok(output.responses.into_iter().flat_map(HashMap::into_values).flatten().collect())
    }
}

fn response(status: i64, body: String) -> Result<ApiGatewayV2httpResponse, Error> {
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = status;
    response.headers.insert("content-type", "application/json".parse()?);
    response.body = Some(Body::Text(body));
    Ok(response)
}

fn key(pk: &str, sk: &str) -> Item {
    item([("pk", text(pk)), ("sk", text(sk))])
}

fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Item {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn map<const N: usize>(attributes: [(&str, AttributeValue); N]) -> AttributeValue {
    AttributeValue::M(item(attributes))
}

/// Returns the item whose partition key has this prefix.
fn find<'a>(found: &'a [Item], prefix: &str) -> Result<&'a Item, Error> {
    let has_prefix = |item: &&Item| string(item, "pk").is_ok_and(|pk| pk.starts_with(prefix));
    found.iter().find(has_prefix).ok_or_else(|| format!("there is no item {prefix}").into())
}

fn string<'a>(item: &'a Item, name: &str) -> Result<&'a str, Error> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.map(String::as_str).ok_or_else(|| format!("an item has no {name}").into())
}

fn body(request: &ApiGatewayV2httpRequest) -> Result<Value, Error> {
    Ok(serde_json::from_str(request.body.as_deref().unwrap_or_default())?)
}

/// Returns the id of the caller, from the authorizer's context.
fn caller(request: &ApiGatewayV2httpRequest) -> Result<&str, Error> {
    let authorizer = request.request_context.authorizer.as_ref();
    let user = authorizer.and_then(|authorizer| authorizer.fields.get("user_id")?.as_str());
    user.ok_or_else(|| "the caller is anonymous".into())
}
