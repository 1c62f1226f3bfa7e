//! What notifications hears. Each tells of one type of event and passes over the others.

mod replicate_contact;
mod tell;

pub use replicate_contact::replicate_contact;
pub use tell::{
    order_cancelled, order_confirmed, order_placed, order_refunded, order_shipped, payment_failed, payment_processed,
    user_registered,
};
