//! How the ways to be allowed are gone through, whatever they are about.

use super::*;

const GOOD: &str = "arn:aws:ssm:eu-west-1:123456789012:thing/good";
const FINE: &str = "arn:aws:ssm:eu-west-1:123456789012:thing/fine";
const BAD: &str = "arn:aws:ssm:eu-west-1:123456789012:thing/bad";
const UNKNOWN: &str = "arn:aws:ssm:eu-west-1:123456789012:thing/other";

/// Each way asks about some things.
#[derive(Clone, Debug)]
struct Ways(Vec<Vec<&'static str>>);

impl Subject for Ways {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        let ask = |way: &Vec<&'static str>| way.iter().map(|name| Question::about(Resource::Nothing(name))).collect();
        self.0.iter().map(ask).collect()
    }

    fn request_keys(&self, _: &mut Context) {}
}

struct Look;

impl Act for Look {
    const ACTION: Action = Action::Api(Operation::GetConnectionStatus);
    type On = Ways;
}

#[test]
fn one_way_is_enough_unless_something_before_it_is_denied() {
    let document = serde_json::json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "ssm:GetConnectionStatus", "Resource": [GOOD, FINE] },
        { "Effect": "Deny", "Action": "*", "Resource": BAD },
    ]});
    let june = user("june", &[&document.to_string()]);
    for (ways, expected, why) in [
        (vec![], false, "there is no way"),
        (vec![vec![]], false, "a way without a question is none"),
        (vec![vec![], vec![GOOD]], true, "and another one may be"),
        (vec![vec![GOOD, FINE]], true, "both are allowed"),
        (vec![vec![GOOD, UNKNOWN]], false, "every question of a way needs a yes"),
        (vec![vec![UNKNOWN], vec![GOOD]], true, "nothing has denied the first"),
        (vec![vec![BAD], vec![GOOD]], false, "somebody has denied the first"),
        (vec![vec![GOOD], vec![BAD]], true, "the first was enough"),
    ] {
        assert_eq!(may::<Look>(&june, Ways(ways)), expected, "{why}");
    }
}
