//! What a mail says: one template for the text, one for HTML (escaped), a subject.

use contracts::{CancelReason, OrderLine};
use kernel::{Money, OrderId};
use minijinja::{Environment, Value, context};

use crate::store::Reached;

/// A mail about an order.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mail<'a> {
    /// The sale stands.
    OrderConfirmed(About<'a>),
    /// There is no sale.
    OrderCancelled(About<'a>, CancelReason),
}

/// The order it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) order_id: OrderId,
    pub(crate) lines: &'a [OrderLine],
    pub(crate) total: Money,
}

/// A mail, ready to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Mail<'_> {
    pub(crate) fn render(&self, shop: &str, reached: &Reached) -> Result<Rendered, minijinja::Error> {
        let (about, reason, name) = match self {
            Self::OrderConfirmed(about) => (about, "", "order_confirmed"),
            Self::OrderCancelled(about, reason) => (about, explain(*reason), "order_cancelled"),
        };
        let amount = |line: &OrderLine| line.unit_price.times(line.quantity.get()).map(|money| money.to_string());
        let lines: Vec<Value> = about
            .lines
            .iter()
            .map(|line| context! { name => &line.name, quantity => line.quantity.get(), amount => amount(line).unwrap_or_default() })
            .collect();
        let values = context! {
            shop,
            name => reached.name.expose(),
            order_id => about.order_id.to_string(),
            lines,
            total => about.total.to_string(),
            reason,
        };
        let templates = templates()?;
        let render = |kind: &str| templates.get_template(&format!("{name}.{kind}"))?.render(&values);
        Ok(Rendered { subject: render("subject.txt")?.trim().to_owned(), text: render("txt")?, html: render("html")? })
    }
}

/// The templates by name; those that end in `.html` escape what they are given.
fn templates() -> Result<Environment<'static>, minijinja::Error> {
    let mut templates = Environment::new();
    templates.add_template("layout.html", include_str!("../templates/layout.html"))?;
    templates.add_template("order_confirmed.subject.txt", include_str!("../templates/order_confirmed.subject.txt"))?;
    templates.add_template("order_confirmed.txt", include_str!("../templates/order_confirmed.txt"))?;
    templates.add_template("order_confirmed.html", include_str!("../templates/order_confirmed.html"))?;
    templates.add_template("order_cancelled.subject.txt", include_str!("../templates/order_cancelled.subject.txt"))?;
    templates.add_template("order_cancelled.txt", include_str!("../templates/order_cancelled.txt"))?;
    templates.add_template("order_cancelled.html", include_str!("../templates/order_cancelled.html"))?;
    Ok(templates)
}

/// Why, in words for the customer.
fn explain(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::OutOfStock => "We do not have enough of what you ordered. You were not charged.",
        CancelReason::PaymentDeclined => "Your bank declined the payment. You were not charged.",
        CancelReason::PaymentUnavailable => "We could not reach the payment provider. You were not charged.",
        CancelReason::CheckoutFailed => {
            "Something went wrong on our side. If you were charged, the money is on its way back."
        }
        CancelReason::Unpaid => "It was not paid in time. You were not charged.",
        CancelReason::Requested => "It was cancelled on request. If you were charged, the money is on its way back.",
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, ProductId, Quantity, Redacted};

    use super::*;

    fn render(name: &str, product: &str, cancelled: Option<CancelReason>) -> Rendered {
        let reached =
            Reached { email: "ada@example.com".parse().expect("an address"), name: Redacted::new(name.to_owned()) };
        let lines = [OrderLine {
            product_id: ProductId::derived("test", "mug"),
            name: product.to_owned(),
            quantity: Quantity::try_from(2).expect("a quantity"),
            unit_price: Money::from_minor(1_250, Currency::Usd),
        }];
        let order_id = "01890000-0000-7000-8000-00000000000a".parse().expect("an id");
        let about = About { order_id, lines: &lines, total: Money::from_minor(2_500, Currency::Usd) };
        let mail = match cancelled {
            None => Mail::OrderConfirmed(about),
            Some(reason) => Mail::OrderCancelled(about, reason),
        };
        mail.render("Waybill Shop", &reached).expect("a mail")
    }

    #[test]
    fn a_confirmation_says_what_was_bought() {
        let mail = render("Ada", "Mug", None);
        assert!(mail.subject.contains("01890000-0000-7000-8000-00000000000a"), "{}", mail.subject);
        for part in [&mail.text, &mail.html] {
            for word in ["Ada", "Waybill Shop", "2", "Mug", "25.00 USD"] {
                assert!(part.contains(word), "{word} in {part}");
            }
        }
    }

    #[test]
    fn a_cancellation_says_why() {
        for reason in [CancelReason::OutOfStock, CancelReason::PaymentDeclined, CancelReason::PaymentUnavailable] {
            let mail = render("Ada", "Mug", Some(reason));
            assert!(mail.text.contains(explain(reason)) && mail.html.contains(explain(reason)));
        }
    }

    #[test]
    fn html_is_escaped_and_a_subject_is_one_line() {
        let mail = render("<script>alert(1)</script>", "Mug & <b>Pen</b>", None);
        assert!(!mail.html.contains("<script>") && !mail.html.contains("<b>"));
        assert!(mail.html.contains("Mug &amp; &lt;b&gt;Pen"));
        assert!(mail.text.contains("Mug & <b>Pen</b>"));
        assert_eq!(mail.subject.lines().count(), 1);
    }
}
