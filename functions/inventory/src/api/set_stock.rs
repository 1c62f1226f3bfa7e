use deserr::Deserr;
use kernel::{Invalid, ProductId};
use lambda::{
    http::{self, ApiRequest, Reply, Request},
    input::{InvalidFields, Rules, Whole, required},
    openapi::{Form, Operation},
    policy::{Access, Limit, Route},
    problem::Problem,
};
use schemars::JsonSchema;
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

#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct SetStock {
    #[deserr(default)]
    quantity: Option<Whole<0, MAX_ON_HAND>>,
    #[deserr(default)]
    stock: Option<Whole<0, MAX_ON_HAND>>,
    #[deserr(default)]
    adjust: Option<Whole<{ -MAX_ON_HAND }, MAX_ON_HAND>>,
}

/// `PUT /products/{product_id}/inventory` and `PATCH /products/{product_id}/stock`: sets the number of pieces on hand
/// (`quantity` or `stock`), or changes it (`adjust`).
pub async fn set_stock(inventory: &Inventory, request: Request) -> Reply {
    let id: ProductId = request.id("product_id", "product")?;
    let change = request.json_with::<SetStock>(one_change)?.change()?;
    let idempotency_key = request.idempotency_key(&(id, change))?;
    let respond = |stock: &Stock| http::stored_ok(&StockResponse::from(stock));
    match inventory.change(id, change, idempotency_key.as_ref(), request.now(), respond).await? {
        Outcome::Stock(stock) => http::ok(&StockResponse::from(&stock)),
        Outcome::Replayed(response) => Ok(response.into()),
    }
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let form = |name, others| Form::of::<SetStock>().without(others).requiring(&[name]);
    Operation::new(SET_STOCK, "setStock", "Set or change the stock of a product")
        .also(CHANGE_STOCK, "changeStock")
        .describe(
            "`quantity` (or its alias `stock`) sets the number of pieces on hand. `adjust` adds to it or, if negative, \
             subtracts from it. Exactly one of them is required.",
        )
        .body(form("quantity", &["stock", "adjust"]).example("set", json!({ "quantity": 100 })))
        .body(form("stock", &["quantity", "adjust"]).example("set by alias", json!({ "stock": 100 })))
        .body(form("adjust", &["quantity", "stock"]).example("change", json!({ "adjust": -1 })))
        .idempotent()
        .ok::<StockResponse>("The stock after the change.", example())
        .refuses(InventoryError::TooLittle { available: 3, reserved: 2 })
        .refuses(InventoryError::TooMuch { on_hand: MAX_ON_HAND })
        .refuses(InventoryError::Busy)
}

impl SetStock {
    fn change(self) -> Result<Change, Problem> {
        let set = self.quantity.or(self.stock).map(|pieces| Change::Set(pieces.get()));
        let adjust = self.adjust.map(|pieces| Change::Adjust(pieces.get()));
        set.or(adjust).ok_or_else(|| Problem::invalid("quantity", required()))
    }
}

/// Requires exactly one of the fields.
fn one_change(body: &mut Rules) {
    let given: Vec<&str> = ["quantity", "stock", "adjust"].into_iter().filter(|name| body.has(name)).collect();
    match given[..] {
        [] => body.refuse("quantity", required()),
        [_] => {}
        [_, second, ..] => {
            let others = if second == "stock" { "quantity or adjust" } else { "quantity or stock" };
            body.refuse(second, Invalid::new("ambiguous", format!("must not be combined with {others}")));
        }
    }
}
