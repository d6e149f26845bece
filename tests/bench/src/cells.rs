//! Compares the cells of two spreadsheets.

use calamine::Data;

/// The tolerance for instants, in days, since writers print different numbers of digits: less than a tenth of a
/// millisecond, which no cell shows.
const INSTANT: f64 = 1e-9;

/// The first difference between two spreadsheets in words; `None` if they are equal.
pub fn difference(a: &[Vec<Data>], b: &[Vec<Data>]) -> Option<String> {
    if a.len() != b.len() {
        return Some(format!("{} and {} rows", a.len(), b.len()));
    }
    let mut rows = a.iter().zip(b);
    let row =
        rows.position(|(a, b)| a.len() != b.len() || !a.iter().zip(b).all(|(a, b)| is_same(a, b)))?;
    Some(format!("row {row}: {:?} and {:?}", a[row], b[row]))
}

fn is_same(a: &Data, b: &Data) -> bool {
    match (a, b) {
        (Data::DateTime(a), Data::DateTime(b)) => (a.as_f64() - b.as_f64()).abs() < INSTANT,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use calamine::{ExcelDateTime, ExcelDateTimeType};

    use super::*;

    fn instant(days: f64) -> Data {
        Data::DateTime(ExcelDateTime::new(days, ExcelDateTimeType::DateTime, false))
    }

    #[test]
    fn instants_are_compared_to_the_millisecond_and_other_cells_exactly() {
        let (a, b) = (42_370.000_023_148_146, 42_370.000_023_148_15);
        assert!(is_same(&instant(a), &instant(b)));
        assert!(!is_same(&instant(a), &instant(a + 0.001 / 86_400.0)));
        assert!(!is_same(&Data::Float(a), &Data::Float(b)));
        assert!(!is_same(&Data::Float(1.0), &Data::String("1".into())));
        assert!(!is_same(&Data::Empty, &Data::String(String::new())));
    }

    #[test]
    fn the_first_row_that_differs_is_shown() {
        let row = |text: &str| vec![Data::String(text.into())];
        let (a, b) = ([row("a"), row("b")], [row("a"), row("c")]);
        assert_eq!(difference(&a, &a), None);
        assert!(difference(&a, &b).is_some_and(|words| words.starts_with("row 1")));
        assert_eq!(difference(&a, &b[..1]).as_deref(), Some("2 and 1 rows"));
    }
}
