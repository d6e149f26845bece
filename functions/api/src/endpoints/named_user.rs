//! The user that the host names: in a body, as who receives an export or whose session it is, or in an answer of its grants
//! function.

use serde_json::Value;
use waybill::export::User;
use waybill::grants_function::HostUser;

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

/// The user of a token with what the host's grants function knows of them: the name if the token has none, and the address
/// if the token has none that is verified. What cannot be a name or an address is left out, and logged.
pub(crate) fn complete(mut user: User, known: HostUser) -> User {
    let HostUser { name, email } = known;
    let is_name = |name: &String| {
        let length = name.chars().count();
        (1..=MAX_NAME_LENGTH).contains(&length) && !name.contains(char::is_control)
    };
    let usable_name = name.as_ref().is_none_or(is_name);
    let usable_email = email.as_deref().is_none_or(is_email);
    if !usable_name || !usable_email {
        tracing::warn!(
            usable_name,
            usable_email,
            "user of the grants function not used"
        );
    }
    if user.name.is_none() {
        user.name = name.filter(|_| usable_name);
    }
    if let Some(email) = email.filter(|_| usable_email)
        && !(user.email.is_some() && user.email_verified)
    {
        user.email = Some(email);
        // The host is responsible for the address being right.
        user.email_verified = true;
    }
    user
}

/// Whether the text may be an address. Only sending a mail can verify it.
fn is_email(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    text.chars().count() <= MAX_EMAIL_LENGTH
        && parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;\"()".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(
        (name, email, email_verified): (Option<&str>, Option<&str>, bool),
        known: [Option<&str>; 2],
    ) -> (Option<String>, Option<String>, bool) {
        let [known_name, known_email] = known.map(|text| text.map(str::to_owned));
        let user = User {
            id: "u-17".to_owned(),
            issuer: None,
            name: name.map(str::to_owned),
            email: email.map(str::to_owned),
            email_verified,
        };
        let known = HostUser {
            name: known_name,
            email: known_email,
        };
        let user = complete(user, known);
        (user.name, user.email, user.email_verified)
    }

    #[test]
    fn the_host_completes_a_user_and_replaces_no_verified_address() {
        let of = |name: &str, email: &str| (Some(name.to_owned()), Some(email.to_owned()), true);
        let known = [Some("Ana Sousa"), Some("ana@host.example")];
        let all = of("Ana Sousa", "ana@host.example");
        assert_eq!(completed((None, None, false), known), all);
        let mut own_name = all.clone();
        own_name.0 = Some("Ana".to_owned());
        assert_eq!(
            completed((Some("Ana"), Some("a@b.example"), false), known),
            own_name
        );
        let verified = (Some("Ana"), Some("a@b.example"), true);
        assert_eq!(completed(verified, known), of("Ana", "a@b.example"));
    }

    #[test]
    fn what_is_no_name_and_no_address_is_left_out() {
        for known in [
            [None, None],
            [Some(""), Some("")],
            [Some("a\nb"), Some("ana")],
            [Some(&*"x".repeat(256)), Some("a b@example.com")],
        ] {
            assert_eq!(
                completed((None, None, false), known),
                (None, None, false),
                "{known:?}"
            );
        }
    }
}
