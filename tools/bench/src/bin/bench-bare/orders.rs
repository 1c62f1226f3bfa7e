//! The bare orders: place an order, and read one.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use jiff::Timestamp;
use lambda_runtime::Error;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Bare, Item, body, caller, find, item, key, map, number, string, text};

/// The time by which an order charges the customer's rate limit.
const INTERVAL_MICROS: i64 = 600;

impl Bare {
    /// Places an order with one BatchGetItem of three items and one TransactWriteItems of the rate limit, the order, a
    /// counter, and one event or, for a checkout, two.
    pub async fn place(&self, request: &ApiGatewayV2httpRequest, is_checkout: bool) -> Result<String, Error> {
        let (user, wanted) = (caller(request)?, body(request)?);
        let product_id = wanted["items"][0]["product_id"].as_str().unwrap_or_default();
        let quantity = wanted["items"][0]["quantity"].as_i64().unwrap_or_default();
        let bucket = key(&format!("LIMIT#bare#{user}"), "BUCKET");
        let keys =
            vec![key(&format!("USER#{user}"), "COPY"), bucket.clone(), key(&format!("PRODUCT#{product_id}"), "COPY")];
        let found = self.get_many(keys, false).await?;
        let product = find(&found, "PRODUCT#")?;
        let name = string(product, "name")?;
        let price = product.get("price").and_then(|price| price.as_m().ok()).ok_or("a product has no price")?;
        let amount = string(price, "amount")?;

        let (id, now) = (Uuid::now_v7(), Timestamp::now());
        let at = now.to_string();
        let money = || map([("amount", text(amount)), ("currency", text("USD"))]);
        let line = map([
            ("product_id", text(product_id)),
            ("name", text(name)),
            ("quantity", number(quantity)),
            ("unit_price", money()),
        ]);
        let order = item([
            ("pk", text(format!("USER#{user}"))),
            ("sk", text(format!("ORDER#{id}"))),
            ("gsi1pk", text(format!("STATUS#pending#{}", id.as_bytes()[15] % 4))),
            ("gsi1sk", text(id)),
            ("id", text(id)),
            ("user_id", text(user)),
            ("status", text("pending")),
            ("sequence", number(1 + i32::from(is_checkout))),
            ("lines", AttributeValue::L(vec![line])),
            ("total", money()),
            ("in_checkout", AttributeValue::Bool(is_checkout)),
            ("placed_at", text(&at)),
            ("updated_at", text(&at)),
        ]);
        let price = json!({ "amount": amount, "currency": "USD" });
        let lines = json!([{ "product_id": product_id, "name": name, "quantity": quantity, "unit_price": price }]);
        let placed = json!({ "order_id": id, "user_id": user, "lines": lines, "total": price });
        let mut writes = vec![
            charge(&self.table, bucket, now)?,
            put(&self.table, order, false)?,
            count(&self.table, id)?,
            put(&self.table, event(id, user, &at, 1, "OrderPlaced", &placed), true)?,
        ];
        if is_checkout {
            let mut started = placed;
            started["payment_method"] = wanted["payment_method"].clone();
            writes.push(put(&self.table, event(id, user, &at, 2, "CheckoutStarted", &started), true)?);
        }
        self.dynamodb.transact_write_items().set_transact_items(Some(writes)).send().await?;
        let response = json!({
            "id": id,
            "user_id": user,
            "status": "pending",
            "items": [{ "product_id": product_id, "name": name, "quantity": quantity, "unit_price": amount }],
            "total_amount": amount,
            "currency": "USD",
            "created_at": at,
            "updated_at": at,
        });
        Ok(response.to_string())
    }

    /// Reads an order with one GetItem.
    pub async fn order(&self, request: &ApiGatewayV2httpRequest) -> Result<String, Error> {
        let id = request.path_parameters.get("order_id").ok_or("the path has no order id")?;
        let found = self.get(key(&format!("USER#{}", caller(request)?), &format!("ORDER#{id}"))).await?;
        let order: Value = serde_dynamo::from_item(found)?;
        Ok(order.to_string())
    }
}

/// Returns an event of the log, which the stream of a table would publish.
fn event(id: Uuid, user: &str, at: &str, sequence: u32, event_type: &str, data: &Value) -> Item {
    let correlation = Uuid::now_v7();
    let envelope = json!({
        "event_id": Uuid::now_v7(),
        "version": "1.0",
        "timestamp": at,
        "source": "orders",
        "correlation_id": correlation,
        "traceparent": format!("00-{}-{:016x}-01", Uuid::new_v4().simple(), rand::random::<u64>()),
        "subject": id,
        "sequence": sequence,
        "event_type": event_type,
        "data": data,
    });
    item([
        ("pk", text(format!("ORDER#{id}"))),
        ("sk", text(format!("EVENT#{sequence:06}"))),
        ("kind", text("event")),
        ("source", text("orders")),
        ("event_type", text(event_type)),
        ("correlation_id", text(correlation)),
        ("actor", map([("kind", text("user")), ("user_id", text(user)), ("role", text("customer"))])),
        ("envelope", text(envelope.to_string())),
    ])
}

/// Charges the customer's rate limit. The condition is evaluated, but always holds.
fn charge(table: &str, bucket: Item, now: Timestamp) -> Result<TransactWriteItem, Error> {
    let next = now.as_microsecond() + INTERVAL_MICROS;
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(bucket))
        .update_expression("SET full_at = :next, expires_at = :expires")
        .condition_expression("attribute_not_exists(full_at) OR full_at < :never")
        .expression_attribute_values(":next", number(next))
        .expression_attribute_values(":never", number(i64::MAX))
        .expression_attribute_values(":expires", number(now.as_second() + 120));
    Ok(TransactWriteItem::builder().update(update.build()?).build())
}

fn put(table: &str, item: Item, if_absent: bool) -> Result<TransactWriteItem, Error> {
    let condition = if_absent.then(|| "attribute_not_exists(pk)".to_owned());
    let put = Put::builder().table_name(table).set_item(Some(item)).set_condition_expression(condition);
    Ok(TransactWriteItem::builder().put(put.build()?).build())
}

/// Counts the order in one of 256 shards.
fn count(table: &str, id: Uuid) -> Result<TransactWriteItem, Error> {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(key(&format!("STATS#bare#{:02x}", id.as_bytes()[15]), "STATS")))
        .update_expression("ADD pending_orders :one, pending_USD :amount")
        .expression_attribute_values(":one", number(1))
        .expression_attribute_values(":amount", number(1_250));
    Ok(TransactWriteItem::builder().update(update.build()?).build())
}
