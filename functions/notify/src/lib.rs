//! `notify`: mails the person who requested an export when the export has ended.
//!
//! The stream of the table `exports` invokes this function at once. The sweeper invokes it for every mail that is still
//! pending. Each invocation claims the mail first, so that only one of them sends the mail. Events of SES, such as
//! bounces, arrive later through a queue.

mod address;
mod attachment;
mod delivery_failures;
mod handler;
mod input;
mod mail;
mod mail_event;
mod mailer;
#[cfg(test)]
mod testing;
mod wording;

pub use address::Address;
pub use handler::{Notifier, NotifyError};
pub use input::Failures;
pub use mail::Letterhead;
pub use mailer::{Mailer, ses};
