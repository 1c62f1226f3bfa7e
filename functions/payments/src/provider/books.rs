//! What the simulator knows of an order, and what it says to what it is asked. Pure.

use std::collections::BTreeMap;

use kernel::{Money, RefundId};
use serde::{Deserialize, Serialize};

use super::{Answer, Call};
use crate::domain::Due;

/// What the simulator knows of an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Books {
    /// Where the order's money is.
    pub state: State,
    #[serde(default)]
    method: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Money>,
    /// How often it failed.
    #[serde(default)]
    failures: u32,
    /// What went back.
    #[serde(default)]
    pub refunds: BTreeMap<RefundId, Money>,
    /// How often this was written.
    pub version: u64,
}

/// Where an order's money is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nowhere yet: every call so far has failed.
    Failing,
    /// Set aside.
    Authorized,
    /// The card was declined.
    Declined,
    /// Taken.
    Captured,
    /// Free again, for good.
    Voided,
}

/// What the simulator does when it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It answers.
    Says(Answer),
    /// A fault of its own.
    Fails,
    /// It has done it, and says nothing.
    NeverAnswers,
}

/// The cards it knows: their names, and what they are for.
pub(crate) const CARDS: [(&str, &str); 9] = [
    ("pm_card_visa", "succeeds"),
    ("pm_card_chargeDeclined", "is declined"),
    ("pm_card_timeout", "sets the money aside, but never answers"),
    ("pm_card_failsOnce", "fails the first time, then succeeds"),
    ("pm_card_failsFive", "fails five times, then succeeds"),
    ("pm_card_slow", "succeeds after two seconds"),
    ("pm_card_captureFail", "is authorized, but its money cannot be taken"),
    ("pm_card_refundFail", "succeeds, but its money cannot be given back"),
    ("pm_card_refundTimeout", "succeeds; its money goes back, but the first time that is asked nobody answers"),
];

/// What is said to `call`, and the books as they are then; nothing, if they stay as they were.
pub fn answer(known: Option<&Books>, due: &Due, call: &Call) -> (Option<Books>, Reply) {
    let before = known.cloned().unwrap_or(Books {
        state: State::Failing,
        method: String::new(),
        amount: None,
        failures: 0,
        refunds: BTreeMap::new(),
        version: 0,
    });
    let mut after = before.clone();
    let reply = match call {
        Call::Authorize { method } => after.authorize(due, method),
        Call::Capture => after.capture(),
        Call::Void => after.void(),
        Call::Refund { id, amount } => after.refund(*id, *amount),
    };
    if known == Some(&after) {
        return (None, reply);
    }
    after.version += 1;
    (Some(after), reply)
}

impl Books {
    fn authorize(&mut self, due: &Due, method: &str) -> Reply {
        if self.state == State::Failing {
            (self.amount, self.method) = (Some(due.total), method.to_owned());
            let to_fail = match method {
                "pm_card_failsOnce" => 1,
                "pm_card_failsFive" => 5,
                _ => 0,
            };
            if self.failures < to_fail {
                self.failures += 1;
                return Reply::Fails;
            }
            let is_good = method != "pm_card_chargeDeclined" && CARDS.iter().any(|(card, _)| *card == method);
            self.state = if is_good { State::Authorized } else { State::Declined };
        }
        let reason = match self.state {
            State::Authorized | State::Captured if method == "pm_card_timeout" => return Reply::NeverAnswers,
            State::Authorized | State::Captured => {
                return Reply::Says(Answer::Approved { reference: format!("sim_{}", due.order_id) });
            }
            State::Declined if self.method == "pm_card_chargeDeclined" => "card_declined",
            State::Declined => "unknown_payment_method",
            State::Voided | State::Failing => "payment_canceled",
        };
        Reply::Says(Answer::Declined { reason: reason.to_owned() })
    }

    fn capture(&mut self) -> Reply {
        let refused = |reason: &str| Reply::Says(Answer::CaptureRefused { reason: reason.to_owned() });
        match self.state {
            State::Authorized if self.method == "pm_card_captureFail" => refused("capture_refused"),
            State::Authorized | State::Captured => {
                self.state = State::Captured;
                Reply::Says(Answer::Captured)
            }
            State::Failing | State::Declined | State::Voided => refused("not_authorized"),
        }
    }

    fn void(&mut self) -> Reply {
        if self.state == State::Captured {
            return Reply::Says(Answer::WasCaptured);
        }
        self.state = State::Voided;
        Reply::Says(Answer::Voided)
    }

    fn refund(&mut self, id: RefundId, amount: Money) -> Reply {
        let refused = |reason: &str| Reply::Says(Answer::RefundRefused { reason: reason.to_owned() });
        if self.refunds.contains_key(&id) {
            return Reply::Says(Answer::Refunded);
        }
        let gone: i64 = self.refunds.values().map(|refund| refund.minor()).sum();
        let taken = self.amount.map_or(0, Money::minor);
        match self.state {
            State::Captured if self.method == "pm_card_refundFail" => refused("refund_refused"),
            State::Captured if gone + amount.minor() <= taken => {
                self.refunds.insert(id, amount);
                if self.method == "pm_card_refundTimeout" { Reply::NeverAnswers } else { Reply::Says(Answer::Refunded) }
            }
            State::Captured => refused("amount_too_large"),
            State::Failing | State::Authorized | State::Declined | State::Voided => refused("not_captured"),
        }
    }
}
