use super::*;

/// The text and the forms of values with these bytes.
fn texts(values: &[&[u8]]) -> Vec<(Form, String)> {
    let mut bytes = Vec::new();
    let ends = values.iter().map(|value| {
        bytes.extend_from_slice(value);
        bytes.len() as u32
    });
    let form = Form::Text;
    let mut spans: Vec<ValueSpan> = ends.map(|end| ValueSpan { form, end }).collect();
    let text = text_of(bytes, &mut spans).unwrap();
    let mut start = 0;
    let value = |span: &ValueSpan| {
        let value = text[start..span.end as usize].to_owned();
        start = span.end as usize;
        (span.form, value)
    };
    spans.iter().map(value).collect()
}

#[test]
fn bytes_that_are_no_text_are_replaced_in_their_values_alone() {
    let text = |text: &str| (Form::Text, text.to_owned());
    let lossy = |text: &str| (Form::LossyText, text.to_owned());
    assert_eq!(
        texts(&["é".as_bytes(), b"", b"a"]),
        [text("é"), text(""), text("a")]
    );
    assert_eq!(
        texts(&["é".as_bytes(), b"a\xffb", b"c"]),
        [text("é"), lossy("a\u{fffd}b"), text("c")]
    );
}

#[test]
fn a_character_in_two_values_is_none() {
    let replaced = (Form::LossyText, "\u{fffd}".to_owned());
    assert_eq!(texts(&[b"\xc3", b"\xa9"]), [replaced.clone(), replaced]);
}
