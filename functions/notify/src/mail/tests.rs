use insta::assert_snapshot;
use waybill::event::Actor;
use waybill::export::Failure;

use super::*;
use waybill::catalog::Catalog;
use waybill_testing::{at, processing, succeeded, timing};

fn letterhead() -> Letterhead {
    Letterhead {
        product: "Waybill".into(),
        public_url: "https://exports.example.com".into(),
        support: Some("help@example.com".into()),
        logo: None,
    }
}

fn orders() -> ExportType {
    Catalog::built_in().unwrap().get("orders").unwrap().clone()
}

fn mail(export: &Export, attached: Attached) -> Mail {
    write(export, Some(&orders()), attached, &letterhead(), at(20)).unwrap()
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
        large.text.contains("too large for an email")
            && large.html.contains("too large for an email")
    );
    let lost = mail(&ready(), Attached::Unavailable);
    assert!(
        lost.text.contains("could not be attached") && lost.html.contains("could not be attached")
    );
    let withheld = mail(&ready(), Attached::Withheld);
    assert_snapshot!("withheld_text", withheld.text);
    assert!(withheld.html.contains("is not attached to this email"));
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
    let mail = write(
        &ready(),
        Some(&orders()),
        Attached::Not,
        &letterhead(),
        late,
    )
    .unwrap();
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
    let of = ExportType {
        label: "Or\nders<u>".into(),
        ..orders()
    };
    let mail = write(&export, Some(&of), Attached::Yes, &letterhead, at(20)).unwrap();
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
    let mail = write(&export, Some(&orders()), Attached::Not, &letterhead, at(20)).unwrap();
    assert!(mail.text.starts_with("Hello,\n") && mail.html.contains("Hello,</p>"));
    assert!(!mail.text.contains("Questions") && !mail.html.contains("Questions"));
}

#[test]
fn a_logo_replaces_the_products_name_in_html() {
    let letterhead = Letterhead {
        logo: Some("https://example.com/logo.png?a=1&b=\"2".into()),
        ..letterhead()
    };
    let mail = write(
        &ready(),
        Some(&orders()),
        Attached::Not,
        &letterhead,
        at(20),
    )
    .unwrap();
    assert!(
        mail.html
            .contains(r#"<img src="https://example.com/logo.png?a=1&#38;b=&#34;2" alt="Waybill""#),
        "{}",
        mail.html
    );
    assert!(!mail.text.contains("logo"));
}

#[test]
fn what_narrows_an_export_is_said_as_on_the_page() {
    let mut export = ready();
    export.filters = serde_json::json!({
        "created_at": {"from": "2026-10-31T00:00:00Z", "to": "2026-12-01T00:00:00Z"},
        "status": ["paid", "shipped"],
        "gone": {"not": ["a", "b"], "min": "10"},
    });
    export.search = Some("ana".into());
    let of = |export: &Export| {
        let text = mail(export, Attached::Not).text;
        text.lines().nth(6).unwrap().to_owned()
    };
    assert_eq!(
        of(&export),
        "Orders: Status: paid or shipped · Created at Oct 31, 2026 – Nov 30, 2026 · Gone not a or b, \
         Gone at least 10 · containing “ana”"
    );
    assert_eq!(of(&ready()), "All Orders");
}

#[test]
fn a_mail_is_in_the_language_of_the_request() {
    for language in ["de-AT", "pt", "ar"] {
        let mut export = ready();
        export.locale = Some(language.into());
        export.warnings = vec![Warning::for_column(WarningCode::CellCut, "note", 3)];
        let mail = mail(&export, Attached::Not);
        assert_snapshot!(format!("ready_{language}_subject"), mail.subject);
        assert_snapshot!(format!("ready_{language}_text"), mail.text);
        assert_snapshot!(format!("ready_{language}_html"), mail.html);
    }
}

/// The mail and the page are of one product.
#[test]
fn the_colors_are_those_of_the_page() {
    let styles = include_str!("../../../api/page/parts.css");
    let html = mail(&ready(), Attached::Not).html;
    let colors: Vec<&str> = html
        .split('#')
        .skip(1)
        .filter_map(|rest| rest.get(..6))
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .collect();
    assert!(colors.len() > 20, "{colors:?}");
    for color in colors {
        let short = format!("#{}", &color[..3]);
        let is_of_page = styles.contains(&format!("#{color}")) || styles.contains(&short);
        assert!(is_of_page, "{color}");
    }
}
