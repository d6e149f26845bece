//! What only a deployed stack can show: the gateway's checks of a token, what each role allows, what S3 makes of a URL that
//! it signed, what becomes of mails, and a host's function beside it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod clients;
mod database;
mod downloads;
mod host;
mod mails;
mod mariadb;
mod operator;
mod roles;
mod sessions;
mod tokens;
