//! What is asked of payments.

use std::collections::BTreeMap;

use kernel::{OrderId, PaymentId, UserId};
use lambda::http::Caller;

use crate::{Payments, PaymentsError, domain::Payment, not_found};

impl Payments {
    /// The payment of an order, if one was tried.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of_order(&self, user_id: UserId, order_id: OrderId) -> Result<Option<Payment>, PaymentsError> {
        let payment = self.store.of_order(user_id, order_id).await?;
        Ok(payment.filter(Payment::was_tried))
    }

    /// The payment, if it is the caller's or the caller runs the shop.
    ///
    /// # Errors
    /// When there is no such payment for this caller.
    pub async fn find(&self, caller: Caller, id: PaymentId) -> Result<Payment, PaymentsError> {
        let payment = match self.store.find(caller.user_id, id).await? {
            None if caller.is_admin() => self.find_anyones(id).await?,
            own => own,
        };
        payment.filter(Payment::was_tried).ok_or_else(not_found)
    }

    /// Whosever payment, for an administrator; that of an order that was placed a moment ago, and may not have been heard of, is waited for.
    pub(crate) async fn find_anyones(&self, id: PaymentId) -> Result<Option<Payment>, PaymentsError> {
        match self.awaited_due(id).await? {
            Some(due) => Ok(self.store.find(due.user_id, id).await?),
            None => Ok(None),
        }
    }

    /// A page of a user's payments, newest first, and whether there are more; the id of the last one looked at.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of_user(
        &self,
        user_id: UserId,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Payment>, Option<PaymentId>), PaymentsError> {
        let (payments, more) = self.store.of_user(user_id, after, limit).await?;
        let next = payments.last().map(|last| last.id).filter(|_| more);
        Ok((payments.into_iter().filter(Payment::was_tried).collect(), next))
    }

    /// How many payments were captured, declined and refunded (in parts, each counted), and how much money that was, by the names of
    /// the counters.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn counters(&self) -> Result<BTreeMap<String, i64>, PaymentsError> {
        Ok(self.store.table().counters().await?)
    }
}
