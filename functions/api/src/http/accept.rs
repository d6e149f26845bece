//! What a client accepts: the headers `Accept` and `Accept-Encoding` (RFC 9110, section 12.5).

use http::HeaderMap;
use http::header::HeaderName;

/// Whether a header lists a value with a weight above 0. A weight that is no number counts as 0.
pub(crate) fn accepts(headers: &HeaderMap, header: HeaderName, value: &str) -> bool {
    let lists = headers.get_all(header).iter();
    let lists = lists.filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_value = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(value));
        let mut weights = parts.filter_map(|parameter| {
            let (name, weight) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then_some(weight)
        });
        let weight = weights
            .next()
            .map_or(Ok(1.0), |weight| weight.trim().parse::<f32>());
        is_value && weight.is_ok_and(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::ACCEPT;

    use super::*;

    #[test]
    fn a_value_is_accepted_unless_its_weight_is_0() {
        for (list, is_accepted) in [
            ("application/json", true),
            ("text/html, Application/JSON ; q=0.5", true),
            ("application/json;charset=utf-8;q=1", true),
            ("application/json;q=0", false),
            ("application/json; charset=utf-8; Q=0.000", false),
            ("application/json;q=much", false),
            ("application/json-patch", false),
            ("*/*", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(list))]);
            assert_eq!(
                accepts(&headers, ACCEPT, "application/json"),
                is_accepted,
                "{list}"
            );
        }
        assert!(!accepts(&HeaderMap::new(), ACCEPT, "application/json"));
    }
}
