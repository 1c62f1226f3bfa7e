//! What the figures are made of: of each event only what is counted, and nothing personal.

use contracts::{Envelope, Event, OrderEvent, OrderLine, PaymentEvent, UserEvent};
use kernel::{EventId, Money, ProductId, Timestamp};
use serde::{Deserialize, Serialize};

/// How many lines one entry of the log takes: with each of their products, the day and the entry itself they fit into one transaction,
/// which has at most 100 items.
const MOST_LINES: usize = 98;

/// What is counted of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Fact {
    /// An order was placed.
    Placed {
        /// How many pieces.
        items: i64,
        /// For how much.
        value: Money,
    },
    /// An order was paid: what is in it is sold.
    Sold {
        /// What.
        lines: Vec<SoldLine>,
    },
    /// The lines of an order that did not fit beside the others.
    SoldToo {
        /// What.
        lines: Vec<SoldLine>,
    },
    /// An order was cancelled, paid or not.
    Cancelled,
    /// Money came.
    Captured {
        /// How much.
        amount: Money,
    },
    /// Money went back.
    Refunded {
        /// How much.
        amount: Money,
    },
    /// An account was made.
    Registered,
    /// An account was deleted.
    Deleted,
}

/// A product that was sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldLine {
    /// Which.
    pub product_id: ProductId,
    /// What it was called when it was ordered.
    pub name: String,
    /// How many.
    pub quantity: i64,
    /// For how much together.
    pub value: Money,
}

/// An entry of the log: an event, or the part of it that fits into one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Whether it is the event's first.
    pub kind: Kind,
    /// The event's name.
    pub event_type: String,
    /// The context that told it.
    pub source: String,
    /// The id of the thing it happened to.
    pub subject: String,
    /// Its place among the events of that subject.
    pub sequence: u64,
    /// When it happened.
    pub time: Timestamp,
    /// What is counted of it.
    pub fact: Fact,
}

/// Which entry of its event one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The first: there is one for each event that was counted.
    Counted,
    /// A further one.
    Continued,
}

impl Entry {
    /// What the log has of an event; nothing, if it is not one that is counted.
    pub fn of<E: Event + Telling>(envelope: &Envelope<E>) -> Vec<Self> {
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

/// What the log has of an event, under the event's id.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The event.
    pub id: EventId,
    /// Its entries; none, if it is not one that is counted.
    pub entries: Vec<Entry>,
}

impl<E: Event + Telling> From<&Envelope<E>> for Counted {
    fn from(envelope: &Envelope<E>) -> Self {
        Self { id: envelope.event_id, entries: Entry::of(envelope) }
    }
}

/// Events that are counted.
pub trait Telling {
    /// What is counted of this one, in parts that each fit into one transaction.
    fn facts(&self) -> Vec<Fact>;
}

impl Telling for OrderEvent {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::OrderPlaced(placed) => {
                let items = placed.lines.iter().map(|line| i64::from(line.quantity.get())).sum();
                vec![Fact::Placed { items, value: placed.total }]
            }
            Self::OrderConfirmed(confirmed) => {
                let lines: Vec<SoldLine> = confirmed.lines.iter().map(SoldLine::from).collect();
                let mut parts = lines.chunks(MOST_LINES).map(<[SoldLine]>::to_vec);
                let first = Fact::Sold { lines: parts.next().unwrap_or_default() };
                [first].into_iter().chain(parts.map(|lines| Fact::SoldToo { lines })).collect()
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

impl Telling for PaymentEvent {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::PaymentProcessed(payment) => vec![Fact::Captured { amount: payment.amount }],
            Self::PaymentRefunded(payment) => vec![Fact::Refunded { amount: payment.amount }],
            Self::PaymentRequested(_) | Self::PaymentFailed(_) => vec![],
        }
    }
}

impl Telling for UserEvent {
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
        // The order's total, which is no smaller, is an amount.
        let minor = line.unit_price.minor().saturating_mul(quantity);
        let value = Money::from_minor(minor, line.unit_price.currency());
        Self { product_id: line.product_id, name: line.name.clone(), quantity, value }
    }
}
