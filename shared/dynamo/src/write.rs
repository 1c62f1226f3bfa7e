//! Conditional writes and transactions.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        delete_item::DeleteItemError, put_item::PutItemError, transact_write_items::TransactWriteItemsError,
        update_item::UpdateItemError,
    },
    types::{
        CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure::AllOld,
        TransactWriteItem, Update,
    },
};

use kernel::Chain;

use crate::{Item, Key, StoreError, Table, number};

/// A write, alone or in a transaction.
///
/// In its expressions, `#name` stands for the attribute `name`, because many names are reserved words, and `:name`
/// stands for a value.
#[derive(Debug, Clone)]
pub struct Write {
    kind: Kind,
    condition: Option<String>,
    values: Item,
}

#[derive(Debug, Clone)]
enum Kind {
    Put(Item),
    Update(Key, String),
    Delete(Key),
    Check(Key),
}

/// Why a write or a transaction failed.
#[derive(Debug, thiserror::Error)]
pub enum TransactError {
    /// A condition did not hold. Nothing was written.
    #[error("a condition did not hold")]
    Refused(Refusal),
    /// The table did not respond. Whether it was written is not known.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which conditions did not hold.
#[derive(Debug, Default)]
pub struct Refusal {
    reasons: Vec<Option<Item>>,
}

impl Refusal {
    /// Returns whether the condition of the write at `index` failed.
    pub fn failed(&self, index: usize) -> bool {
        self.reasons.get(index).is_some_and(Option::is_some)
    }

    /// Returns the existing item if the condition of the write at `index` failed. It is empty if there was no item.
    pub fn found(&self, index: usize) -> Option<&Item> {
        self.reasons.get(index).and_then(Option::as_ref)
    }
}

impl Write {
    /// Writes the whole item.
    pub fn put(item: Item) -> Self {
        Self { kind: Kind::Put(item), condition: None, values: Item::new() }
    }

    /// Updates attributes of the item at `key`, and creates it if it does not exist.
    pub fn update(key: Key, expression: impl Into<String>) -> Self {
        Self { kind: Kind::Update(key, expression.into()), condition: None, values: Item::new() }
    }

    /// Deletes the item at `key`.
    pub fn delete(key: Key) -> Self {
        Self { kind: Kind::Delete(key), condition: None, values: Item::new() }
    }

    /// Writes nothing and only checks a condition of the item at `key`.
    pub fn check(key: Key) -> Self {
        Self { kind: Kind::Check(key), condition: None, values: Item::new() }
    }

    /// Writes only if `condition` holds.
    #[must_use]
    pub fn only_if(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    /// Writes only if the item does not exist.
    #[must_use]
    pub fn if_absent(self) -> Self {
        self.only_if("attribute_not_exists(pk)")
    }

    /// Writes only if the item does not exist or has a smaller `sequence`, so that a late event does not overwrite a
    /// newer one.
    #[must_use]
    pub fn if_newer(self, sequence: u64) -> Self {
        self.only_if("attribute_not_exists(pk) OR #sequence < :sequence").with([number(":sequence", sequence)])
    }

    /// Adds values that the expressions use.
    #[must_use]
    pub fn with(mut self, values: impl IntoIterator<Item = (String, crate::AttributeValue)>) -> Self {
        self.values.extend(values);
        self
    }

    fn build(self, table: &Table) -> Result<TransactWriteItem, StoreError> {
        let invalid = |error| table.failed("build a write", error);
        let values = Some(self.values).filter(|values| !values.is_empty());
        let update = if let Kind::Update(_, expression) = &self.kind { expression.as_str() } else { "" };
        let names = names_in(&[update, self.condition.as_deref().unwrap_or_default()]);
        let item = TransactWriteItem::builder();
        Ok(match self.kind {
            Kind::Put(whole) => item.put(
                Put::builder()
                    .table_name(&table.name)
                    .set_item(Some(whole))
                    .set_condition_expression(self.condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(AllOld)
                    .build()
                    .map_err(invalid)?,
            ),
            Kind::Update(key, expression) => item.update(
                Update::builder()
                    .table_name(&table.name)
                    .set_key(Some(key.attributes()))
                    .update_expression(expression)
                    .set_condition_expression(self.condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(AllOld)
                    .build()
                    .map_err(invalid)?,
            ),
            Kind::Delete(key) => item.delete(
                Delete::builder()
                    .table_name(&table.name)
                    .set_key(Some(key.attributes()))
                    .set_condition_expression(self.condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(AllOld)
                    .build()
                    .map_err(invalid)?,
            ),
            Kind::Check(key) => item.condition_check(
                ConditionCheck::builder()
                    .table_name(&table.name)
                    .set_key(Some(key.attributes()))
                    .set_condition_expression(self.condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(AllOld)
                    .build()
                    .map_err(invalid)?,
            ),
        }
        .build())
    }
}

/// The maximum number of attempts of a write that conflicts with other transactions.
const MAX_ATTEMPTS: u32 = 8;

impl Table {
    /// Writes all of `writes` or none. A transaction that only conflicts with another one is retried, with full jitter.
    ///
    /// # Errors
    /// [`TransactError::Refused`] if a condition does not hold, [`TransactError::Store`] if the table does not respond.
    pub async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        let items: Vec<_> = writes.into_iter().map(|write| write.build(self)).collect::<Result<_, _>>()?;
        let mut attempt = 1;
        loop {
            let sent = self.client.transact_write_items().set_transact_items(Some(items.clone())).send().await;
            let Err(error) = sent else { return Ok(()) };
            let reasons = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    cancelled.cancellation_reasons()
                }
                _ => return Err(self.failed("transact", Chain(error)).into()),
            };
            let code = |reason: &CancellationReason| reason.code().unwrap_or_default().to_owned();
            if reasons.iter().any(|reason| code(reason) == "ConditionalCheckFailed") {
                let reasons = reasons
                    .iter()
                    .map(|reason| {
                        (code(reason) == "ConditionalCheckFailed").then(|| reason.item().cloned().unwrap_or_default())
                    })
                    .collect();
                return Err(TransactError::Refused(Refusal { reasons }));
            }
            let retryable = ["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
            let can_retry = reasons.iter().all(|reason| retryable.contains(&code(reason).as_str()));
            if attempt == MAX_ATTEMPTS || !can_retry {
                let is_conflict = can_retry && reasons.iter().any(|reason| code(reason) == "TransactionConflict");
                return Err(StoreError { is_conflict, ..self.failed("transact", Chain(error)) }.into());
            }
            pause(attempt).await;
            attempt += 1;
        }
    }

    /// Runs [`Table::transact`] and returns whether all conditions held, for callers that need not know which one
    /// failed.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn transact_if_allowed(&self, writes: Vec<Write>) -> Result<bool, StoreError> {
        allowed(self.transact(writes).await)
    }

    /// Executes a single write, at half the price of a transaction. Single writes do not conflict with each other.
    ///
    /// Use it only for writes that may be repeated. Unlike a transaction, it has no token: if the response is lost, the
    /// write is executed again, or its condition fails because of what it has already written.
    ///
    /// # Errors
    /// [`TransactError::Refused`] if its condition does not hold, [`TransactError::Store`] if the table does not
    /// respond.
    pub async fn write(&self, write: Write) -> Result<(), TransactError> {
        let item = write.build(self)?;
        let mut attempt = 1;
        while let Err(failure) = self.write_once(&item).await {
            match failure {
                Failure::Refused(found) => return Err(TransactError::Refused(Refusal { reasons: vec![Some(found)] })),
                Failure::Fault { is_conflict: true, .. } if attempt < MAX_ATTEMPTS => pause(attempt).await,
                Failure::Fault { reason, is_conflict } => {
                    return Err(StoreError { is_conflict, ..self.failed("write", reason) }.into());
                }
            }
            attempt += 1;
        }
        Ok(())
    }

    /// Runs [`Table::write`] and returns whether the condition held.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn write_if_allowed(&self, write: Write) -> Result<bool, StoreError> {
        allowed(self.write(write).await)
    }

    async fn write_once(&self, item: &TransactWriteItem) -> Result<(), Failure> {
        if let Some(put) = &item.put {
            let request = self
                .client
                .put_item()
                .table_name(&put.table_name)
                .set_item(Some(put.item.clone()))
                .set_condition_expression(put.condition_expression.clone())
                .set_expression_attribute_names(put.expression_attribute_names.clone())
                .set_expression_attribute_values(put.expression_attribute_values.clone());
            let sent = request.return_values_on_condition_check_failure(AllOld).send().await;
            return sent.map(drop).map_err(|error| match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => Failure::refused(refused.item()),
                _ => Failure::fault(error),
            });
        }
        if let Some(update) = &item.update {
            let request = self
                .client
                .update_item()
                .table_name(&update.table_name)
                .set_key(Some(update.key.clone()))
                .update_expression(&update.update_expression)
                .set_condition_expression(update.condition_expression.clone())
                .set_expression_attribute_names(update.expression_attribute_names.clone())
                .set_expression_attribute_values(update.expression_attribute_values.clone());
            let sent = request.return_values_on_condition_check_failure(AllOld).send().await;
            return sent.map(drop).map_err(|error| match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => Failure::refused(refused.item()),
                _ => Failure::fault(error),
            });
        }
        let Some(delete) = &item.delete else {
            return Err(Failure::Fault { reason: "a check writes nothing".to_owned(), is_conflict: false });
        };
        let request = self
            .client
            .delete_item()
            .table_name(&delete.table_name)
            .set_key(Some(delete.key.clone()))
            .set_condition_expression(delete.condition_expression.clone())
            .set_expression_attribute_names(delete.expression_attribute_names.clone())
            .set_expression_attribute_values(delete.expression_attribute_values.clone());
        let sent = request.return_values_on_condition_check_failure(AllOld).send().await;
        sent.map(drop).map_err(|error| match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(refused)) => Failure::refused(refused.item()),
            _ => Failure::fault(error),
        })
    }
}

/// Why a single write failed.
enum Failure {
    Refused(Item),
    Fault { reason: String, is_conflict: bool },
}

impl Failure {
    fn refused(found: Option<&Item>) -> Self {
        Self::Refused(found.cloned().unwrap_or_default())
    }

    /// Converts an SDK error. Only a conflict with a transaction is worth a retry: the SDK has retried other transient
    /// errors.
    fn fault<E: ProvideErrorMetadata + std::error::Error + 'static>(error: SdkError<E>) -> Self {
        let is_conflict = error.code() == Some("TransactionConflictException");
        Self::Fault { reason: Chain(error).to_string(), is_conflict }
    }
}

fn allowed(result: Result<(), TransactError>) -> Result<bool, StoreError> {
    match result {
        Ok(()) => Ok(true),
        Err(TransactError::Refused(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// Waits between two attempts of a write that had a conflict, with full jitter and for longer with each attempt.
pub async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..10_u64 << attempt))).await;
}

/// Maps every `#name` in the expressions to `name`.
fn names_in(expressions: &[&str]) -> Option<std::collections::HashMap<String, String>> {
    let names: std::collections::HashMap<_, _> = expressions
        .iter()
        .flat_map(|expression| expression.split('#').skip(1))
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default())
        .map(|name| (format!("#{name}"), name.to_owned()))
        .collect();
    Some(names).filter(|names| !names.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_expressions() {
        let names = names_in(&["SET #status = :s, version = :v", "#status = :old AND #ttl < :now"]).expect("two names");
        assert_eq!(names.len(), 2);
        assert_eq!(names["#status"], "status");
        assert_eq!(names["#ttl"], "ttl");
        assert_eq!(names_in(&["SET version = :v"]), None);
    }
}
