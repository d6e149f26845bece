//! Notify: mails the person who asked for an export, once it is over.
//!
//! The stream of the table `exports` calls at once, the sweeper for every mail that is still pending. Whoever comes
//! claims the mail first, so that of many calls for one export a single one sends it. What SES learns of a mail later comes
//! by a queue.

mod address;
mod attachment;
mod handler;
mod input;
mod learning;
mod mail;
mod mail_event;
mod mailer;

pub use address::Address;
pub use handler::{Notifier, NotifyError};
pub use input::Failures;
pub use mail::Letterhead;
pub use mailer::{Mailer, ses};
