//! The names of operators: a quantifier, a comparison, `IfExists`.

use std::fmt;

/// An operator as it is written: `ForAnyValue:StringLikeIfExists`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operator {
    /// How several values in the request count.
    pub quantifier: Quantifier,
    /// What is compared, and how.
    pub comparison: Comparison,
    /// Whether an absent key makes the condition hold.
    pub if_exists: bool,
}

/// How several values in the request count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// For keys with one value. If there are more, a comparison holds if it does for one of them, and a negated one if
    /// it does for all.
    None,
    /// `ForAllValues:` every value in the request; true if there is none.
    All,
    /// `ForAnyValue:` some value in the request; false if there is none.
    Any,
}

macro_rules! comparisons {
    ($($(#[$doc:meta])* $name:ident $negated:literal),+ $(,)?) => {
        /// A comparison, without quantifier and `IfExists`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the names are the language's own")]
        pub enum Comparison {
            $($name),+
        }

        impl Comparison {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// As it is written.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }

            /// Whether it holds where its positive form does not.
            #[must_use]
            pub fn is_negated(self) -> bool {
                match self { $(Self::$name => $negated),+ }
            }
        }
    };
}

comparisons![
    StringEquals false,
    StringNotEquals true,
    StringEqualsIgnoreCase false,
    StringNotEqualsIgnoreCase true,
    StringLike false,
    StringNotLike true,
    NumericEquals false,
    NumericNotEquals true,
    NumericLessThan false,
    NumericLessThanEquals false,
    NumericGreaterThan false,
    NumericGreaterThanEquals false,
    DateEquals false,
    DateNotEquals true,
    DateLessThan false,
    DateLessThanEquals false,
    DateGreaterThan false,
    DateGreaterThanEquals false,
    Bool false,
    BinaryEquals false,
    IpAddress false,
    NotIpAddress true,
    ArnEquals false,
    ArnLike false,
    ArnNotEquals true,
    ArnNotLike true,
    Null false,
];

impl Operator {
    /// Reads the name of an operator.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let (quantifier, rest) = match (name.strip_prefix("ForAllValues:"), name.strip_prefix("ForAnyValue:")) {
            (Some(rest), _) => (Quantifier::All, rest),
            (_, Some(rest)) => (Quantifier::Any, rest),
            _ => (Quantifier::None, name),
        };
        let (rest, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |rest| (rest, true));
        let comparison = *Comparison::ALL.iter().find(|comparison| comparison.name() == rest)?;
        // There is no sense in which an absent key could be null if it exists, or each of its values be absent.
        let plain = quantifier == Quantifier::None && !if_exists;
        (plain || comparison != Comparison::Null).then_some(Self { quantifier, comparison, if_exists })
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.quantifier {
            Quantifier::None => "",
            Quantifier::All => "ForAllValues:",
            Quantifier::Any => "ForAnyValue:",
        })?;
        f.write_str(self.comparison.name())?;
        f.write_str(if self.if_exists { "IfExists" } else { "" })
    }
}
