//! Where statements stand in a document's text, as AWS's policy simulator says it.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A place between two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column of the character behind the place, from 1.
    pub column: usize,
}

/// The text of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Behind whatever stands before it: the `[` of the list, or the `}` of the statement before. A statement that is in
    /// no list begins behind its own `{`. That is where AWS's reader is when it finds one.
    pub start: Position,
    /// Behind its `}`.
    pub end: Position,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, rename = "Statement")]
    statement: &'a RawValue,
}

/// The places of all statements, in their order. Empty for a text that is no policy.
#[must_use]
pub fn statement_spans(document: &str) -> Vec<Span> {
    let Ok(Document { statement }) = serde_json::from_str(document) else { return Vec::new() };
    let mut lines = Lines::of(document);
    let at = |value: &RawValue| offset(document, value.get());
    match serde_json::from_str::<Vec<&RawValue>>(statement.get()) {
        Err(_) => {
            let start = at(statement);
            vec![Span { start: lines.position(start + 1), end: lines.position(start + statement.get().len()) }]
        }
        Ok(statements) => {
            let mut behind = lines.position(at(statement) + 1);
            let span = |value: &&RawValue| {
                let start = behind;
                behind = lines.position(at(value) + value.get().len());
                Span { start, end: behind }
            };
            statements.iter().map(span).collect()
        }
    }
}

/// Where a part of a text begins in it, in bytes.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr().addr() - text.as_ptr().addr()
}

/// Counts lines and columns, going forward through a text.
struct Lines<'a> {
    rest: &'a str,
    bytes: usize,
    at: Position,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        Self { rest: text, bytes: 0, at: Position { line: 1, column: 1 } }
    }

    /// The position of a byte that is not before one that was asked for already.
    fn position(&mut self, offset: usize) -> Position {
        let (passed, rest) = self.rest.split_at(offset - self.bytes);
        for c in passed.chars() {
            match c {
                '\n' => self.at = Position { line: self.at.line + 1, column: 1 },
                _ => self.at.column += 1,
            }
        }
        (self.rest, self.bytes) = (rest, offset);
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::managed;

    fn spans(document: &str) -> Vec<[(usize, usize); 2]> {
        let pair = |at: Position| (at.line, at.column);
        statement_spans(document).into_iter().map(|span| [pair(span.start), pair(span.end)]).collect()
    }

    /// As in the example of `aws iam simulate-custom-policy` in AWS's documentation.
    #[test]
    fn a_statement_in_no_list_is_where_aws_says() {
        let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}"#;
        assert_eq!(spans(document), [[(1, 38), (1, 167)]]);
    }

    /// AWS's simulator puts the statement of AdministratorAccess from line 3, column 17 to line 8, column 6.
    #[test]
    fn a_statement_in_a_list_is_where_aws_says() {
        let document = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \
                        \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}";
        assert_eq!(spans(document), [[(3, 17), (8, 6)]]);
    }

    #[test]
    fn one_statement_begins_where_the_one_before_ends() {
        assert_eq!(spans(r#"{"Statement":[{"é":"}"},  {}]}"#), [[(1, 15), (1, 24)], [(1, 24), (1, 29)]]);
        assert_eq!(spans("{\"Statement\":\r\n[{}\r\n,{}]}"), [[(2, 2), (2, 4)], [(2, 4), (3, 4)]]);
    }

    #[test]
    fn what_is_no_policy_has_none() {
        for document in ["", "{}", "[]", "{\"Statement\":[}", "{\"Statement\":{},\"Statement\":{}}"] {
            assert!(spans(document).is_empty(), "{document}");
        }
        for managed in managed::ALL {
            assert_eq!(spans(managed.document).len(), managed.policy().statements().len(), "{}", managed.name);
        }
    }
}
