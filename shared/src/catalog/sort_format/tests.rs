use ::ulid::Ulid;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use svix_ksuid::{Ksuid, KsuidLike};
use uuid::Uuid;

use super::*;

fn format(text: &str) -> SortFormat {
    SortFormat::parse(text).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_bound_is_in_the_keys_own_format() {
    let instant = at("2017-10-02T10:56:33.0005Z");
    for (name, from, until) in [
        (
            "rfc3339_s#id",
            "2017-10-02T10:56:33Z",
            "2017-10-02T10:56:34Z",
        ),
        (
            "rfc3339_ms",
            "2017-10-02T10:56:33.000Z",
            "2017-10-02T10:56:33.001Z",
        ),
        (
            "{rfc3339_us}#{id}",
            "2017-10-02T10:56:33.000500Z",
            "2017-10-02T10:56:33.000500Z",
        ),
        (
            "rfc3339_ns",
            "2017-10-02T10:56:33.000500000Z",
            "2017-10-02T10:56:33.000500000Z",
        ),
        ("epoch_s", "1506941793", "1506941794"),
        ("epoch_ms", "1506941793000", "1506941793001"),
        (
            "ORDER#{rfc3339_s}#{id}",
            "ORDER#2017-10-02T10:56:33Z",
            "ORDER#2017-10-02T10:56:34Z",
        ),
        // A day in any time zone.
        ("{date}/{id}", "2017-10-01", "2017-10-04"),
        ("A#{ulid}", "A#01BVEBNWQ8", "A#01BVEBNWQ9"),
        ("a#{ulid_lower}", "a#01bvebnwq8", "a#01bvebnwq9"),
        (
            "{rfc3339_s_lower}#{id}",
            "2017-10-02t10:56:33z",
            "2017-10-02t10:56:34z",
        ),
        (
            "A#{ksuid}",
            "A#0uO7S826NjDA0GaAg3hLN7rjiT2",
            "A#0uO7SFpAPwTW5kFwQDUUA0yzQ5A",
        ),
        ("{uuid7}", "015edcba-f2e8", "015edcba-f2e9"),
    ] {
        let format = format(name);
        assert_eq!(format.lower_bound(instant).as_deref(), Some(from), "{name}");
        assert_eq!(
            format.upper_bound(instant).as_deref(),
            Some(until),
            "{name}"
        );
    }
    for name in [
        "epoch_ms#id",
        "A#{epoch_ms}",
        "rfc3339#id",
        "id",
        "{id}#{ulid}",
        "ORDER#{*}",
    ] {
        assert_eq!(format(name).lower_bound(instant), None, "{name}");
        assert_eq!(format(name).upper_bound(instant), None, "{name}");
    }
}

#[test]
fn a_key_names_its_instant_only_in_its_format() {
    let instant = Some(at("2017-10-02T10:56:33Z"));
    for (name, key, expected) in [
        ("rfc3339_s#id", "2017-10-02T10:56:33Z#a#b", instant),
        ("rfc3339_s#id", "2017-10-02T10:56:33Z", None),
        ("rfc3339_s#id", "2017-10-02T10:56:33.017Z#a", None),
        ("rfc3339_s#id", "2017-10-02T10:56:33+00:00#a", None),
        ("rfc3339_s#id", "2017-10-02 10:56:33Z#a", None),
        ("rfc3339_ms", "2017-10-02T10:56:33.000Z", instant),
        ("rfc3339", "2017-10-02T12:56:33.0+02:00", instant),
        ("epoch_s", "1506941793", instant),
        ("epoch_ms#id", "1506941793000#a", instant),
        ("id", "2017-10-02T10:56:33Z", None),
        // Ids have characters that divide no segments.
        ("{rfc3339_s}-{id}", "2017-10-02T10:56:33Z-a-b", None),
        ("{rfc3339_s}#{id}", "2017-10-02T10:56:33Z#a-b_c.d", instant),
        (
            "at_{rfc3339_s}/id_{id}",
            "at_2017-10-02T10:56:33Z/id_inv_1",
            instant,
        ),
        (
            "at_{rfc3339_s}/id_{id}",
            "at_2017-10-02T10:56:33Z/id_a/b",
            None,
        ),
        (
            "a_{rfc3339_s_lower}#{id}",
            "a_2017-10-02t10:56:33z#b",
            instant,
        ),
        ("a_{rfc3339_s_lower}#{id}", "a_2017-10-02T10:56:33Z#b", None),
        ("{rfc3339_ms_lower}", "2017-10-02t10:56:33.000z", instant),
        ("{rfc3339_s}-{*}", "2017-10-02T10:56:33Z-a-b", instant),
        ("USER#{id}#AT#{epoch_s}", "USER#7#AT#1506941793", instant),
        ("{date}", "2017-10-02", Some(at("2017-10-02T00:00:00Z"))),
        ("{ulid}", "01BVEBNWQ8ZZZZZZZZZZZZZZZZ", instant),
        ("{ulid}", "01bvebnwq8zzzzzzzzzzzzzzzz", None),
        ("{ulid_lower}", "01bvebnwq8zzzzzzzzzzzzzzzz", instant),
        ("{ulid_lower}", "01BVEBNWQ8ZZZZZZZZZZZZZZZZ", None),
        ("{ulid}", "81BVEBNWQ8ZZZZZZZZZZZZZZZZ", None),
        ("{ulid}", "01BVEBNWQ8ZZZZZZZZZZZZZZZU", None),
        // An example of the specification.
        (
            "{ksuid}",
            "0ujtsYcgvSTl8PAuAdqWYSMnLOv",
            Some(at("2017-10-10T04:00:47Z")),
        ),
        (
            "{ksuid}",
            "aWgEPTl1tmebfsQzFP4bxwgy80V",
            Some(at("2150-06-19T23:21:35Z")),
        ),
        ("{ksuid}", "aWgEPTl1tmebfsQzFP4bxwgy80W", None),
        // An example of RFC 9562, appendix A.6.
        (
            "{uuid7}",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
            Some(at("2022-02-22T19:22:22Z")),
        ),
        ("{uuid7}", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F", None),
        ("{uuid7}", "017f22e2-79b0-4cc3-98c4-dc0c0c07398f", None),
    ] {
        assert_eq!(format(name).instant(key), expected, "{name} {key}");
    }
}

#[test]
fn the_literal_text_of_a_key_tells_other_records_apart() {
    use KeyForm::{Fits, OfAnotherType, Unreadable};
    for (template, key, form) in [
        (
            "ORDER#{rfc3339_s}#{id}",
            "ORDER#2017-10-02T10:56:33Z#7",
            Fits,
        ),
        (
            "ORDER#{rfc3339_s}#{id}",
            "ORDER#2017-10-02T10:56:33Z#7#ITEM#1",
            OfAnotherType,
        ),
        ("ORDER#{rfc3339_s}#{id}", "ORDER#yesterday#7", Unreadable),
        (
            "ORDER#{rfc3339_s}#{id}",
            "ORDER#2017-10-02T10:56:33Z#",
            Unreadable,
        ),
        (
            "ORDER#{rfc3339_s}#{id}",
            "PAYMENT#2017-10-02T10:56:33Z#7",
            OfAnotherType,
        ),
        (
            "ORDER#{ulid}",
            "ORDER#01BVEBNWQ8ZZZZZZZZZZZZZZZZ#ITEM#1",
            OfAnotherType,
        ),
        ("ORDER#{ulid}", "ORDER#7", Unreadable),
        ("order_{id}", "order_7", Fits),
        // The id could be `7_item_1`.
        ("order_{id}", "order_7_item_1", Unreadable),
        ("$order#id_{id}", "$order#id_7_item_1", Fits),
        ("$order#id_{id}", "$order#id_7#item_1", OfAnotherType),
        ("order_{*}", "order_7_item_1", Fits),
        ("USER#{id}#ORDER#{id}", "USER#7#ORDER#8", Fits),
        ("USER#{id}#ORDER#{id}", "USER#7#PROFILE", OfAnotherType),
        (
            "$orders#orderid_{id}#status_{id}",
            "$orders#orderid_7#status_open",
            Fits,
        ),
        // Without a word, no record can be told to be another.
        ("{rfc3339_s}", "2017-10-02T10:56:33Z#a", Unreadable),
        ("{id}", "a#b", Unreadable),
        ("{*}", "", Fits),
    ] {
        assert_eq!(
            super::SortFormat::form(&format(template), key),
            form,
            "{template} {key}"
        );
    }
}

#[test]
fn a_template_that_cannot_be_meant_is_refused() {
    let refused = |text: &str| SortFormat::parse(text).unwrap_err();
    for text in [
        "",
        "#id",
        "rfc3339#",
        "rfc3339#name",
        "rfc3339_ms#id#id",
        "id#rfc3339",
        "iso8601",
        "ORDER#",
    ] {
        assert!(refused(text).contains("has no placeholder"), "{text:?}");
    }
    for (text, problem) in [
        ("{iso}", "has no placeholder {iso}; there are {rfc3339_s}, "),
        ("{ulid", "no closing brace"),
        ("}{ulid}", "a brace that nothing opens"),
        ("{ulid}}", "a brace that nothing opens"),
        ("{ulid}#{date}", "only one time"),
        ("{*}#{ulid}", "nothing can follow it"),
        ("{id}#{*}#", "nothing can follow it"),
        ("{ulid}{id}", "a literal text between them"),
        ("{rfc3339}-{id}", "followed by `-`"),
        ("{epoch_s}0{id}", "followed by `0`"),
    ] {
        assert!(refused(text).contains(problem), "{text}: {}", refused(text));
    }
}

#[test]
fn a_format_is_stored_as_it_is_written() {
    for text in ["rfc3339_ms#id", "ORDER#{rfc3339_ms}#{id}"] {
        let stored = serde_json::to_string(&format(text)).unwrap();
        assert_eq!(stored, format!("\"{text}\""));
        assert_eq!(
            serde_json::from_str::<SortFormat>(&stored).unwrap(),
            format(text)
        );
    }
}

/// The key that a record of this instant has, as the format's own library writes it, and the instant with the precision of the key.
fn key(name: &str, nanoseconds: i64, random: [u8; 16]) -> String {
    let instant = Timestamp::from_nanosecond(nanoseconds.into()).unwrap();
    let milliseconds = instant.as_millisecond() as u64;
    match name {
        "ulid" => Ulid::from_parts(milliseconds, u128::from_be_bytes(random) >> 48).to_string(),
        "ksuid" => {
            let seconds = (instant.as_second() - 1_400_000_000) as u32;
            let mut bytes = [0; 20];
            bytes[..4].copy_from_slice(&seconds.to_be_bytes());
            bytes[4..].copy_from_slice(&random);
            Ksuid::from_bytes(bytes).to_string()
        }
        "uuid7" => {
            let random = random[..10].try_into().unwrap();
            let uuid = uuid::Builder::from_unix_timestamp_millis(milliseconds, random).into_uuid();
            Uuid::to_string(&uuid)
        }
        "date" => {
            // A zone of whole hours, from -12 to 14.
            let zone = TimeZone::fixed(jiff::tz::offset((random[0] % 27) as i8 - 12));
            zone.to_datetime(instant).date().to_string()
        }
        _ => format(name).lower_bound(instant).unwrap(),
    }
}

const SECOND: i64 = 1_000_000_000;

proptest! {
    /// A time range is therefore a key range, which misses no record and has none from more than a unit outside.
    #[test]
    fn the_range_of_keys_has_each_record_of_the_range_of_time(
        (name, unit) in prop::sample::select(vec![
            ("rfc3339_s", SECOND), ("rfc3339_ms", SECOND / 1_000), ("rfc3339_us", SECOND / 1_000_000), ("rfc3339_ns", 1),
            ("ulid", SECOND / 1_000), ("ksuid", SECOND), ("uuid7", SECOND / 1_000), ("date", 3 * 86_400 * SECOND),
        ]),
        record in 1_500_000_000 * SECOND..1_500_000_003 * SECOND,
        (from, until) in (1_500_000_000 * SECOND..1_500_000_003 * SECOND, 1_500_000_000 * SECOND..1_500_000_003 * SECOND),
        random: [u8; 16],
    ) {
        let format = format(&format!("ORDER#{{{name}}}#{{*}}"));
        let key = format!("ORDER#{}#{}", key(name, record, random), random[1]);
        prop_assert_eq!(format.form(&key), KeyForm::Fits);
        let instant = |nanoseconds: i64| Timestamp::from_nanosecond(nanoseconds.into()).unwrap();
        let is_in_keys = format.lower_bound(instant(from)).unwrap() <= key && key < format.upper_bound(instant(until)).unwrap();
        prop_assert_eq!(is_in_keys, format.is_within(&key, Some(instant(from)), instant(until)));
        if from <= record && record < until {
            prop_assert!(is_in_keys);
        }
        if record < from - unit || until + unit <= record {
            prop_assert!(!is_in_keys);
        }
        if format.is_before(&key, instant(until)) {
            prop_assert!(record < until && key < format.lower_bound(instant(until)).unwrap());
        }
    }

    #[test]
    fn any_text_is_a_format_or_refused_and_any_key_is_read(template in "[{}a-z0-9_#*]{0,12}|\\{(ulid|id|date)\\}[#{}a-z*]{0,8}", key in ".{0,30}") {
        if let Ok(format) = SortFormat::parse(&template) {
            format.form(&key);
            format.instant(&key);
        }
    }
}
