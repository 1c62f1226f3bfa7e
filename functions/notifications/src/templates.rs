//! What is said, channel by channel. The words of each type of event lie in one file, block by block; two layouts, of text and of HTML,
//! make a mail of them. What is put into HTML is escaped, the words too.

use contracts::{NotificationKind as Kind, OrderLine};
use minijinja::{Environment, Error, UndefinedBehavior, Value, context};

use crate::domain::{KINDS, News};

/// The templates of one type of event, and the shop that speaks.
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
    /// What the shop of that name, whose pages are below `url`, says of one type of event: a function tells of no other, and reading the
    /// words of all takes a fifth of its start.
    ///
    /// # Errors
    /// When a template is not one.
    pub fn new(shop: impl Into<String>, url: &str, kind: Kind) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let file = file(kind);
        for (name, source) in LAYOUTS.into_iter().chain(WORDS.into_iter().filter(|(name, _)| *name == file)) {
            environment.add_template(name, source)?;
        }
        Ok(Self { environment, shop: shop.into(), url: url.trim_end_matches('/').to_owned() })
    }

    /// What `news` says to somebody of that name, which is theirs to choose: they are greeted by it where it can be nothing but a name.
    ///
    /// # Errors
    /// When the news is of another type, or a template asks for what it does not have.
    pub fn render(&self, news: &News, name: &str) -> Result<Message, Error> {
        let link = news.order_id.map_or_else(|| self.url.clone(), |order_id| format!("{}/orders/{order_id}", self.url));
        let facts = context! {
            shop => &self.shop,
            name => name_to_greet_by(name),
            order_id => news.order_id.map(|order_id| order_id.to_string()),
            lines => news.lines.iter().map(line).collect::<Vec<_>>(),
            amount => news.amount.map(|amount| amount.to_string()),
            reason => news.reason,
            link => &link,
            preferences_link => format!("{}/account/notifications", self.url),
        };
        let mut words = self.environment.get_template(&file(news.kind))?.render_captured(&facts)?;
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

/// Where the words of a type of event are.
fn file(kind: Kind) -> String {
    let name = KINDS.iter().find(|(known, _)| *known == kind).map_or("", |(_, name)| name);
    format!("{name}.txt")
}

/// How many characters of a name somebody is greeted by.
const GREETED_BY: usize = 40;

/// A name that fits a line and says nothing of its own: anybody can register anybody's address, and their name is then in our mail.
fn name_to_greet_by(name: &str) -> Option<String> {
    let is_line = !name.chars().any(|c| c.is_control() || is_invisible(c));
    // What many a mail program makes a link of: `shop.example`, but not `J. R. R.`
    let is_host =
        |word: &str| word.split('.').skip(1).any(|part| part.chars().take_while(|c| c.is_alphanumeric()).count() > 1);
    let is_page = name.contains(['/', '\\', '@']) || name.split_whitespace().any(is_host);
    let cut: String = name.trim().chars().take(GREETED_BY).collect();
    (is_line && !is_page && !cut.is_empty()).then(|| cut.trim_end().to_owned())
}

/// Separators of lines, and what turns the direction of text around.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn line(line: &OrderLine) -> Value {
    let amount = line.unit_price.times(line.quantity.get()).map(|money| money.to_string());
    context! { name => &line.name, quantity => line.quantity.get(), amount => amount.unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn message(news: &News, name: &str) -> Message {
        let templates = Templates::new(samples::SHOP, samples::URL, news.kind).expect("templates");
        templates.render(news, name).expect("a message")
    }

    #[test]
    fn everything_that_is_said() {
        for (name, news) in samples::news() {
            let Message { mail, sms, push } = message(&news, samples::NAME);
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
            let message = message(&news, samples::NAME);
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
        let mail = message(&news, "<script>alert(1)").mail;
        assert!(!mail.html.contains("<script>") && !mail.html.contains("<b>"), "{}", mail.html);
        assert!(mail.html.contains("Mug &amp; &lt;b&gt;Pen") && mail.html.contains("&lt;script&gt;"), "{}", mail.html);
        assert!(mail.text.contains("Mug & <b>Pen</b>") && mail.text.contains("<script>alert(1)"));
    }

    #[test]
    fn who_is_greeted_says_nothing_in_our_name() {
        for name in ["Ada Lovelace", "J. R. R. Tolkien", "J.R.R. Tolkien", "Сергей", "Dr. O'Neil-Šipka", "Ada,"]
        {
            assert_eq!(name_to_greet_by(name).as_deref(), Some(name));
        }
        assert_eq!(name_to_greet_by(" Ada ").as_deref(), Some("Ada"));
        assert_eq!(name_to_greet_by(&"Ada ".repeat(20)), Some("Ada ".repeat(10).trim().to_owned()));
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
            assert_eq!(name_to_greet_by(name), None, "{name:?}");
            let (_, news) = samples::news().into_iter().find(|(name, _)| *name == "order_shipped").expect("a sample");
            let mail = message(&news, name).mail;
            assert!(mail.text.starts_with("Your order is on its way.\n"), "{}", mail.text);
        }
    }
}
