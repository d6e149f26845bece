//! The arguments of the command.

use crate::outcome::Failure;

pub(crate) const USAGE: &str = "\
waybill smoke STACK [--type TYPE --parent ID] [--person ID] [--mail ADDRESS]
    Does the main job on the deployed stack STACK once: records, an export, its file, its mail, the deletion. Says what
    differed from what it should be, and removes what it made. The exit code is 1 if anything differed.
    By default the command writes three records of a type in DynamoDB, for a parent with a new id. With --type and --parent it
    exports the records that a parent has, and writes none: for records in databases.
    PERSON is whose export it is: `waybill-smoke` by default. Where the stack asks a grants function, that person must be one
    who may see the parent. The mail goes to ADDRESS, by default to SES's simulator, which a new account may write to.
    Region and credentials are those of the AWS CLI. They need what docs/operations.md says.";

/// SES's address whose mails are delivered, also from the sandbox:
/// https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
const SIMULATOR: &str = "success@simulator.amazonses.com";
const PERSON: &str = "waybill-smoke";

#[derive(Debug, PartialEq)]
pub(super) struct Smoke {
    pub(super) stack: String,
    /// The type and the parent whose records are exported; `None` for records of the command's own.
    pub(super) existing: Option<(String, String)>,
    /// Whose export it is, where the person was named.
    pub(super) person: Option<String>,
    pub(super) mail: String,
}

impl Smoke {
    /// Whose export it is.
    pub(super) fn person(&self) -> &str {
        self.person.as_deref().unwrap_or(PERSON)
    }
}

/// Parses the arguments.
pub(super) fn parse(mut arguments: lexopt::Parser) -> Result<Smoke, Failure> {
    use lexopt::prelude::*;

    let (mut stack, mut of_type, mut parent, mut person) = (None, None, None, None);
    let mut mail = SIMULATOR.to_owned();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("type") => of_type = Some(arguments.value()?.string()?),
            Long("parent") => parent = Some(arguments.value()?.string()?),
            Long("person") => person = Some(arguments.value()?.string()?),
            Long("mail") => mail = arguments.value()?.string()?,
            Value(name) if stack.is_none() => stack = Some(name.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let existing = match (of_type, parent) {
        (Some(of_type), Some(parent)) => Some((of_type, parent)),
        (None, None) => None,
        _ => return Err("--type and --parent belong together".into()),
    };
    if !mail.contains('@') {
        return Err(format!("{mail:?} is no mail address").into());
    }
    Ok(Smoke {
        stack: stack.ok_or("STACK is missing")?,
        existing,
        person,
        mail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Smoke, String> {
        let words = line.split_whitespace();
        parse(lexopt::Parser::from_args(words)).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn a_stack_is_enough() {
        let smoke = parsed("prod").unwrap();
        assert_eq!((smoke.person(), &*smoke.mail), (PERSON, SIMULATOR));
        assert_eq!(smoke.existing, None);
        let smoke = parsed("prod --type orders --parent 42 --person u-17").unwrap();
        assert_eq!(smoke.existing, Some(("orders".to_owned(), "42".to_owned())));
        assert_eq!(smoke.person(), "u-17");
    }

    #[test]
    fn invalid_arguments_are_refused() {
        for (line, says) in [
            ("", "STACK is missing"),
            ("a b", "unexpected argument"),
            ("a --type orders", "--type and --parent belong together"),
            ("a --parent 42", "--type and --parent belong together"),
            ("a --mail me", "is no mail address"),
            ("a --all", "--all"),
        ] {
            let said = parsed(line).unwrap_err();
            assert!(said.contains(says), "{line:?}: {said}");
        }
    }
}
