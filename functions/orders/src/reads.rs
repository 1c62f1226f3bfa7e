//! What is asked of orders.

use std::collections::BTreeMap;

use kernel::{OrderId, Timestamp, UserId};
use lambda::http::Caller;

use crate::{
    Orders, OrdersError,
    domain::{Order, Payment, Status},
    store::{Count, Entry},
};

impl Orders {
    /// The order, if it is the caller's or the caller runs the shop: up to date to the last write.
    ///
    /// # Errors
    /// When there is no such order for this caller.
    pub async fn find(&self, caller: Caller, id: OrderId) -> Result<Order, OrdersError> {
        let own = self.store.view(caller.user_id, id).await?;
        match own {
            Some(order) => Ok(order),
            None if caller.is_admin() => self.load(id).await,
            None => Err(OrdersError::NotFound),
        }
    }

    /// The order as it stood at `moment`, for whom [`Orders::find`] finds it.
    ///
    /// # Errors
    /// As there, and when it was not placed by then.
    pub async fn find_at(&self, caller: Caller, id: OrderId, moment: Timestamp) -> Result<Order, OrdersError> {
        let order = self.find(caller, id).await?;
        if order.updated_at <= moment {
            return Ok(order);
        }
        self.store.at(id, order.sequence, moment).await?.ok_or(OrdersError::NotFound)
    }

    /// Up to `limit` events of an order behind the `after`th, the oldest first, and whether there are more.
    ///
    /// # Errors
    /// As [`Orders::find`].
    pub async fn history(
        &self,
        caller: Caller,
        id: OrderId,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<Entry>, bool), OrdersError> {
        self.find(caller, id).await?;
        Ok(self.store.history(id, after, limit).await?)
    }

    /// The last `limit` events of an order that was found, the oldest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn latest(&self, order: &Order, limit: usize) -> Result<Vec<Entry>, OrdersError> {
        let (mut entries, _) = self.store.latest(order.id, limit).await?;
        entries.reverse();
        Ok(entries)
    }

    /// What was heard of the payment of an order that was found.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn payment(&self, order: &Order) -> Result<Option<Payment>, OrdersError> {
        Ok(self.store.payment(order.id).await?)
    }

    /// A page of one user's orders, newest first: up to date to the last write.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of_user(
        &self,
        user_id: UserId,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Order>, bool), OrdersError> {
        Ok(self.store.of_user(user_id, after, limit).await?)
    }

    /// A page of all orders, or of those in one state, newest first; a moment behind the last write.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of_all(
        &self,
        status: Option<Status>,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Order>, bool), OrdersError> {
        Ok(self.store.of_all(status, after, limit).await?)
    }

    /// How many orders there are in each state, and of how much money; those that are pending as far as the index has them.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn counts(&self) -> Result<BTreeMap<Status, Count>, OrdersError> {
        Ok(self.store.counts().await?)
    }

    pub(crate) async fn load(&self, id: OrderId) -> Result<Order, OrdersError> {
        self.store.order(id).await?.ok_or(OrdersError::NotFound)
    }
}
