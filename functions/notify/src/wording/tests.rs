use super::*;

fn english() -> Wording {
    Wording::of(None).unwrap()
}

#[test]
fn the_language_is_that_of_the_locale_or_else_english() {
    for (locale, code) in [
        (Some("de-AT"), "de"),
        (Some("pt_BR"), "pt"),
        (Some("ar"), "ar"),
        (Some("EN-gb"), "en"),
        (Some("fr"), "en"),
        (Some(""), "en"),
        (None, "en"),
    ] {
        assert_eq!(
            Wording::of(locale).unwrap().language.code,
            code,
            "{locale:?}"
        );
    }
}

/// The same as `Intl` writes in a browser: see `tests/tests/page/mails.rs`.
#[test]
fn counts_and_sizes_are_formatted_for_people() {
    let english = english();
    let rows = |count| english.counted("list.row-count", count).plain();
    assert_eq!(
        [0, 1, 999, 1_000, 1_234_567].map(rows),
        [
            "0 rows",
            "1 row",
            "999 rows",
            "1,000 rows",
            "1,234,567 rows"
        ]
    );
    for (bytes, size) in [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1 kB"),
        (812_345, "812.3 kB"),
        (812_350, "812.4 kB"),
        (7_000_000, "7 MB"),
        (3_400_000_000, "3.4 GB"),
        (12_000_000_000_000, "12 TB"),
        (u64::MAX, "18,446,744.1 TB"),
    ] {
        assert_eq!(english.size(bytes), size);
    }
    let arabic = Wording::of(Some("ar")).unwrap();
    let rows = |count| arabic.counted("list.row-count", count).plain();
    assert_eq!(
        [0, 1, 2, 3, 11, 100].map(rows),
        [
            "لا توجد صفوف",
            "صف واحد",
            "صفان",
            "3 صفوف",
            "11 صفًا",
            "100 صف"
        ]
    );
    let portuguese = Wording::of(Some("pt-BR")).unwrap();
    assert_eq!(portuguese.counted("list.row-count", 0).plain(), "0 linhas");
    assert_eq!(portuguese.size(812_345), "812,3 kB");
}

#[test]
fn times_are_in_the_exports_time_zone() {
    let at: Timestamp = "2026-07-01T22:30:00Z".parse().unwrap();
    for (locale, zone, said) in [
        (
            "en",
            "Europe/Lisbon",
            "Jul 1, 2026, 11:30\u{202f}PM (Europe/Lisbon)",
        ),
        (
            "en-GB",
            "America/Sao_Paulo",
            "1 Jul 2026, 19:30 (America/Sao_Paulo)",
        ),
        ("de", "Europe/Berlin", "02.07.2026, 00:30 (Europe/Berlin)"),
        ("en-GB", "Mars/Olympus", "1 Jul 2026, 22:30 (UTC)"),
    ] {
        let wording = Wording::of(Some(locale)).unwrap();
        assert_eq!(wording.time_and_zone(at, zone), said, "{locale}");
    }
}
