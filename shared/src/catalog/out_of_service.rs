//! Types that are out of service. An invalid type does not take the others with it.
//!
//! A type whose table is not set is out of service too: see [`crate::live_catalog`].

use std::ops::Range;

use super::{CatalogError, check, listed};

/// A type that cannot be exported until an operator has mended it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfService {
    /// The type's name; where it has no readable one, the line of its mistake: `line 12`.
    pub name: String,
    /// What is wrong, for the operator.
    pub reason: String,
}

/// The header of a type.
const HEADER: &str = "[[type]]";
/// What the headers of a catalog's other parts begin with.
const OTHER_HEADERS: [&str; 2] = ["[[parent]]", "[database"];

/// The valid types of a catalog, and the invalid ones. Of two types with the same name, neither is valid.
///
/// # Errors
/// [`CatalogError::Invalid`] where the mistake is in no type.
pub(super) fn valid_types(text: &str) -> Result<(check::Checked, Vec<OutOfService>), CatalogError> {
    let mut text = text.to_owned();
    let mut out_of_service: Vec<OutOfService> = Vec::new();
    loop {
        let error = match check::catalog(&text) {
            Ok((mut types, kinds)) => {
                types.retain(|valid| out_of_service.iter().all(|out| out.name != valid.name));
                return Ok(((types, kinds), out_of_service));
            }
            Err(error) => error,
        };
        let is_last = !out_of_service.is_empty() && headers(&text).all(|(_, is_type)| !is_type);
        if is_last {
            return Ok(((Vec::new(), check::kinds(&text)?), out_of_service));
        }
        let CatalogError::Invalid(mut mistakes) = error else {
            return Err(error);
        };
        let line = mistakes.first().map_or(1, |mistake| mistake.line);
        let Some(lines) = type_at(&text, line) else {
            return Err(CatalogError::Invalid(mistakes));
        };
        mistakes.retain(|mistake| type_at(&text, mistake.line).as_ref() == Some(&lines));
        out_of_service.push(match name(&text[lines.clone()]) {
            Some(name) => OutOfService {
                name,
                reason: CatalogError::Invalid(mistakes).to_string(),
            },
            // Named by the line of its first mistake, which is not said again.
            None => OutOfService {
                name: format!("line {line}"),
                reason: listed(&mistakes).replacen(&format!("line {line}: "), "", 1),
            },
        });
        blank(&mut text, lines);
    }
}

/// Where the parts of a catalog begin, in bytes, and which of them are types.
fn headers(text: &str) -> impl Iterator<Item = (usize, bool)> {
    let lines = text.split_inclusive('\n').scan(0, |end, line| {
        let begin = *end;
        *end += line.len();
        Some((begin, line))
    });
    lines.filter_map(|(begin, line)| {
        let line = line.trim_start();
        let is_type = line.starts_with(HEADER);
        let is_other = OTHER_HEADERS.iter().any(|other| line.starts_with(other));
        (is_type || is_other).then_some((begin, is_type))
    })
}

/// The type with this line, counted from 1, in bytes.
fn type_at(text: &str, line: usize) -> Option<Range<usize>> {
    let before = text.split_inclusive('\n').take(line);
    let line_end: usize = before.map(str::len).sum();
    let before = headers(text).take_while(|(begin, _)| *begin < line_end);
    let (begin, _) = before.last().filter(|(_, is_type)| *is_type)?;
    let end = headers(text).find(|(next, _)| *next > begin);
    Some(begin..end.map_or(text.len(), |(end, _)| end))
}

/// The name of a type, which need not be valid otherwise.
fn name(of_type: &str) -> Option<String> {
    let table: toml::Table = toml::from_str(of_type).ok()?;
    let name = table["type"].as_array()?.first()?.get("name")?.as_str()?;
    Some(name.to_owned())
}

/// Replaces a part by spaces. Line feeds stay, so that lines keep their numbers.
fn blank(text: &mut String, part: Range<usize>) {
    let blank = text[part.clone()].split_inclusive('\n');
    let blank = blank.map(|line| if line.ends_with('\n') { "\n" } else { "" });
    let blank: String = blank.collect();
    text.replace_range(part, &blank);
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;

    const BUILT_IN: &str = include_str!("../../../infra/catalog.toml");
    const LEADS: &str = "name     = \"leads\"";
    const ORDERS: &str = "name     = \"orders\"";

    fn served(text: &str) -> (Vec<String>, Vec<(String, String)>) {
        let catalog = Catalog::parse_valid(text).unwrap();
        let names = catalog.types().iter().map(|t| t.name.clone());
        let out = catalog.out_of_service().iter();
        let out = out.map(|out| (out.name.clone(), out.reason.clone()));
        (names.collect(), out.collect())
    }

    fn changed(from: &str, to: &str) -> String {
        assert!(BUILT_IN.contains(from), "{from}");
        BUILT_IN.replacen(from, to, 1)
    }

    #[test]
    fn a_valid_catalog_has_all_types_in_service() {
        let (names, out) = served(BUILT_IN);
        let all = ["purchases", "audience_members", "leads", "orders"];
        assert_eq!(names, all);
        assert_eq!(out, []);
    }

    #[test]
    fn an_invalid_type_is_out_of_service_and_the_others_are_not() {
        let (names, out) = served(&changed(ORDERS, &format!("{ORDERS}\nkind = 7")));
        assert_eq!(names, ["purchases", "audience_members", "leads"]);
        let [(name, reason)] = &out[..] else {
            panic!("{out:?}")
        };
        assert_eq!(name, "orders");
        assert!(reason.contains("unknown key `kind`"), "{reason}");
    }

    #[test]
    fn a_type_that_is_no_toml_is_named_by_its_line() {
        let (names, out) = served(&changed(LEADS, "name = leads"));
        assert_eq!(names, ["purchases", "audience_members", "orders"]);
        assert!(out[0].0.starts_with("line "), "{out:?}");
        assert!(
            !out[0].1.contains("line "),
            "the line is said twice: {out:?}"
        );
    }

    #[test]
    fn of_two_types_with_one_name_neither_is_in_service() {
        let (names, out) = served(&changed(LEADS, ORDERS));
        assert_eq!(names, ["purchases", "audience_members"]);
        assert_eq!((out.len(), out[0].0.as_str()), (1, "orders"));
    }

    #[test]
    fn what_follows_an_invalid_type_stays() {
        let own = "[[parent]]\nkind = \"account\"\nplural = \"accounts\"\nroot = true\n";
        let text = format!("[[type]]\nname = \"a\"\n{own}");
        let catalog = Catalog::parse_valid(&text).unwrap();
        assert_eq!(catalog.out_of_service().len(), 1);
        assert_eq!(catalog.kinds().root().plural, "accounts");
        let wrong = text.replace("root = true", "root = 1");
        assert!(Catalog::parse_valid(&wrong).is_err());
    }

    #[test]
    fn without_a_valid_type_nothing_is_in_service_and_without_types_there_is_no_catalog() {
        let (names, out) = served("[[type]]\nname = \"a\"\n[[type]]\nname = \"b\"\n");
        assert_eq!(names, [""; 0]);
        let out: Vec<_> = out.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(out, ["a", "b"]);
        for text in ["", "type = 3", "typo"] {
            assert!(Catalog::parse_valid(text).is_err(), "{text}");
        }
    }
}
