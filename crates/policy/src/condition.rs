//! `Condition`: operators, how absent keys and several values count, and why one did not hold.

mod operator;
mod parse;
mod test;

pub use operator::{Comparison, Operator, Quantifier};
pub(crate) use parse::parse;

use crate::pattern::Pattern;
use crate::resource::ArnPattern;
use crate::value::Network;

/// One operator on one key. A statement's conditions must all hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    pub(crate) operator: Operator,
    /// As it was written.
    pub(crate) key: Box<str>,
    /// In lower case.
    pub(crate) lookup: Box<str>,
    /// As they were written.
    pub(crate) texts: Box<[Box<str>]>,
    operands: Operands,
}

impl Condition {
    /// The patterns in which variables may be.
    pub(crate) fn patterns(&self) -> Box<dyn Iterator<Item = &Pattern> + '_> {
        match &self.operands {
            Operands::Text(patterns) | Operands::AnyCase(patterns) | Operands::BoolPattern(patterns) => {
                Box::new(patterns.iter())
            }
            Operands::Arn(patterns) => Box::new(patterns.iter().flat_map(ArnOperand::patterns)),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// Whether a value is no ARN, so that it matches none.
    pub(crate) fn has_hopeless_arn(&self) -> bool {
        matches!(&self.operands, Operands::Arn(patterns) if patterns.contains(&ArnOperand::Never))
    }
}

/// A condition's values, read once.
#[derive(Clone, Debug, PartialEq)]
enum Operands {
    Text(Box<[Pattern]>),
    AnyCase(Box<[Pattern]>),
    Number(Box<[f64]>),
    Date(Box<[i128]>),
    Bool(Box<[bool]>),
    /// With variables in it.
    BoolPattern(Box<[Pattern]>),
    Binary(Box<[Vec<u8>]>),
    Address(Box<[Network]>),
    Arn(Box<[ArnOperand]>),
    Null(Box<[bool]>),
}

#[derive(Clone, Debug, PartialEq)]
enum ArnOperand {
    Pattern(ArnPattern),
    /// A variable alone: the ARN is its value.
    Variable(Pattern),
    /// Too few parts.
    Never,
}

impl ArnOperand {
    fn patterns(&self) -> &[Pattern] {
        match self {
            Self::Pattern(pattern) => pattern.patterns(),
            Self::Variable(pattern) => std::slice::from_ref(pattern),
            Self::Never => &[],
        }
    }
}
