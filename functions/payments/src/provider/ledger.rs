//! The ledger of the simulator, and its answers to calls. Pure.

use std::collections::BTreeMap;

use kernel::{Money, RefundId};
use serde::{Deserialize, Serialize};

use crate::domain::{Answer, Call, Due};

/// The simulator's record of an order's money.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SimulatorLedger {
    /// The state of the money.
    pub state: State,
    #[serde(default)]
    method: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Money>,
    /// The number of failures so far.
    #[serde(default)]
    failures: u32,
    /// The refunds made.
    #[serde(default)]
    pub refunds: BTreeMap<RefundId, Money>,
    /// The number of writes, for optimistic locking.
    pub version: u64,
}

/// The state of an order's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Every call so far has failed.
    Failing,
    /// The amount is authorized.
    Authorized,
    /// The card was declined.
    Declined,
    /// The amount was captured.
    Captured,
    /// The payment was voided, for good.
    Voided,
}

/// The simulator's reaction to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It returns an answer.
    Says(Answer),
    /// It responds with a server error.
    Fails,
    /// It has processed the call, but does not respond.
    NeverAnswers,
}

/// The test cards: their names, and what happens with them.
pub(crate) const CARDS: [(&str, &str); 9] = [
    ("pm_card_visa", "succeeds"),
    ("pm_card_chargeDeclined", "is declined"),
    ("pm_card_timeout", "is authorized, but the simulator never responds"),
    ("pm_card_failsOnce", "fails the first time, then succeeds"),
    ("pm_card_failsFive", "fails five times, then succeeds"),
    ("pm_card_slow", "succeeds after two seconds"),
    ("pm_card_captureFail", "is authorized, but cannot be captured"),
    ("pm_card_refundFail", "succeeds, but cannot be refunded"),
    ("pm_card_refundTimeout", "succeeds, but the first request for a refund gets no response"),
];

/// Returns the ledger after `call`, or `None` if it has not changed, and the reply.
pub fn answer(known: Option<&SimulatorLedger>, due: &Due, call: &Call) -> (Option<SimulatorLedger>, Reply) {
    let before = known.cloned().unwrap_or(SimulatorLedger {
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

impl SimulatorLedger {
    fn authorize(&mut self, due: &Due, method: &str) -> Reply {
        if self.state == State::Failing {
            (self.amount, self.method) = (Some(due.total), method.to_owned());
            let failures = match method {
                "pm_card_failsOnce" => 1,
                "pm_card_failsFive" => 5,
                _ => 0,
            };
            if self.failures < failures {
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
        let refunded: i64 = self.refunds.values().map(|refund| refund.minor()).sum();
        let captured = self.amount.map_or(0, Money::minor);
        match self.state {
            State::Captured if self.method == "pm_card_refundFail" => refused("refund_refused"),
            State::Captured if refunded + amount.minor() <= captured => {
                self.refunds.insert(id, amount);
                if self.method == "pm_card_refundTimeout" { Reply::NeverAnswers } else { Reply::Says(Answer::Refunded) }
            }
            State::Captured => refused("amount_too_large"),
            State::Failing | State::Authorized | State::Declined | State::Voided => refused("not_captured"),
        }
    }
}
