//! The plugin's words (client.md §2): six from the AWS CLI, three from a very old one, or a question by a person.

use postern_client::Ticket;
use postern_client::config::Environment;
use postern_protocol::wire::open::Token;
use serde_json::Value;

/// A first word that begins so names the environment variable with the response in it.
const RESPONSE_VARIABLE: &str = "AWS_SSM_START_SESSION_RESPONSE";

/// The number of words a CLI passes that does not name the profile yet.
const LEGACY_WORDS: usize = 3;

/// What the words ask for.
pub(super) enum Call {
    Installed,
    Version,
    Unknown(String),
    InvalidOperation,
    Undecodable(String),
    Incomplete(&'static str),
    Start(Box<Request>),
}

/// A session that the CLI has started and this program is to run.
pub(super) struct Request {
    pub(super) ticket: Ticket,
    pub(super) region: String,
    pub(super) profile: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) legacy_cli: bool,
}

/// Reads the words. The variable they may name is taken out of the environment, as the stock plugin does.
pub(super) fn parse(words: &[String], environment: &mut Environment) -> Call {
    let word = |index: usize| words.get(index).map(String::as_str);
    match words {
        [] => return Call::Installed,
        [only] if only == "--version" => return Call::Version,
        [first] | [first, _] => return Call::Unknown(first.clone()),
        _ => {}
    }
    let first = word(0).unwrap_or_default();
    let response = match first.starts_with(RESPONSE_VARIABLE) {
        true => environment.take(first).unwrap_or_default(),
        false => first.to_owned(),
    };
    let target = match word(4) {
        Some(request) => text(&serde_json::from_str(request).unwrap_or_default(), "Target"),
        None => Some(String::new()),
    };
    let Some(target) = target else { return Call::Incomplete("Target") };
    if word(2) != Some("StartSession") {
        return Call::InvalidOperation;
    }
    let response: Value = match serde_json::from_str(&response) {
        Ok(response @ Value::Object(_)) => response,
        Ok(_) => return Call::Undecodable("the response is not a JSON object".to_owned()),
        Err(error) => return Call::Undecodable(error.to_string()),
    };
    let members = ["SessionId", "TokenValue", "StreamUrl"].map(|name| text(&response, name).ok_or(name));
    let [Ok(session_id), Ok(token), Ok(stream_url)] = members else {
        let missing = members.into_iter().find_map(Result::err).unwrap_or_default();
        return Call::Incomplete(missing);
    };
    let given = |index| word(index).filter(|word| !word.is_empty()).map(str::to_owned);
    Call::Start(Box::new(Request {
        ticket: Ticket { session_id, token: Token::from(token), stream_url, target },
        region: word(1).unwrap_or_default().to_owned(),
        profile: given(3),
        endpoint: given(5),
        legacy_cli: words.len() == LEGACY_WORDS,
    }))
}

fn text(object: &Value, name: &str) -> Option<String> {
    object.get(name)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESPONSE: &str = r#"{"SessionId":"s-1","TokenValue":"t","StreamUrl":"wss://h/"}"#;

    fn parsed(words: &[&str], variables: &[(&str, &str)]) -> (Call, Environment) {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let mut environment: Environment = variables.iter().copied().collect();
        (parse(&words, &mut environment), environment)
    }

    fn request(words: &[&str], variables: &[(&str, &str)]) -> Request {
        match parsed(words, variables).0 {
            Call::Start(request) => *request,
            _ => panic!("{words:?} is a start"),
        }
    }

    #[test]
    fn the_clis_six_words() {
        let words = [RESPONSE, "eu-west-1", "StartSession", "lab", r#"{"Target":"mi-1"}"#, "https://ssm.example.org"];
        let started = request(&words, &[]);
        assert_eq!(started.ticket.session_id, "s-1");
        assert_eq!(started.ticket.token.expose(), "t");
        assert_eq!(started.ticket.stream_url, "wss://h/");
        assert_eq!(started.region, "eu-west-1");
        assert_eq!(started.profile.as_deref(), Some("lab"));
        assert_eq!(started.endpoint.as_deref(), Some("https://ssm.example.org"));
        assert!(!started.legacy_cli);
        let more = [words[0], words[1], words[2], "", words[4], "", "extra"];
        let bare = request(&more, &[]);
        assert_eq!((bare.profile, bare.endpoint), (None, None));
    }

    #[test]
    fn a_variable_is_read_and_taken_away() {
        let name = "AWS_SSM_START_SESSION_RESPONSE_2";
        let words = [name, "eu-west-1", "StartSession", "", r#"{"Target":"mi-1"}"#, ""];
        let (call, environment) = parsed(&words, &[(name, RESPONSE)]);
        assert!(matches!(call, Call::Start(_)));
        assert_eq!(environment.get(name), None);
        assert!(matches!(parsed(&words, &[]).0, Call::Undecodable(_)), "an absent variable is an empty response");
    }

    #[test]
    fn three_words_come_from_an_old_cli() {
        assert!(request(&[RESPONSE, "eu-west-1", "StartSession"], &[]).legacy_cli);
    }

    #[test]
    fn incomplete_words_are_named() {
        let no_token = r#"{"SessionId":"s-1","StreamUrl":"wss://h/"}"#;
        let cases: [(&[&str], &str); 3] = [
            (&[no_token, "r", "StartSession"], "TokenValue"),
            (&[RESPONSE, "r", "StartSession", "", "{}"], "Target"),
            (&[RESPONSE, "r", "StartSession", "", "no json"], "Target"),
        ];
        for (words, expected) in cases {
            assert!(matches!(parsed(words, &[]).0, Call::Incomplete(name) if name == expected), "{words:?}");
        }
    }
}
