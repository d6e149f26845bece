//! What the command finds, and how it is printed.

use super::Found;

/// Something that would keep the stack from working, or that the operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    what: String,
    remedy: String,
    /// Whether the stack works in spite of it.
    is_note: bool,
}

impl Finding {
    /// Something is wrong.
    pub(super) fn wrong(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
            is_note: false,
        }
    }

    /// Something that the operator may want otherwise.
    pub(super) fn note(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            is_note: true,
            ..Self::wrong(what, remedy)
        }
    }
}

/// Prints what was found of a part. Returns whether nothing is wrong with it.
pub(super) fn print(part: &str, found: &Found) -> bool {
    let findings = match found {
        Ok(findings) => findings,
        Err(error) => {
            println!("  unknown  {part}: {error}");
            return false;
        }
    };
    if findings.is_empty() {
        println!("  ok       {part}");
    }
    for finding in findings {
        let mark = if finding.is_note { "note " } else { "wrong" };
        println!(
            "  {mark}    {part}: {}\n           {}",
            finding.what, finding.remedy
        );
    }
    findings.iter().all(|finding| finding.is_note)
}
