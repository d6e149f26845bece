//! The user that a host's backend names in a body: who receives an export, or whose session it is.

use serde_json::Value;
use waybill::export::User;

use crate::http::body::Fields;

/// The maximum length of a user's id and name in characters. OpenID Connect limits ids to 255.
const MAX_NAME_LENGTH: usize = 255;
/// The maximum length of an email address in characters (RFC 5321, section 4.5.3.1.3, without the brackets).
const MAX_EMAIL_LENGTH: usize = 254;
/// The maximum length of an issuer's URL in characters.
const MAX_ISSUER_LENGTH: usize = 255;

/// Takes the field `user`, an object with the `known` fields; `None` without it, or if it is invalid.
pub(crate) fn take(fields: &mut Fields, known: &[&str]) -> Option<User> {
    let object = match fields.take("user")? {
        Value::Object(object) => object,
        _ => {
            fields.refuse("user", "must be an object with `id`, `name` and `email`");
            return None;
        }
    };
    let mut inner = Fields::new(object, "user.", known);
    let id = inner.required_text("id");
    let id = inner.line("id", id, MAX_NAME_LENGTH);
    let name = inner.text("name");
    let name = inner.line("name", name, MAX_NAME_LENGTH);
    let email = inner.text("email");
    if email.as_deref().is_some_and(|email| !is_email(email)) {
        inner.refuse("email", "must be a mail address, such as ana@example.com");
    }
    let issuer = inner.text("issuer");
    let issuer = inner.line("issuer", issuer, MAX_ISSUER_LENGTH);
    fields.refuse_all(inner.into_errors());
    Some(User {
        id: id?,
        issuer,
        name,
        email,
        // The host's backend is responsible for the address being right.
        email_verified: true,
    })
}

/// Whether the text may be an address. Only sending a mail can verify it.
fn is_email(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    text.chars().count() <= MAX_EMAIL_LENGTH
        && parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;\"()".contains(c))
}
