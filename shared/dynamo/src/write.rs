//! Writes: all of them or none, each under its condition.

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

/// One write of a transaction.
///
/// In its expressions `#name` stands for the attribute `name` (many plain names are reserved words) and `:name` for a value.
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

/// Why a transaction did not happen.
#[derive(Debug, thiserror::Error)]
pub enum TransactError {
    /// A condition did not hold; nothing was written.
    #[error("a condition did not hold")]
    Refused(Refusal),
    /// The table did not answer; it may or may not have been written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which conditions did not hold.
#[derive(Debug, Default)]
pub struct Refusal {
    reasons: Vec<Option<Item>>,
}

impl Refusal {
    /// Whether the condition of the write at `index` failed.
    pub fn failed(&self, index: usize) -> bool {
        self.reasons.get(index).is_some_and(Option::is_some)
    }

    /// The item that was there instead, if the condition of the write at `index` failed; empty if none was.
    pub fn found(&self, index: usize) -> Option<&Item> {
        self.reasons.get(index).and_then(Option::as_ref)
    }
}

impl Write {
    /// Writes the whole of `item`.
    pub fn put(item: Item) -> Self {
        Self { kind: Kind::Put(item), condition: None, values: Item::new() }
    }

    /// Changes parts of the item at `key`, which is made if it is not there.
    pub fn update(key: Key, expression: impl Into<String>) -> Self {
        Self { kind: Kind::Update(key, expression.into()), condition: None, values: Item::new() }
    }

    /// Removes the item at `key`.
    pub fn delete(key: Key) -> Self {
        Self { kind: Kind::Delete(key), condition: None, values: Item::new() }
    }

    /// Writes nothing, but has a condition.
    pub fn check(key: Key) -> Self {
        Self { kind: Kind::Check(key), condition: None, values: Item::new() }
    }

    /// Only if this holds.
    #[must_use]
    pub fn only_if(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    /// Only if nothing is there.
    #[must_use]
    pub fn if_absent(self) -> Self {
        self.only_if("attribute_not_exists(pk)")
    }

    /// Only if nothing is there, or something of a smaller `sequence`: what was heard later stands.
    #[must_use]
    pub fn if_newer(self, sequence: u64) -> Self {
        self.only_if("attribute_not_exists(pk) OR #sequence < :sequence").with([number(":sequence", sequence)])
    }

    /// The values that the expressions name.
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

/// How often a transaction that met another one on the same item is tried.
const TRIES: u32 = 8;

impl Table {
    /// Writes all of `writes` or none. A transaction that merely met another one is tried again, with full jitter.
    ///
    /// # Errors
    /// [`TransactError::Refused`] when a condition did not hold, [`TransactError::Store`] when the table did not answer.
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
            let passing = ["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
            let will_pass = reasons.iter().all(|reason| passing.contains(&code(reason).as_str()));
            if attempt == TRIES || !will_pass {
                let is_conflict = will_pass && reasons.iter().any(|reason| code(reason) == "TransactionConflict");
                return Err(StoreError { is_conflict, ..self.failed("transact", Chain(error)) }.into());
            }
            pause(attempt).await;
            attempt += 1;
        }
    }

    /// As [`Table::transact`], for who need not know which condition did not hold: whether all was written.
    ///
    /// # Errors
    /// When the table did not answer.
    pub async fn transact_if_allowed(&self, writes: Vec<Write>) -> Result<bool, StoreError> {
        allowed(self.transact(writes).await)
    }

    /// One write by itself: half the price of a transaction, and no conflict with another like it.
    ///
    /// Only for what may be written twice: unlike a transaction it has no token, so that a try whose answer was lost is carried out
    /// again, or refused for what it has itself written.
    ///
    /// # Errors
    /// [`TransactError::Refused`] when its condition did not hold, [`TransactError::Store`] when the table did not answer.
    pub async fn write(&self, write: Write) -> Result<(), TransactError> {
        let item = write.build(self)?;
        let mut attempt = 1;
        while let Err(failure) = self.write_once(&item).await {
            match failure {
                Failure::Refused(found) => return Err(TransactError::Refused(Refusal { reasons: vec![Some(found)] })),
                Failure::Fault { passing: true, .. } if attempt < TRIES => pause(attempt).await,
                Failure::Fault { reason, passing } => {
                    return Err(StoreError { is_conflict: passing, ..self.failed("write", reason) }.into());
                }
            }
            attempt += 1;
        }
        Ok(())
    }

    /// As [`Table::write`]: whether it was written.
    ///
    /// # Errors
    /// When the table did not answer.
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
            return Err(Failure::Fault { reason: "a check writes nothing".to_owned(), passing: false });
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

/// Why a single write did not happen.
enum Failure {
    Refused(Item),
    Fault { reason: String, passing: bool },
}

impl Failure {
    fn refused(found: Option<&Item>) -> Self {
        Self::Refused(found.cloned().unwrap_or_default())
    }

    /// A write that meets a transaction on its item will pass; what else may pass, the SDK has retried.
    fn fault<E: ProvideErrorMetadata + std::error::Error + 'static>(error: SdkError<E>) -> Self {
        let passing = error.code() == Some("TransactionConflictException");
        Self::Fault { reason: Chain(error).to_string(), passing }
    }
}

fn allowed(done: Result<(), TransactError>) -> Result<bool, StoreError> {
    match done {
        Ok(()) => Ok(true),
        Err(TransactError::Refused(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// What lies between the tries of a write that met another one: full jitter, longer with each attempt.
pub async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..10_u64 << attempt))).await;
}

/// `#name` → `name` for every `#name` in the expressions.
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
