//! Facts: the part of each event that is counted, without personal data.

use contracts::{Envelope, Event, OrderEvent, OrderLine, PaymentEvent, UserEvent};
use kernel::{EventId, Money, ProductId, Timestamp};
use serde::{Deserialize, Serialize};

/// The maximum number of lines in one log entry. A transaction has at most 100 items: one for the product of each line,
/// one for the day and one for the entry.
const MAX_LINES: usize = 98;

/// A part of an event that is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Fact {
    /// An order was placed.
    Placed {
        /// The number of pieces.
        items: i64,
        /// The total of the order.
        value: Money,
    },
    /// An order was paid, so its lines are sold.
    Sold {
        /// The lines.
        lines: Vec<SoldLine>,
    },
    /// The lines of a paid order that did not fit into one entry with the others.
    #[serde(rename = "sold_too")]
    SoldContinued {
        /// The lines.
        lines: Vec<SoldLine>,
    },
    /// An order was cancelled, paid or not.
    Cancelled,
    /// A payment was captured.
    Captured {
        /// The amount.
        amount: Money,
    },
    /// An amount was refunded.
    Refunded {
        /// The amount.
        amount: Money,
    },
    /// An account was registered.
    Registered,
    /// An account was deleted.
    Deleted,
}

/// A line of an order that was sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldLine {
    /// The product.
    pub product_id: ProductId,
    /// The name of the product when it was ordered.
    pub name: String,
    /// The number of pieces.
    pub quantity: i64,
    /// The value of all pieces.
    pub value: Money,
}

/// A log entry: an event, or the part of it that fits into one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Whether this is the first entry of the event.
    pub kind: Kind,
    /// The type of the event.
    pub event_type: String,
    /// The context that published the event.
    pub source: String,
    /// The id of the order, payment or user that the event is about.
    pub subject: String,
    /// The position among the events of the subject.
    pub sequence: u64,
    /// The time of the event.
    pub time: Timestamp,
    /// The part of the event that is counted.
    pub fact: Fact,
}

/// The kind of a log entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The first entry of an event: there is one for each event that was counted.
    Counted,
    /// A further entry of an event.
    Continued,
}

impl LogEntry {
    /// Returns the log entries of an event, none if it is not counted.
    pub fn of<E: Event + Countable>(envelope: &Envelope<E>) -> Vec<Self> {
        let entry = |(index, fact)| Self {
            kind: if index == 0 { Kind::Counted } else { Kind::Continued },
            event_type: envelope.event.event_type().to_owned(),
            source: envelope.source.clone(),
            subject: envelope.subject.clone(),
            sequence: envelope.sequence,
            time: envelope.timestamp,
            fact,
        };
        envelope.event.facts().into_iter().enumerate().map(entry).collect()
    }
}

/// An event with its log entries.
#[derive(Debug, Clone)]
pub struct CountedEvent {
    /// The id of the event.
    pub id: EventId,
    /// The entries, none if the event is not counted.
    pub entries: Vec<LogEntry>,
}

impl<E: Event + Countable> From<&Envelope<E>> for CountedEvent {
    fn from(envelope: &Envelope<E>) -> Self {
        Self { id: envelope.event_id, entries: LogEntry::of(envelope) }
    }
}

/// Events that are counted.
pub trait Countable {
    /// Returns what is counted of this event, in parts that each fit into one transaction.
    fn facts(&self) -> Vec<Fact>;
}

impl Countable for OrderEvent {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::OrderPlaced(placed) => {
                let items = placed.lines.iter().map(|line| i64::from(line.quantity.get())).sum();
                vec![Fact::Placed { items, value: placed.total }]
            }
            Self::OrderConfirmed(confirmed) => {
                let lines: Vec<SoldLine> = confirmed.lines.iter().map(SoldLine::from).collect();
                let mut parts = lines.chunks(MAX_LINES).map(<[SoldLine]>::to_vec);
                let first = Fact::Sold { lines: parts.next().unwrap_or_default() };
                [first].into_iter().chain(parts.map(|lines| Fact::SoldContinued { lines })).collect()
            }
            Self::OrderCancelled(_) => vec![Fact::Cancelled],
            Self::CheckoutStarted(_)
            | Self::OrderProcessing(_)
            | Self::OrderShipped(_)
            | Self::OrderDelivered(_)
            | Self::OrderRefunded(_) => vec![],
        }
    }
}

impl Countable for PaymentEvent {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::PaymentProcessed(payment) => vec![Fact::Captured { amount: payment.amount }],
            Self::PaymentRefunded(payment) => vec![Fact::Refunded { amount: payment.amount }],
            Self::PaymentRequested(_) | Self::PaymentFailed(_) => vec![],
        }
    }
}

impl Countable for UserEvent {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::UserRegistered(_) => vec![Fact::Registered],
            Self::UserDeleted(_) => vec![Fact::Deleted],
            Self::UserUpdated(_) => vec![],
        }
    }
}

impl From<&OrderLine> for SoldLine {
    fn from(line: &OrderLine) -> Self {
        let quantity = i64::from(line.quantity.get());
        // This cannot overflow: the order's total is a valid amount, and it is not smaller.
        let minor = line.unit_price.minor().saturating_mul(quantity);
        let value = Money::from_minor(minor, line.unit_price.currency());
        Self { product_id: line.product_id, name: line.name.clone(), quantity, value }
    }
}
