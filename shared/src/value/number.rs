//! Numbers as text: parsing, conversion to doubles, and comparison without losing digits.

use std::borrow::Cow;
use std::cmp::Ordering;

/// The parts of a number's text: `-12.50e3` is `-`, `12`, `50` and 3.
struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl Parts<'_> {
    /// The absolute value as `0.d1d2d3… × 10^point`: the point and the digits, which neither begin nor end with a 0.
    /// `None` for zero.
    fn magnitude(&self) -> Option<(i64, String)> {
        let digits = format!("{}{}", self.whole, self.fraction);
        let significant = digits.trim_start_matches('0');
        if significant.is_empty() {
            return None;
        }
        let leading = digits.len() - significant.len();
        let point = (self.whole.len() as i64 - leading as i64).saturating_add(self.exponent);
        Some((point, significant.trim_end_matches('0').to_owned()))
    }
}

/// Parses JSON's grammar for numbers (RFC 8259, section 6) and a leading `+`. A text such as `007` is no number: it is
/// a code, and as a number it would lose its zeros.
fn parts(text: &str) -> Option<Parts<'_>> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, rest) = split_digits(unsigned);
    if whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    let (fraction, rest) = match rest.strip_prefix('.') {
        None => ("", rest),
        Some(rest) => Some(split_digits(rest)).filter(|(fraction, _)| !fraction.is_empty())?,
    };
    let exponent = match rest.as_bytes() {
        [] => 0,
        [b'e' | b'E', ..] => {
            let exponent = &rest[1..];
            if !is_digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)) {
                return None;
            }
            exponent.parse().ok()?
        }
        _ => return None,
    };
    Some(Parts {
        negative,
        whole,
        fraction,
        exponent,
    })
}

/// Splits a text after its leading digits.
fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether the text is a number: `12`, `-0.5`, `1e10`.
#[inline]
pub fn is_number(text: &str) -> bool {
    is_plain(text.as_bytes()) || parts(text).is_some()
}

/// Whether the text is a number of only digits, a minus sign and a point, as most numbers are. Costs less than parsing.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let is_whole = whole == 1 || (whole > 1 && digits[0] != b'0');
    is_whole
        && match &digits[whole..] {
            [] => true,
            [b'.', fraction @ ..] => {
                !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit)
            }
            _ => false,
        }
}

/// Whether the text is a whole number without fraction and exponent.
pub fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    is_digits(digits) && (digits.len() == 1 || !digits.starts_with('0'))
}

/// Converts a whole number of hundredths to a decimal with two places: `-5` to `-0.05`. `None` for a text that is no
/// whole number.
pub fn from_cents(text: &str) -> Option<String> {
    if !is_integer(text) {
        return None;
    }
    let digits = text.trim_start_matches(['-', '+']);
    let sign = if text.starts_with('-') { "-" } else { "" };
    let padded = format!("{digits:0>3}");
    let (whole, hundredths) = padded.split_at(padded.len() - 2);
    Some(format!("{sign}{whole}.{hundredths}"))
}

/// The double whose shortest decimal form has the same value as the text. `None` where digits would be lost, or where
/// the text is no number.
pub fn exact_double(text: &str) -> Option<f64> {
    let number = parts(text)?;
    let double: f64 = text.parse().ok()?;
    // A double keeps any 15 significant digits (IEEE 754).
    if number.exponent == 0 && number.whole.len() + number.fraction.len() <= 15 {
        return Some(double);
    }
    (double.is_finite() && normal(&format!("{double:e}")) == normal(text)).then_some(double)
}

/// Compares two numbers by value, or texts that are no numbers by their bytes.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (Some(x), Some(y)) = (parts(a), parts(b)) else {
        return a.cmp(b);
    };
    match (x.magnitude(), y.magnitude()) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => {
            if y.negative {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (Some(_), None) => {
            if x.negative {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (Some(_), Some(_)) if x.negative != y.negative => y.negative.cmp(&x.negative),
        (Some(x_magnitude), Some(y_magnitude)) => {
            let order = x_magnitude.cmp(&y_magnitude);
            if x.negative { order.reverse() } else { order }
        }
    }
}

/// The canonical form of a number, so that `1.50`, `1.5` and `15e-1` are equal. A text that is no number is unchanged.
pub fn normal(text: &str) -> Cow<'_, str> {
    let Some(number) = parts(text) else {
        return Cow::Borrowed(text);
    };
    let Some((point, significant)) = number.magnitude() else {
        return Cow::Borrowed("0");
    };
    let sign = if number.negative { "-" } else { "" };
    Cow::Owned(format!("{sign}0.{significant}e{point}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_follow_the_grammar_of_json() {
        for text in [
            "0",
            "-0",
            "12",
            "+5",
            "-0.5",
            "1.50",
            "1e10",
            "2E-3",
            "9007199254740993",
        ] {
            assert!(is_number(text), "{text:?}");
        }
        for text in [
            "", "-", "+", ".", "1.", ".5", "007", "1e", "1e+", "--1", "+-1", " 1", "1 ", "1,000",
            "0x10", "NaN", "inf", "١", "1_0", "1e1.5", "=1", "-1+1",
        ] {
            assert!(!is_number(text), "{text:?}");
        }
    }

    #[test]
    fn hundredths_become_a_decimal_by_their_digits() {
        for (cents, decimal) in [
            ("0", "0.00"),
            ("5", "0.05"),
            ("-5", "-0.05"),
            ("100", "1.00"),
            ("1234", "12.34"),
            (
                "12345678901234567890123456789012345678",
                "123456789012345678901234567890123456.78",
            ),
        ] {
            assert_eq!(from_cents(cents).as_deref(), Some(decimal));
        }
        for text in ["", "12.5", "1e3", "abc", "007"] {
            assert_eq!(from_cents(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_double_is_exact_only_if_it_has_the_same_value() {
        for (text, double) in [
            ("0.1", 0.1),
            ("-12.50", -12.5),
            ("9007199254740992", 9_007_199_254_740_992.0),
            ("1e22", 1e22),
            ("100000000000000000000", 1e20),
        ] {
            assert_eq!(exact_double(text), Some(double), "{text}");
        }
        for text in [
            "9007199254740993",
            "0.1000000000000000055",
            "12345678901234567.8",
            "1e400",
            "1e-400",
            "x",
        ] {
            assert_eq!(exact_double(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_in_the_order_of_their_values() {
        let ascending = [
            "-1e3",
            "-20",
            "-3.5",
            "-0.001",
            "0",
            "0.0009",
            "1",
            "2",
            "10",
            "10.5",
            "1e2",
            "9007199254740993",
        ];
        for (n, a) in ascending.iter().enumerate() {
            for (m, b) in ascending.iter().enumerate() {
                assert_eq!(compare(a, b), n.cmp(&m), "{a} {b}");
            }
        }
        assert_eq!(compare("-0", "0.00"), Ordering::Equal);
        assert_eq!(compare("1.50", "15e-1"), Ordering::Equal);
    }

    proptest! {
        #[test]
        fn a_number_that_is_told_by_its_characters_is_one(text in "-?[-+.0-9e]{0,6}") {
            prop_assert!(!is_plain(text.as_bytes()) || parts(&text).is_some(), "{}", text);
        }

        #[test]
        fn every_double_is_held_exactly(double in proptest::num::f64::NORMAL) {
            prop_assert_eq!(exact_double(&format!("{double:e}")), Some(double));
        }

        #[test]
        fn normal_forms_are_equal_for_equal_integers(n: i64, zeros in 0_usize..5) {
            let plain = n.to_string();
            let padded = format!("{n}.{}", "0".repeat(zeros + 1));
            prop_assert_eq!(normal(&plain), normal(&padded));
        }

        #[test]
        fn different_integers_have_different_normal_forms(a: i64, b: i64) {
            prop_assert_eq!(normal(&a.to_string()) == normal(&b.to_string()), a == b);
        }
    }
}
