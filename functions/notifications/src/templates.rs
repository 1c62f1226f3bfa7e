//! Renders notifications for all channels. The texts of each type of event are the blocks of one file; two layouts, one
//! for text and one for HTML, make a mail of them. All values in HTML are escaped, including the texts.

use contracts::{NotificationKind as Kind, OrderLine};
use minijinja::{Environment, Error, UndefinedBehavior, Value, context};

use crate::domain::NotificationContent;

/// The templates of one type of event, and the shop that sends them.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    shop_name: String,
    shop_url: String,
}

/// A notification, rendered for each channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedNotification {
    /// The mail.
    pub mail: Mail,
    /// The text message.
    pub sms: String,
    /// The push message.
    pub push: PushMessage,
}

/// A mail, in text and in HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The subject, a single line.
    pub subject: String,
    /// The plain-text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// A push message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushMessage {
    /// The title, a single line.
    pub title: String,
    /// The text, one or two sentences.
    pub body: String,
    /// The page that opens when the message is tapped.
    pub link: String,
}

const LAYOUTS: [(&str, &str); 2] =
    [("mail.txt", include_str!("../templates/mail.txt")), ("mail.html", include_str!("../templates/mail.html"))];

const TEXTS: [(&str, &str); 8] = [
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
    /// Parses the templates of one type of event. A function needs no others, and parsing all of them takes a fifth of
    /// its cold start.
    ///
    /// # Errors
    /// If a template is invalid.
    pub fn new(shop_name: impl Into<String>, shop_url: &str, kind: Kind) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let file = file(kind);
        for (name, source) in LAYOUTS.into_iter().chain(TEXTS.into_iter().filter(|(name, _)| *name == file)) {
            environment.add_template(name, source)?;
        }
        Ok(Self { environment, shop_name: shop_name.into(), shop_url: shop_url.trim_end_matches('/').to_owned() })
    }

    /// Renders the notification for a customer. The greeting has the name, which users choose freely, only if it can be
    /// nothing but a name.
    ///
    /// # Errors
    /// If the content is of another type of event, or a template uses an undefined variable.
    pub fn render(&self, content: &NotificationContent, name: &str) -> Result<RenderedNotification, Error> {
        let url = &self.shop_url;
        let link = content.order_id.map_or_else(|| url.clone(), |order_id| format!("{url}/orders/{order_id}"));
        let values = context! {
            shop => &self.shop_name,
            name => greeting_name(name),
            order_id => content.order_id.map(|order_id| order_id.to_string()),
            lines => content.lines.iter().map(line).collect::<Vec<_>>(),
            amount => content.amount.map(|amount| amount.to_string()),
            reason => content.reason,
            link => &link,
            preferences_link => format!("{url}/account/notifications"),
        };
        let mut texts = self.environment.get_template(&file(content.kind))?.render_captured(&values)?;
        let mut block = |name: &str| texts.with_state_mut(|state| state.render_block(name));
        let subject = block("subject")?;
        let mail_values = context! {
            subject => &subject,
            headline => block("headline")?,
            message => block("message")?,
            action => block("action")?,
            ..values
        };
        let (sms, title, body) = (block("sms")?, block("title")?, block("body")?);
        let layout = |name: &str| self.environment.get_template(name)?.render(&mail_values);
        Ok(RenderedNotification {
            mail: Mail { subject, text: layout("mail.txt")?, html: layout("mail.html")? },
            sms,
            push: PushMessage { title, body, link },
        })
    }
}

/// Returns the name of the file with the texts of a type of event.
fn file(kind: Kind) -> String {
    format!("{}.txt", <&str>::from(kind))
}

/// The maximum length of the name in a greeting, in characters.
const MAX_GREETING_NAME_CHARS: usize = 40;

/// Returns the name for the greeting, or nothing if it could be more than a name. Anybody can register the address of
/// somebody else, under a name that is a message of its own, and our mail would deliver it.
fn greeting_name(name: &str) -> Option<String> {
    let is_line = !name.chars().any(|c| c.is_control() || is_invisible(c));
    // Many mail programs turn `shop.example` into a link, but not `J. R. R.`
    let is_host =
        |word: &str| word.split('.').skip(1).any(|part| part.chars().take_while(|c| c.is_alphanumeric()).count() > 1);
    let is_page = name.contains(['/', '\\', '@']) || name.split_whitespace().any(is_host);
    let cut: String = name.trim().chars().take(MAX_GREETING_NAME_CHARS).collect();
    (is_line && !is_page && !cut.is_empty()).then(|| cut.trim_end().to_owned())
}

/// Whether the character is invisible, separates lines, or changes the direction of text.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn line(line: &OrderLine) -> Value {
    let amount = line.unit_price.times(line.quantity.get()).map(|money| money.to_string());
    context! { name => &line.name, quantity => line.quantity.get(), amount => amount.unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;
    use crate::samples;

    fn render(content: &NotificationContent, name: &str) -> RenderedNotification {
        let templates = Templates::new(samples::SHOP_NAME, samples::SHOP_URL, content.kind).expect("templates");
        templates.render(content, name).expect("a notification")
    }

    fn sample(name: &str) -> NotificationContent {
        let (_, content) = samples::contents().into_iter().find(|(sample, _)| *sample == name).expect("a sample");
        content
    }

    #[test]
    fn rendered_notifications() {
        for (name, content) in samples::contents() {
            let RenderedNotification { mail, sms, push } = render(&content, samples::CUSTOMER_NAME);
            let rendered = format!(
                "subject: {}\n\n--- text\n{}\n--- html\n{}\n--- sms\n{sms}\n\n--- push\n{}\n{}\n{}\n",
                mail.subject, mail.text, mail.html, push.title, push.body, push.link
            );
            insta::assert_snapshot!(name, rendered);
        }
    }

    #[test]
    fn notifications_fit_their_channels() {
        let kinds: Vec<_> = samples::contents().into_iter().map(|(_, content)| content.kind).collect();
        assert!(Kind::VARIANTS.iter().all(|kind| kinds.contains(kind)), "every type of event has a sample");
        for (name, content) in samples::contents() {
            let rendered = render(&content, samples::CUSTOMER_NAME);
            assert_eq!(rendered.mail.subject.lines().count(), 1, "{name}");
            // One text message has 160 characters of the GSM alphabet, including the name of the shop and the link.
            assert!(rendered.sms.len() <= 160 && rendered.sms.is_ascii(), "{name}: {}", rendered.sms);
            assert!(rendered.push.title.len() <= 50 && rendered.push.body.len() <= 150, "{name}");
        }
    }

    #[test]
    fn html_is_escaped_and_text_is_not() {
        let mut content = sample("order_confirmed");
        content.lines[0].name = "Mug & <b>Pen</b>".to_owned();
        let mail = render(&content, "<script>alert(1)").mail;
        assert!(!mail.html.contains("<script>") && !mail.html.contains("<b>"), "{}", mail.html);
        assert!(mail.html.contains("Mug &amp; &lt;b&gt;Pen") && mail.html.contains("&lt;script&gt;"), "{}", mail.html);
        assert!(mail.text.contains("Mug & <b>Pen</b>") && mail.text.contains("<script>alert(1)"));
    }

    #[test]
    fn greetings_contain_nothing_but_names() {
        for name in ["Ada Lovelace", "J. R. R. Tolkien", "J.R.R. Tolkien", "Сергей", "Dr. O'Neil-Šipka", "Ada,"]
        {
            assert_eq!(greeting_name(name).as_deref(), Some(name));
        }
        assert_eq!(greeting_name(" Ada ").as_deref(), Some("Ada"));
        assert_eq!(greeting_name(&"Ada ".repeat(20)), Some("Ada ".repeat(10).trim().to_owned()));
        for name in [
            "Ada\n\nYou have won",
            "Ada\u{2028}You have won",
            "\u{202e}adA",
            "pay at https://bank.example",
            "WWW.bank",
            "bank.example now",
            "(www.bank)",
            "bank/login",
            "help@bank",
            "Ada\u{0}",
            " ",
            "",
        ] {
            assert_eq!(greeting_name(name), None, "{name:?}");
            let mail = render(&sample("order_shipped"), name).mail;
            assert!(mail.text.starts_with("Your order is on its way.\n"), "{}", mail.text);
        }
    }
}
