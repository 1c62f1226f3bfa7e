//! What people do with the shop, over HTTP alone, against a deployed stack: one file a journey.
//!
//! Each test has products and customers of its own, so that all of them run side by side, and twice on the same stack.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod asks_for_what_is_wrong;
mod asks_twice;
mod browses_and_lists;
mod cancels_an_order;
mod chooses_what_to_hear;
mod finds_its_way;
mod follows_an_order;
mod follows_live;
mod hears_from_the_provider;
mod is_declined;
mod is_left_unpaid;
mod is_told;
mod keeps_stock;
mod logs_in_and_out;
mod looks_after_parked_orders;
mod meets_an_outage;
mod meets_faults;
mod minds_an_account;
mod orders_first_order;
mod outlives_a_mail_outage;
mod pays_and_is_paid_back;
mod pays_by_stripe;
mod pays_once;
mod reads_the_figures;
mod reads_the_reference;
mod runs_the_catalog;
mod searches;
mod sees_what_was_written;
mod wants_the_last_ones;
mod who_may_do_what;

/// The payment provider is everybody's: held by who takes it away, and by who needs it to be there while others may take it away.
static PROVIDER: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
