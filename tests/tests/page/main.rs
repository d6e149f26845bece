//! The page in a real browser, against the deployed stack: what a person sees and does.

#![allow(clippy::unwrap_used, reason = "a failed test panics")]

mod elements;
mod exports;
mod looks;
mod mail_link;
mod mails;
mod moments;
mod quickness;
mod records;
mod view_check;
mod visitor;
