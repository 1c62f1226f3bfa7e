use kernel::{Invalid, ProductId};
use lambda::{
    http::{self, Reply, Request},
    input::Fields,
    openapi::{Object, Operation},
};

use schemars::{Schema, json_schema};
use serde_json::json;

use super::answer::{StockAnswer, example};
use crate::{
    Inventory, InventoryError, Outcome,
    domain::{Change, MOST_ON_HAND, Stock},
};

/// `PUT /products/{product_id}/inventory` and `PATCH /products/{product_id}/stock`: `quantity` or `stock` sets what is on hand,
/// `adjust` changes it.
pub async fn set_stock(inventory: &Inventory, request: &Request) -> Reply {
    let id: ProductId = request.id("product_id", "product")?;
    let change = request.body(read)?;
    let claim = request.idempotency(&(id, change))?;
    let respond = |stock: &Stock| http::answered(&StockAnswer::from(stock));
    match inventory.change(id, change, claim.as_ref(), request.now, respond).await? {
        Outcome::Stock(stock) => http::ok(&StockAnswer::from(&stock)),
        Outcome::Answer(answer) => Ok(answer.into()),
    }
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let form = |name, least| Object::new().required_as(name, pieces_schema(least));
    Operation::new("PUT /api/v1/products/{product_id}/inventory", "setStock", "Set or change the stock of a product")
        .also("PATCH /api/v1/products/{product_id}/stock", "changeStock")
        .describe("`quantity` or `stock` says how much is on hand, `adjust` how much came or, below zero, went.")
        .body(form("quantity", 0).example("set", json!({ "quantity": 100 })))
        .body(form("stock", 0).example("set, by its other name", json!({ "stock": 100 })))
        .body(form("adjust", -MOST_ON_HAND).example("change", json!({ "adjust": -1 })))
        .idempotent()
        .ok::<StockAnswer>("The stock as it is now.", example())
        .refuses(InventoryError::TooLittle { available: 3, reserved: 2 })
        .refuses(InventoryError::TooMuch { on_hand: MOST_ON_HAND })
        .refuses(InventoryError::Busy)
}

fn pieces_schema(least: i64) -> Schema {
    json_schema!({ "type": "integer", "minimum": least, "maximum": MOST_ON_HAND })
}

fn read(body: &Fields<'_>) -> Option<Change> {
    let names: Vec<&str> = ["quantity", "stock", "adjust"].into_iter().filter(|name| body.has(name)).collect();
    let name = match names[..] {
        [] => "quantity",
        [name] => name,
        [_, other, ..] => {
            return body.refuse(other, Invalid::new("ambiguous", "must be the only one of quantity, stock, adjust"));
        }
    };
    let pieces: i64 = body.required(name)?;
    let least = if name == "adjust" { -MOST_ON_HAND } else { 0 };
    if !(least..=MOST_ON_HAND).contains(&pieces) {
        return body.refuse(name, Invalid::new("out_of_range", format!("must be from {least} to {MOST_ON_HAND}")));
    }
    Some(if name == "adjust" { Change::Adjust(pieces) } else { Change::Set(pieces) })
}
