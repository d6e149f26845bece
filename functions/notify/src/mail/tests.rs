use insta::assert_snapshot;
use waybill::event::Actor;
use waybill::export::Failure;

use super::*;
use waybill_testing::{at, processing, succeeded, timing};

fn letterhead() -> Letterhead {
    Letterhead {
        product: "Waybill".into(),
        public_url: "https://exports.example.com".into(),
        support: Some("help@example.com".into()),
        logo: None,
    }
}

fn mail(export: &Export, attached: Attached) -> Mail {
    write(export, "Orders", attached, &letterhead(), at(20)).unwrap()
}

fn ready() -> Export {
    let mut export = succeeded(10).export;
    let file = export.file.as_mut().unwrap();
    (file.rows, file.size) = (10_000, 812_345);
    export
}

fn failed() -> Export {
    let failure = Failure {
        code: "gave_up".into(),
        message: "The file could not be made in 5 attempts. Please start the export again later."
            .into(),
        retryable: true,
    };
    processing(0).fail(failure, at(10), timing()).after.export
}

fn canceled() -> Export {
    processing(0)
        .cancel(Actor::default(), at(10), timing())
        .after
        .export
}

#[test]
fn a_ready_file_attached() {
    let mail = mail(&ready(), Attached::Yes);
    assert_snapshot!("ready_subject", mail.subject);
    assert_snapshot!("ready_text", mail.text);
    assert_snapshot!("ready_html", mail.html);
}

#[test]
fn a_ready_file_with_warnings_and_a_link_alone() {
    let of_records = |code, attribute: Option<&str>, count| Warning {
        code,
        column: None,
        attribute: attribute.map(str::to_owned),
        count,
        example: Some("a key, which no mail shows".into()),
    };
    let warnings = vec![
        Warning::for_column(WarningCode::CellCut, "note", 3),
        Warning::for_column(WarningCode::NumberAsText, "amount", 1),
        Warning::for_column(WarningCode::TimeAsText, "born", 4),
        Warning::for_column(WarningCode::CharactersDropped, "city", 1_200),
        Warning::for_column(WarningCode::TimeCut, "created_at", 2),
        of_records(WarningCode::Undated, Some("created_at"), 1),
        of_records(WarningCode::Undecided, Some("sk"), 7),
        of_records(WarningCode::BlankRow, None, 2),
        Warning::for_column(WarningCode::OtherKind, "age", 3),
        of_records(WarningCode::OtherKind, None, 12),
    ];
    let mail = mail(
        &Export {
            warnings,
            ..ready()
        },
        Attached::Not,
    );
    assert_snapshot!("warnings_text", mail.text);
    assert_snapshot!("warnings_html", mail.html);
}

#[test]
fn a_mail_says_why_its_file_is_not_attached() {
    let large = mail(&ready(), Attached::TooLarge);
    assert!(
        large.text.contains("too large for a mail") && large.html.contains("too large for a mail")
    );
    let lost = mail(&ready(), Attached::Unavailable);
    assert!(
        lost.text.contains("could not be attached") && lost.html.contains("could not be attached")
    );
    let withheld = mail(&ready(), Attached::Withheld);
    assert_snapshot!("withheld_text", withheld.text);
    assert!(withheld.html.contains("is not attached to this mail"));
}

#[test]
fn a_failed_export() {
    let mail = mail(&failed(), Attached::Not);
    assert_snapshot!("failed_subject", mail.subject);
    assert_snapshot!("failed_text", mail.text);
    assert_snapshot!("failed_html", mail.html);
}

#[test]
fn a_canceled_export() {
    let mail = mail(&canceled(), Attached::Not);
    assert_snapshot!("canceled_subject", mail.subject);
    assert_snapshot!("canceled_text", mail.text);
    assert_snapshot!("canceled_html", mail.html);
}

#[test]
fn a_file_that_expired_before_the_mail() {
    let late = at(10 + 7 * 86_400);
    let mail = write(&ready(), "Orders", Attached::Not, &letterhead(), late).unwrap();
    assert_snapshot!("expired_subject", mail.subject);
    assert_snapshot!("expired_text", mail.text);
    assert_snapshot!("expired_html", mail.html);
}

#[test]
fn texts_from_outside_cannot_add_a_line_or_a_tag() {
    let mut export = ready();
    export.user.name = Some("Ana\r\nBcc: x@example.com\u{2028}<script>alert(1)</script>".into());
    export.file_name = "a\r\nb<img src=x onerror=alert(1)>\"'.csv".into();
    export.warnings = vec![Warning::for_column(WarningCode::CellCut, "<b>\nx", 1)];
    let letterhead = Letterhead {
        product: "A & B\n<i>".into(),
        ..letterhead()
    };
    let mail = write(&export, "Or\nders<u>", Attached::Yes, &letterhead, at(20)).unwrap();
    assert_eq!(
        mail.subject,
        r#"Or ders<u> export ready: a b<img src=x onerror=alert(1)>"'.csv"#
    );
    assert!(
        mail.text
            .starts_with("Hello Ana Bcc: x@example.com <script>alert(1)</script>,\n\n")
    );
    for tag in ["<script", "<img", "<b>", "<i>", "<u>"] {
        assert!(!mail.html.contains(tag), "{tag}: {}", mail.html);
    }
    assert!(mail.html.contains("A &#38; B &#60;i&#62;"), "{}", mail.html);
}

#[test]
fn a_person_without_a_name_and_a_product_without_support() {
    let mut export = ready();
    export.user.name = Some("\n".into());
    let letterhead = Letterhead {
        support: None,
        ..letterhead()
    };
    let mail = write(&export, "Orders", Attached::Not, &letterhead, at(20)).unwrap();
    assert!(mail.text.starts_with("Hello,\n") && mail.html.contains("Hello,</p>"));
    assert!(!mail.text.contains("Questions") && !mail.html.contains("Questions"));
}

#[test]
fn a_logo_replaces_the_products_name_in_html() {
    let letterhead = Letterhead {
        logo: Some("https://example.com/logo.png?a=1&b=\"2".into()),
        ..letterhead()
    };
    let mail = write(&ready(), "Orders", Attached::Not, &letterhead, at(20)).unwrap();
    assert!(
        mail.html
            .contains(r#"<img src="https://example.com/logo.png?a=1&#38;b=&#34;2" alt="Waybill""#),
        "{}",
        mail.html
    );
    assert!(!mail.text.contains("logo"));
}

#[test]
fn counts_and_sizes_are_formatted_for_people() {
    let rows: Vec<_> = [0, 1, 999, 1_000, 1_234_567]
        .map(|n| counted(n, "row"))
        .into();
    assert_eq!(
        rows,
        [
            "0 rows",
            "1 row",
            "999 rows",
            "1,000 rows",
            "1,234,567 rows"
        ]
    );
    let sizes: Vec<_> = [1, 999, 1_000, 812_345, 7_000_000, 3_400_000_000]
        .map(size)
        .into();
    assert_eq!(
        sizes,
        [
            "1 byte",
            "999 bytes",
            "1.0 KB",
            "812.3 KB",
            "7.0 MB",
            "3.4 GB"
        ]
    );
}

#[test]
fn times_are_in_the_exports_time_zone() {
    let at: Timestamp = "2026-07-01T22:30:00Z".parse().unwrap();
    assert_eq!(
        local(at, "Europe/Lisbon"),
        "1 July 2026, 23:30 (Europe/Lisbon)"
    );
    assert_eq!(
        local(at, "America/Sao_Paulo"),
        "1 July 2026, 19:30 (America/Sao_Paulo)"
    );
    assert_eq!(local(at, "Mars/Olympus"), "1 July 2026, 22:30 (UTC)");
}
