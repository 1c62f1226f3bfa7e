//! Writes all notifications, for each channel and with sample data, into a folder with an `index.html` that shows them:
//! `make preview-mails`.

use std::{env, error::Error, fs, path::PathBuf};

use minijinja::{Environment, Value, context};
use notifications::{
    samples,
    templates::{RenderedNotification, Templates},
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map_or_else(|| PathBuf::from("build/preview"), PathBuf::from);
    fs::create_dir_all(&folder)?;
    let mut shown = Vec::new();
    for (name, content) in samples::contents() {
        let templates = Templates::new(samples::SHOP_NAME, samples::SHOP_URL, content.kind)?;
        let RenderedNotification { mail, sms, push } = templates.render(&content, samples::CUSTOMER_NAME)?;
        let files = [
            ("html", &mail.html),
            ("txt", &format!("Subject: {}\n\n{}", mail.subject, mail.text)),
            ("sms.txt", &sms),
            ("push.txt", &format!("{}\n{}\n{}\n", push.title, push.body, push.link)),
        ];
        for (extension, text) in files {
            fs::write(folder.join(format!("{name}.{extension}")), text)?;
        }
        let mail = context! { subject => mail.subject, text => mail.text };
        shown.push(context! { name, mail, sms, title => push.title, body => push.body });
    }
    fs::write(folder.join("index.html"), index(&shown)?)?;
    Ok(())
}

/// Renders a page with all notifications, and each mail in the width of a phone.
fn index(shown: &[Value]) -> Result<String, minijinja::Error> {
    let mut pages = Environment::new();
    pages.add_template("index.html", include_str!("index.html"))?;
    pages.get_template("index.html")?.render(context! { shown })
}
