//! What `orders` tells: the same events its log is made of.

use kernel::{Money, OrderId, PaymentId, ProductId, Quantity, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

crate::events!(
    /// The events of an order, in the order they can happen.
    OrderEvent from "orders" {
        /// A customer ordered. (Also known as `OrderCreated` and `order.created`.)
        OrderPlaced,
        /// The order is to be paid; the checkout workflow starts.
        CheckoutStarted,
        /// Stock is reserved and payment is authorized: the sale stands.
        OrderConfirmed,
        /// The order is being packed.
        OrderProcessing,
        /// The order left the house.
        OrderShipped,
        /// The order arrived.
        OrderDelivered,
        /// The order ended without a sale.
        OrderCancelled,
        /// All that was paid for the order went back.
        OrderRefunded,
    }
);

/// One product of an order at the price of the day it was placed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct OrderLine {
    /// What was ordered.
    pub product_id: ProductId,
    /// What it was called then.
    pub name: String,
    /// How many.
    pub quantity: Quantity,
    /// What one piece cost then.
    pub unit_price: Money,
}

/// How many of a product; what inventory needs to know of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct StockLine {
    /// What.
    pub product_id: ProductId,
    /// How many.
    pub quantity: Quantity,
}

/// A customer ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPlaced {
    /// The order.
    pub order_id: OrderId,
    /// Who ordered.
    pub user_id: UserId,
    /// What, each product once.
    pub lines: Vec<OrderLine>,
    /// What all of it costs.
    pub total: Money,
}

/// The order is to be paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckoutStarted {
    /// The order.
    pub order_id: OrderId,
    /// Who pays.
    pub user_id: UserId,
    /// What is to be reserved.
    pub lines: Vec<StockLine>,
    /// What is to be paid.
    pub total: Money,
    /// The provider's token of the means of payment; never a card number.
    pub payment_method: String,
}

/// Stock is reserved and payment is authorized.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderConfirmed {
    /// The order.
    pub order_id: OrderId,
    /// Whose.
    pub user_id: UserId,
    /// The payment that is now captured.
    pub payment_id: PaymentId,
    /// What was sold.
    pub lines: Vec<OrderLine>,
    /// For how much.
    pub total: Money,
}

/// The order is being packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderProcessing {
    /// The order.
    pub order_id: OrderId,
    /// Whose.
    pub user_id: UserId,
}

/// The order left the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderShipped {
    /// The order.
    pub order_id: OrderId,
    /// Whose.
    pub user_id: UserId,
}

/// The order arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderDelivered {
    /// The order.
    pub order_id: OrderId,
    /// Whose.
    pub user_id: UserId,
}

/// The order ended without a sale: money and stock go back where they came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancelled {
    /// The order.
    pub order_id: OrderId,
    /// Whose.
    pub user_id: UserId,
    /// Why.
    pub reason: CancelReason,
    /// What is not sold after all.
    pub lines: Vec<OrderLine>,
    /// What is not paid, or paid back.
    pub total: Money,
}

/// All that was paid for a cancelled or a delivered order went back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderRefunded {
    /// The order.
    pub order_id: OrderId,
    /// Whose.
    pub user_id: UserId,
    /// The payment that was given back.
    pub payment_id: PaymentId,
    /// How much.
    pub total: Money,
}

/// Why an order was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// There was too little of something.
    OutOfStock,
    /// The bank said no.
    PaymentDeclined,
    /// The payment provider did not answer, or not clearly, for as long as we asked.
    PaymentUnavailable,
    /// A part of the shop did not answer for as long as we asked.
    CheckoutFailed,
    /// The customer, or the shop for them, did not want it any more.
    Requested,
    /// Nobody paid it in time.
    Unpaid,
}
