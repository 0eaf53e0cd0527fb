//! Whether a condition holds.

use super::{ArnOperand, Comparison, Condition, Operands, Quantifier};
use crate::context::{Environment, Value};
use crate::value;

impl Condition {
    pub(crate) fn holds(&self, environment: &Environment<'_>) -> bool {
        let values = environment.get(&self.lookup);
        if let Operands::Null(wanted) = &self.operands {
            return wanted.contains(&values.is_empty());
        }
        let negated = self.operator.comparison.is_negated();
        if values.is_empty() {
            return self.operator.if_exists
                || match self.operator.quantifier {
                    Quantifier::None => negated,
                    Quantifier::All => true,
                    Quantifier::Any => false,
                };
        }
        let mut matches = values.iter().map(|value| self.matches(value, environment));
        match self.operator.quantifier {
            Quantifier::None => matches.any(|matched| matched) != negated,
            Quantifier::All => matches.all(|matched| matched != negated),
            Quantifier::Any => matches.any(|matched| matched != negated),
        }
    }

    /// Whether one value of the request matches one of the policy's, in the positive form of the comparison.
    fn matches(&self, value: &Value, environment: &Environment<'_>) -> bool {
        let text = value.text();
        match &self.operands {
            Operands::Text(patterns) => patterns.iter().any(|pattern| pattern.matches(text, environment)),
            Operands::AnyCase(patterns) => patterns
                .iter()
                .any(|pattern| pattern.text(environment).is_some_and(|wanted| same_in_lower_case(&wanted, text))),
            Operands::Number(wanted) => value::number(text).is_some_and(|number| self.compares(&number, wanted)),
            Operands::Date(wanted) => value::date(text).is_some_and(|date| self.compares(&date, wanted)),
            Operands::Bool(wanted) => value::boolean(text).is_some_and(|value| wanted.contains(&value)),
            Operands::BoolPattern(patterns) => value::boolean(text).is_some_and(|value| {
                let wanted = |text: String| value::boolean(&text) == Some(value);
                patterns.iter().any(|pattern| pattern.text(environment).is_some_and(wanted))
            }),
            Operands::Binary(wanted) => value::binary(text).is_some_and(|value| wanted.contains(&value)),
            Operands::Address(wanted) => {
                value::address(text).is_some_and(|address| wanted.iter().any(|network| network.contains(address)))
            }
            Operands::Arn(wanted) => wanted.iter().any(|wanted| match wanted {
                ArnOperand::Pattern(pattern) => pattern.matches(text, environment),
                ArnOperand::Variable(pattern) => pattern.matches(text, environment),
                ArnOperand::Never => false,
            }),
            // Answered by whether there are values at all.
            Operands::Null(_) => false,
        }
    }

    fn compares<T: PartialOrd>(&self, value: &T, wanted: &[T]) -> bool {
        use Comparison as C;
        wanted.iter().any(|wanted| match self.operator.comparison {
            C::NumericLessThan | C::DateLessThan => value < wanted,
            C::NumericLessThanEquals | C::DateLessThanEquals => value <= wanted,
            C::NumericGreaterThan | C::DateGreaterThan => value > wanted,
            C::NumericGreaterThanEquals | C::DateGreaterThanEquals => value >= wanted,
            _ => value == wanted,
        })
    }
}

fn same_in_lower_case(one: &str, other: &str) -> bool {
    one.chars().flat_map(char::to_lowercase).eq(other.chars().flat_map(char::to_lowercase))
}
