//! One sentence out of an error and its causes.

use std::error::Error;

/// The error and its causes, each said once.
pub fn sentence(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    #[test]
    fn causes_follow_and_are_not_repeated() {
        let inner = Layer { text: "refused", source: None };
        let middle = Layer { text: "cannot connect: refused", source: Some(Box::new(inner)) };
        let outer = Layer { text: "no answer", source: Some(Box::new(middle)) };
        assert_eq!(sentence(&outer), "no answer: cannot connect: refused");
    }
}
