//! The events that `orders` publishes, which are also the entries of its log.

use kernel::{Money, OrderId, PaymentId, ProductId, Quantity, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

crate::events!(
    /// The events of an order, in the sequence in which they can happen.
    OrderEvent from "orders" {
        /// A customer placed an order. (Also known as `OrderCreated` and `order.created`.)
        OrderPlaced,
        /// The checkout of an order started.
        CheckoutStarted,
        /// Stock is reserved and the payment is authorized, so the order is sold.
        OrderConfirmed,
        /// The order is being packed.
        OrderProcessing,
        /// The order was shipped.
        OrderShipped,
        /// The order was delivered.
        OrderDelivered,
        /// The order was cancelled, before or after it was paid.
        OrderCancelled,
        /// The whole payment of the order was refunded.
        OrderRefunded,
    }
);

/// One product of an order, with its name and price at the time when the order was placed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct OrderLine {
    /// The product.
    pub product_id: ProductId,
    /// The name of the product at that time.
    pub name: String,
    /// The number of pieces.
    pub quantity: Quantity,
    /// The price of one piece at that time.
    pub unit_price: Money,
}

/// A product and a number of pieces, which is what inventory needs to know about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct StockLine {
    /// The product.
    pub product_id: ProductId,
    /// The number of pieces.
    pub quantity: Quantity,
}

/// A customer placed an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPlaced {
    /// The order.
    pub order_id: OrderId,
    /// The customer.
    pub user_id: UserId,
    /// The ordered products, each of them once.
    pub lines: Vec<OrderLine>,
    /// The total of the order.
    pub total: Money,
}

/// The checkout of an order started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckoutStarted {
    /// The order.
    pub order_id: OrderId,
    /// The customer, who pays.
    pub user_id: UserId,
    /// The products and quantities to reserve.
    pub lines: Vec<StockLine>,
    /// The amount to pay.
    pub total: Money,
    /// The provider's token of the payment method, which is never a card number.
    pub payment_method: String,
}

/// Stock is reserved and the payment is authorized, so the order is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderConfirmed {
    /// The order.
    pub order_id: OrderId,
    /// The customer.
    pub user_id: UserId,
    /// The payment, which is captured next.
    pub payment_id: PaymentId,
    /// The sold products.
    pub lines: Vec<OrderLine>,
    /// The total of the order.
    pub total: Money,
}

/// The order is being packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderProcessing {
    /// The order.
    pub order_id: OrderId,
    /// The customer.
    pub user_id: UserId,
}

/// The order was shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderShipped {
    /// The order.
    pub order_id: OrderId,
    /// The customer.
    pub user_id: UserId,
}

/// The order was delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderDelivered {
    /// The order.
    pub order_id: OrderId,
    /// The customer.
    pub user_id: UserId,
}

/// The order was cancelled, before or after it was paid. Reserved stock is released, and money is refunded or its
/// authorization is voided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancelled {
    /// The order.
    pub order_id: OrderId,
    /// The customer.
    pub user_id: UserId,
    /// The reason.
    pub reason: CancelReason,
    /// The products that are not sold.
    pub lines: Vec<OrderLine>,
    /// The amount that is not paid, or is refunded.
    pub total: Money,
}

/// The whole payment of a cancelled or delivered order was refunded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderRefunded {
    /// The order.
    pub order_id: OrderId,
    /// The customer.
    pub user_id: UserId,
    /// The refunded payment.
    pub payment_id: PaymentId,
    /// The refunded amount.
    pub total: Money,
}

/// Why an order was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// There was too little stock of a product.
    OutOfStock,
    /// The payment was declined, or could not be captured.
    PaymentDeclined,
    /// The payment provider did not respond, or gave no clear result, until the retries ended.
    PaymentUnavailable,
    /// A step of the checkout did not respond until the retries ended.
    CheckoutFailed,
    /// The customer cancelled it, or the shop did so on their behalf.
    Requested,
    /// The order was not paid in time.
    Unpaid,
}
