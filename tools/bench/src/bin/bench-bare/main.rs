//! Bare Lambdas: what a team would write first for the same routes.
//!
//! Each makes the AWS calls of its counterpart, on as many items of the same keys and about the same size, and nothing else: no
//! validation, no domain, no problem details, no logs. What they cannot do they fail with, which the gateway makes a 502.

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

/// What every route has: the clients, and the table of its counterpart.
struct Bare {
    dynamodb: Client,
    kms: aws_sdk_kms::Client,
    table: String,
    /// What `GET /products` answers, made once: its counterpart keeps its answers, too.
    kept: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let bytes = std::env::var("ANSWER_BYTES").map_or(Ok(0), |text| text.parse())?;
    let bare = Bare {
        dynamodb: Client::new(&config),
        kms: aws_sdk_kms::Client::new(&config),
        table: std::env::var("TABLE_NAME")?,
        kept: format!("\"{}\"", "x".repeat(bytes)),
    };
    let (bare, handler) = (&bare, &std::env::var("_HANDLER")?);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        let request = event.payload;
        match handler.as_str() {
            "checkout" => answer(201, bare.place(&request, true).await?),
            "place-order" => answer(201, bare.place(&request, false).await?),
            "get-order" => answer(200, bare.order(&request).await?),
            "list-products" => answer(200, bare.products().await?),
            "login" => answer(200, bare.log_in(&request).await?),
            unknown => Err(Error::from(format!("no function is called {unknown:?}"))),
        }
    }))
    .await
}

impl Bare {
    /// The catalog's version is read, and what is kept under it answered.
    async fn products(&self) -> Result<String, Error> {
        self.get(key("VERSION", "VERSION")).await?;
        Ok(self.kept.clone())
    }

    async fn get(&self, key: Item) -> Result<Item, Error> {
        let get = self.dynamodb.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        get.send().await?.item.ok_or_else(|| "there is no such item".into())
    }

    async fn get_many(&self, keys: Vec<Item>, consistent: bool) -> Result<Vec<Item>, Error> {
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(consistent).build()?;
        let answer = self.dynamodb.batch_get_item().request_items(&self.table, wanted).send().await?;
        Ok(answer.responses.into_iter().flat_map(HashMap::into_values).flatten().collect())
    }
}

fn answer(status: i64, body: String) -> Result<ApiGatewayV2httpResponse, Error> {
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

/// The item of `found` whose partition key begins so.
fn of<'a>(found: &'a [Item], prefix: &str) -> Result<&'a Item, Error> {
    let its = |item: &&Item| string(item, "pk").is_ok_and(|pk| pk.starts_with(prefix));
    found.iter().find(its).ok_or_else(|| format!("there is no {prefix}").into())
}

fn string<'a>(item: &'a Item, name: &str) -> Result<&'a str, Error> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.map(String::as_str).ok_or_else(|| format!("an item has no {name}").into())
}

fn body(request: &ApiGatewayV2httpRequest) -> Result<Value, Error> {
    Ok(serde_json::from_str(request.body.as_deref().unwrap_or_default())?)
}

/// Who calls, as the authorizer found out.
fn caller(request: &ApiGatewayV2httpRequest) -> Result<&str, Error> {
    let authorizer = request.request_context.authorizer.as_ref();
    let user = authorizer.and_then(|authorizer| authorizer.fields.get("user_id")?.as_str());
    user.ok_or_else(|| "nobody calls".into())
}
