//! From JSON to conditions.

use super::{ArnOperand, Comparison, Condition, Operands, Operator};
use crate::fault::{Fault, Path, shown};
use crate::json::Json;
use crate::pattern::{Pattern, Syntax, is_condition_key};
use crate::resource::ArnPattern;
use crate::value::{self, Network};

/// Reads the value of `Condition`.
pub(crate) fn parse(json: &Json, path: &Path<'_>, variables: bool) -> Result<Box<[Condition]>, Fault> {
    let mut conditions = Vec::new();
    for (name, keys) in json.object(path)? {
        let path = path.member(name);
        let operator = Operator::from_name(name)
            .ok_or_else(|| Fault::syntax(&path, format!("\"{}\" is no condition operator", shown(name))))?;
        for (key, values) in keys.object(&path)? {
            let path = path.member(key);
            if !is_condition_key(key) {
                let detail = format!("\"{}\" is no condition key: those are written prefix:key", shown(key));
                return Err(Fault::new(
                    "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
                    &path,
                    detail,
                ));
            }
            conditions.push(condition(operator, key, values, &path, variables)?);
        }
    }
    Ok(conditions.into())
}

fn condition(
    operator: Operator,
    key: &str,
    values: &Json,
    path: &Path<'_>,
    variables: bool,
) -> Result<Condition, Fault> {
    let mut texts: Vec<Box<str>> = Vec::new();
    for (index, value) in values.items().iter().enumerate() {
        texts.push(match value {
            Json::String(text) | Json::Number(text) => text.as_str().into(),
            Json::Bool(true) => "true".into(),
            Json::Bool(false) => "false".into(),
            other => {
                let path = values.item_path(path, index);
                let detail = format!("must be a string, number or boolean, or a list of those, not {}", other.kind());
                return Err(Fault::syntax(&path, detail));
            }
        });
    }
    let reader = Reader { texts: &texts, values, path };
    let operands = reader.operands(operator.comparison, variables)?;
    Ok(Condition { operator, key: key.into(), lookup: key.to_ascii_lowercase().into(), texts: texts.into(), operands })
}

struct Reader<'a> {
    texts: &'a [Box<str>],
    values: &'a Json,
    path: &'a Path<'a>,
}

impl Reader<'_> {
    fn operands(&self, comparison: Comparison, variables: bool) -> Result<Operands, Fault> {
        use Comparison as C;
        let exact = Syntax { wildcards: false, variables };
        let like = Syntax { wildcards: true, variables };
        Ok(match comparison {
            C::StringEquals | C::StringNotEquals => Operands::Text(self.patterns(exact)?),
            C::StringLike | C::StringNotLike => Operands::Text(self.patterns(like)?),
            C::StringEqualsIgnoreCase | C::StringNotEqualsIgnoreCase => Operands::AnyCase(self.patterns(exact)?),
            C::NumericEquals
            | C::NumericNotEquals
            | C::NumericLessThan
            | C::NumericLessThanEquals
            | C::NumericGreaterThan
            | C::NumericGreaterThanEquals => Operands::Number(self.each("a number", value::number)?),
            C::DateEquals
            | C::DateNotEquals
            | C::DateLessThan
            | C::DateLessThanEquals
            | C::DateGreaterThan
            | C::DateGreaterThanEquals => {
                Operands::Date(self.each("a date as in 2026-01-31T12:00:00Z, or seconds since 1970", value::date)?)
            }
            C::Bool if variables && self.texts.iter().any(|text| text.contains("${")) => {
                Operands::BoolPattern(self.patterns(exact)?)
            }
            C::Bool => Operands::Bool(self.each("true or false", value::boolean)?),
            C::Null => Operands::Null(self.each("true or false", value::boolean)?),
            C::BinaryEquals => Operands::Binary(self.each("base64", value::binary)?),
            C::IpAddress | C::NotIpAddress => {
                Operands::Address(self.each("an address, or a range as in 203.0.113.0/24", Network::parse)?)
            }
            C::ArnEquals | C::ArnLike | C::ArnNotEquals | C::ArnNotLike => Operands::Arn(self.arns(like)?),
        })
    }

    fn each<T>(&self, what: &str, read: impl Fn(&str) -> Option<T>) -> Result<Box<[T]>, Fault> {
        self.try_each(|text| read(text).ok_or_else(|| format!("\"{}\" is not {what}", shown(text))))
    }

    fn patterns(&self, syntax: Syntax) -> Result<Box<[Pattern]>, Fault> {
        self.try_each(|text| Pattern::parse(text, syntax))
    }

    fn arns(&self, syntax: Syntax) -> Result<Box<[ArnOperand]>, Fault> {
        self.try_each(|text| {
            let whole = Pattern::parse(text, syntax)?;
            if whole.is_only_variable() {
                return Ok(ArnOperand::Variable(whole));
            }
            Ok(ArnPattern::parse(text, syntax)?.map_or(ArnOperand::Never, ArnOperand::Pattern))
        })
    }

    fn try_each<T>(&self, read: impl Fn(&str) -> Result<T, String>) -> Result<Box<[T]>, Fault> {
        let fault = |index, detail| Fault::syntax(&self.values.item_path(self.path, index), detail);
        self.texts.iter().enumerate().map(|(index, text)| read(text).map_err(|detail| fault(index, detail))).collect()
    }
}
