use kernel::{Invalid, ProductId};
use lambda::{
    http::{self, Reply, Request},
    input::Fields,
};

use super::answer::StockAnswer;
use crate::{
    Inventory,
    domain::{Change, MOST_ON_HAND},
};

/// `PUT /products/{product_id}/inventory` and `PATCH /products/{product_id}/stock`: `quantity` or `stock` sets what is on hand,
/// `adjust` changes it.
pub async fn set_stock(inventory: &Inventory, request: &Request) -> Reply {
    let id: ProductId = request.id("product_id", "product")?;
    let change = request.body(read)?;
    http::ok(&StockAnswer::from(inventory.change(id, change).await?))
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
