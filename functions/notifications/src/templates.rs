//! What is said, channel by channel. The words of each type of event lie in one file, block by block; two layouts, of text and of HTML,
//! make a mail of them. What is put into HTML is escaped, the words too.

use contracts::OrderLine;
use minijinja::{Environment, Error, UndefinedBehavior, Value, context};

use crate::domain::{KINDS, News};

/// The templates, and the shop that speaks.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    shop: String,
    url: String,
}

/// What one event says on each channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The mail.
    pub mail: Mail,
    /// The text message.
    pub sms: String,
    /// The push message.
    pub push: Note,
}

/// A mail, in text and in HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line.
    pub subject: String,
    /// For who reads text.
    pub text: String,
    /// For who reads HTML.
    pub html: String,
}

/// A push message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// One line.
    pub title: String,
    /// One or two sentences.
    pub body: String,
    /// What opens when it is touched.
    pub link: String,
}

const LAYOUTS: [(&str, &str); 2] =
    [("mail.txt", include_str!("../templates/mail.txt")), ("mail.html", include_str!("../templates/mail.html"))];

const WORDS: [(&str, &str); 8] = [
    ("user_registered.txt", include_str!("../templates/user_registered.txt")),
    ("order_placed.txt", include_str!("../templates/order_placed.txt")),
    ("payment_processed.txt", include_str!("../templates/payment_processed.txt")),
    ("payment_failed.txt", include_str!("../templates/payment_failed.txt")),
    ("order_confirmed.txt", include_str!("../templates/order_confirmed.txt")),
    ("order_shipped.txt", include_str!("../templates/order_shipped.txt")),
    ("order_cancelled.txt", include_str!("../templates/order_cancelled.txt")),
    ("order_refunded.txt", include_str!("../templates/order_refunded.txt")),
];

impl Templates {
    /// For the shop of that name, whose pages are below `url`.
    ///
    /// # Errors
    /// When a template is not one.
    pub fn new(shop: impl Into<String>, url: &str) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in LAYOUTS.into_iter().chain(WORDS) {
            environment.add_template(name, source)?;
        }
        Ok(Self { environment, shop: shop.into(), url: url.trim_end_matches('/').to_owned() })
    }

    /// What `news` says to somebody of that name.
    ///
    /// # Errors
    /// When a template asks for what the news does not have.
    pub fn render(&self, news: &News, name: &str) -> Result<Message, Error> {
        let link = news.order_id.map_or_else(|| self.url.clone(), |order_id| format!("{}/orders/{order_id}", self.url));
        let facts = context! {
            shop => &self.shop,
            name,
            order_id => news.order_id.map(|order_id| order_id.to_string()),
            lines => news.lines.iter().map(line).collect::<Vec<_>>(),
            amount => news.amount.map(|amount| amount.to_string()),
            reason => news.reason,
            link => &link,
            preferences_link => format!("{}/account/notifications", self.url),
        };
        let file = KINDS.iter().find(|(kind, _)| *kind == news.kind).map_or("", |(_, name)| name);
        let mut words = self.environment.get_template(&format!("{file}.txt"))?.render_captured(&facts)?;
        let mut block = |name: &str| words.with_state_mut(|state| state.render_block(name));
        let subject = block("subject")?;
        let said = context! {
            subject => &subject,
            headline => block("headline")?,
            message => block("message")?,
            action => block("action")?,
            ..facts
        };
        let (sms, title, body) = (block("sms")?, block("title")?, block("body")?);
        let layout = |name: &str| self.environment.get_template(name)?.render(&said);
        Ok(Message {
            mail: Mail { subject, text: layout("mail.txt")?, html: layout("mail.html")? },
            sms,
            push: Note { title, body, link },
        })
    }
}

fn line(line: &OrderLine) -> Value {
    let amount = line.unit_price.times(line.quantity.get()).map(|money| money.to_string());
    context! { name => &line.name, quantity => line.quantity.get(), amount => amount.unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn templates() -> Templates {
        Templates::new(samples::SHOP, samples::URL).expect("templates")
    }

    #[test]
    fn everything_that_is_said() {
        for (name, news) in samples::news() {
            let Message { mail, sms, push } = templates().render(&news, samples::NAME).expect("a message");
            let said = format!(
                "subject: {}\n\n--- text\n{}\n--- html\n{}\n--- sms\n{sms}\n\n--- push\n{}\n{}\n{}\n",
                mail.subject, mail.text, mail.html, push.title, push.body, push.link
            );
            insta::assert_snapshot!(name, said);
        }
    }

    #[test]
    fn each_fits_its_channel() {
        let kinds: Vec<_> = samples::news().into_iter().map(|(_, news)| news.kind).collect();
        assert!(KINDS.iter().all(|(kind, _)| kinds.contains(kind)), "every type of event has its sample");
        for (name, news) in samples::news() {
            let message = templates().render(&news, samples::NAME).expect("a message");
            assert_eq!(message.mail.subject.lines().count(), 1, "{name}");
            // What one text message holds: 160 characters of its own alphabet, in which the shop's name and the link have to be.
            assert!(message.sms.len() <= 160 && message.sms.is_ascii(), "{name}: {}", message.sms);
            assert!(message.push.title.len() <= 50 && message.push.body.len() <= 150, "{name}");
        }
    }

    #[test]
    fn html_is_escaped_and_text_is_not() {
        let (_, mut news) = samples::news().into_iter().find(|(name, _)| *name == "order_confirmed").expect("a sample");
        news.lines[0].name = "Mug & <b>Pen</b>".to_owned();
        let mail = templates().render(&news, "<script>alert(1)</script>").expect("a message").mail;
        assert!(!mail.html.contains("<script>") && !mail.html.contains("<b>"), "{}", mail.html);
        assert!(mail.html.contains("Mug &amp; &lt;b&gt;Pen") && mail.html.contains("&lt;script&gt;"), "{}", mail.html);
        assert!(mail.text.contains("Mug & <b>Pen</b>") && mail.text.contains("<script>alert(1)</script>"));
    }
}
