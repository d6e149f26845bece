//! The claims of a token: as the gateway hands them on, each a text, or as they are in the token.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

/// The claims of a verified token.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Claims(Map<String, Value>);

impl Claims {
    /// Those of a token.
    pub(super) fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// Those that API Gateway hands on: each is a text, and a list is `[a b]`.
    pub(super) fn of_gateway(claims: &HashMap<String, String>) -> Self {
        let value = |text: &String| {
            let inside = text.trim().strip_prefix('[');
            match inside.and_then(|text| text.strip_suffix(']')) {
                Some(list) => list.split_whitespace().map(Value::from).collect(),
                None => Value::from(text.as_str()),
            }
        };
        let claims = claims
            .iter()
            .map(|(name, text)| (name.clone(), value(text)));
        Self(claims.collect())
    }

    /// The claim of this name, or the one that the dots of the name lead to. Names may have dots themselves, as URLs do.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).or_else(|| find(&self.0, name))
    }

    /// The claim as a text that is not blank.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let text = self.get(name)?.as_str()?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// Whether the claim is true.
    pub(super) fn flag(&self, name: &str) -> bool {
        // API Gateway passes a boolean on as text, and Cognito has one in its tokens.
        matches!(self.get(name), Some(Value::Bool(true)))
            || self.text(name).is_some_and(|text| text == "true")
    }

    /// The words of a claim: those of a text, separated by spaces (as in OAuth's `scope`, RFC 6749, section 3.3), or the
    /// texts of a list.
    pub(super) fn words(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
            Some(Value::Array(items)) => items.iter().filter_map(scalar).collect(),
            _ => Vec::new(),
        }
    }

    /// The values of a claim: a text or a number, or those of a list. None is divided at spaces.
    pub(super) fn values(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::Array(items)) => items.iter().filter_map(scalar).collect(),
            Some(value) => scalar(value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// All claims as texts, as API Gateway hands them on.
    pub(super) fn texts(&self) -> BTreeMap<String, String> {
        let claims = self.0.iter().filter(|(_, value)| !value.is_null());
        claims
            .map(|(name, value)| (name.clone(), text(value)))
            .collect()
    }
}

fn find<'v>(object: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    path.match_indices('.').find_map(|(at, _)| {
        let inside = object.get(&path[..at])?.as_object()?;
        let rest = &path[at + 1..];
        inside.get(rest).or_else(|| find(inside, rest))
    })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(text).collect();
            format!("[{}]", items.join(" "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        Claims::new(value.as_object().unwrap().clone())
    }

    #[test]
    fn a_name_may_be_a_url_or_lead_into_objects() {
        let claims = claims(json!({
            "https://acme.example/org": "acme", "app_metadata": {"org": "a", "x.y": {"z": 7}},
            "resource_access": {"waybill": {"roles": ["project:42", "staff"]}},
        }));
        assert_eq!(claims.text("https://acme.example/org"), Some("acme"));
        assert_eq!(claims.text("app_metadata.org"), Some("a"));
        assert_eq!(claims.values("app_metadata.x.y.z"), ["7"]);
        assert_eq!(
            claims.words("resource_access.waybill.roles"),
            ["project:42", "staff"]
        );
        for missing in [
            "app_metadata.",
            "app_metadata.none",
            ".",
            "resource_access.waybill",
        ] {
            assert_eq!(claims.text(missing), None, "{missing}");
        }
    }

    #[test]
    fn a_value_is_never_divided_at_spaces() {
        let claims =
            claims(json!({"org": "acme staff", "orgs": ["a b", 7, {"x": 1}], "scope": "a b"}));
        assert_eq!(claims.values("org"), ["acme staff"]);
        assert_eq!(claims.values("orgs"), ["a b", "7"]);
        assert_eq!(claims.words("scope"), ["a", "b"]);
    }

    #[test]
    fn the_gateways_texts_are_read_as_what_they_were() {
        let texts = [
            ("roles", "[project:42 staff]"),
            ("sub", "u-1"),
            ("verified", "true"),
        ];
        let texts = texts.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let claims = Claims::of_gateway(&HashMap::from(texts));
        assert_eq!(claims.words("roles"), ["project:42", "staff"]);
        assert!(claims.flag("verified") && !claims.flag("sub"));
        assert_eq!(claims.texts()["roles"], "[project:42 staff]");
    }
}
