//! Writes everything that customers are told, by every channel, with example data, into a folder with an `index.html` that shows it:
//! `make preview-mails`.

use std::{env, error::Error, fs, path::PathBuf};

use minijinja::{Environment, Value, context};
use notifications::{
    samples,
    templates::{Message, Templates},
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map_or_else(|| PathBuf::from("build/preview"), PathBuf::from);
    fs::create_dir_all(&folder)?;
    let mut shown = Vec::new();
    for (name, news) in samples::news() {
        let templates = Templates::new(samples::SHOP, samples::URL, news.kind)?;
        let Message { mail, sms, push } = templates.render(&news, samples::NAME)?;
        let files = [
            ("html", &mail.html),
            ("txt", &format!("Subject: {}\n\n{}", mail.subject, mail.text)),
            ("sms.txt", &sms),
            ("push.txt", &format!("{}\n{}\n{}\n", push.title, push.body, push.link)),
        ];
        for (ending, content) in files {
            fs::write(folder.join(format!("{name}.{ending}")), content)?;
        }
        let mail = context! { subject => mail.subject, text => mail.text };
        shown.push(context! { name, mail, sms, title => push.title, body => push.body });
    }
    fs::write(folder.join("index.html"), index(&shown)?)?;
    Ok(())
}

/// A page with all of them; each mail as a telephone shows it.
fn index(shown: &[Value]) -> Result<String, minijinja::Error> {
    let mut pages = Environment::new();
    pages.add_template("index.html", include_str!("index.html"))?;
    pages.get_template("index.html")?.render(context! { shown })
}
