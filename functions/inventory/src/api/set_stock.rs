use kernel::{Invalid, ProductId};
use lambda::{
    http::{self, Reply, Request},
    input::Fields,
    openapi::{Object, Operation},
    policy::{Access, Limit, Route},
};
use schemars::{Schema, json_schema};
use serde_json::json;

use super::response::{StockResponse, example};
use crate::{
    Inventory, InventoryError, Outcome,
    domain::{Change, MAX_ON_HAND, Stock},
};

pub(crate) const SET_STOCK: Route =
    Route::new("PUT /api/v1/products/{product_id}/inventory", Access::Admin).limited(Limit::Writes);
pub(crate) const CHANGE_STOCK: Route =
    Route::new("PATCH /api/v1/products/{product_id}/stock", Access::Admin).limited(Limit::Writes);

/// `PUT /products/{product_id}/inventory` and `PATCH /products/{product_id}/stock`: sets the number of pieces on hand
/// (`quantity` or `stock`), or changes it (`adjust`).
pub async fn set_stock(inventory: &Inventory, request: &Request) -> Reply {
    let id: ProductId = request.id("product_id", "product")?;
    let change = request.body(read)?;
    let idempotency_key = request.idempotency_key(&(id, change))?;
    let respond = |stock: &Stock| http::stored_ok(&StockResponse::from(stock));
    match inventory.change(id, change, idempotency_key.as_ref(), request.now, respond).await? {
        Outcome::Stock(stock) => http::ok(&StockResponse::from(&stock)),
        Outcome::Replayed(response) => Ok(response.into()),
    }
}

/// The OpenAPI description of the endpoint.
pub(super) fn operation() -> Operation {
    let form = |name, least| Object::new().required_as(name, pieces_schema(least));
    Operation::new(SET_STOCK, "setStock", "Set or change the stock of a product")
        .also(CHANGE_STOCK, "changeStock")
        .describe(
            "`quantity` (or its alias `stock`) sets the number of pieces on hand. `adjust` adds to it or, if negative, \
             subtracts from it. Exactly one of them is required.",
        )
        .body(form("quantity", 0).example("set", json!({ "quantity": 100 })))
        .body(form("stock", 0).example("set by alias", json!({ "stock": 100 })))
        .body(form("adjust", -MAX_ON_HAND).example("change", json!({ "adjust": -1 })))
        .idempotent()
        .ok::<StockResponse>("The stock after the change.", example())
        .refuses(InventoryError::TooLittle { available: 3, reserved: 2 })
        .refuses(InventoryError::TooMuch { on_hand: MAX_ON_HAND })
        .refuses(InventoryError::Busy)
}

fn pieces_schema(least: i64) -> Schema {
    json_schema!({ "type": "integer", "minimum": least, "maximum": MAX_ON_HAND })
}

fn read(body: &Fields<'_>) -> Option<Change> {
    let names: Vec<&str> = ["quantity", "stock", "adjust"].into_iter().filter(|name| body.has(name)).collect();
    let name = match names[..] {
        [] => "quantity",
        [name] => name,
        [_, other, ..] => {
            let others = if other == "stock" { "quantity or adjust" } else { "quantity or stock" };
            return body.refuse(other, Invalid::new("ambiguous", format!("must not be combined with {others}")));
        }
    };
    let pieces: i64 = body.required(name)?;
    let least = if name == "adjust" { -MAX_ON_HAND } else { 0 };
    if !(least..=MAX_ON_HAND).contains(&pieces) {
        return body.refuse(name, Invalid::new("out_of_range", format!("must be from {least} to {MAX_ON_HAND}")));
    }
    Some(if name == "adjust" { Change::Adjust(pieces) } else { Change::Set(pieces) })
}
