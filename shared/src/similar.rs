//! Names that somebody may have meant by another.

/// How alike two names must be for one to be meant by the other (Jaro-Winkler: 1 for the same, 0 for nothing in common).
const ALIKE: f64 = 0.85;

/// How alike two names are, without regard to case; `None` where neither is meant by the other.
pub fn likeness(one: &str, other: &str) -> Option<f64> {
    let likeness = strsim::jaro_winkler(&one.to_lowercase(), &other.to_lowercase());
    (likeness >= ALIKE).then_some(likeness)
}

/// The name that is most like the text; `None` where none is alike.
pub fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .filter_map(|name| Some((likeness(text, name)?, name)))
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_near_and_another_word_is_not() {
        let names = ["invoice", "invoice_line", "customer", "Track"];
        for (text, meant) in [
            ("invoces", Some("invoice")),
            ("invoic", Some("invoice")),
            ("trakc", Some("Track")),
            ("costumer", Some("customer")),
            ("orders", None),
            ("", None),
        ] {
            assert_eq!(nearest(text, names.into_iter()), meant, "{text}");
        }
    }
}
