//! Who sessions run as: what is decided, what policies see of it, and what the node is told.

use postern_model::agent::UpdateInstanceInformationRequest;
use postern_model::iam::TagUserRequest;
use postern_model::node::PlatformType;
use postern_store::SessionStore as _;

use super::*;

const CONDITION: &str = "postern:RunAsUser";

impl World {
    async fn shell(&self, name: &str, inputs: Value) {
        self.session_document(
            name,
            json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs}),
        )
        .await;
    }

    /// What a node is told to start a session.
    async fn told(&self, caller: &Caller, request: StartSessionRequest) -> Result<Value, ApiError> {
        let started = self.control.start_session(caller, request).await?;
        let id = started.session_id.parse().unwrap();
        let session = self.store.session(&caller.scope, &id).await.unwrap().unwrap();
        Ok(serde_json::from_str(&session.start_content).unwrap())
    }

    async fn says_it_is(&self, machine: &Machine, platform: PlatformType) {
        let request = UpdateInstanceInformationRequest {
            instance_id: machine.node_id.to_string(),
            platform_type: Some(platform),
            ..UpdateInstanceInformationRequest::default()
        };
        self.control.update_instance_information(&self.with_role(machine).await, request).await.unwrap();
    }
}

impl User<'_> {
    async fn tag(&self, key: &str, value: &str) {
        let tags = vec![Tag { key: key.to_owned(), value: value.to_owned() }];
        let request = TagUserRequest { user_name: self.name.clone(), tags };
        self.world.control.tag_user(&self.world.as_admin().await, request).await.unwrap();
    }

    async fn told(&self, machine: &Machine, document: &str) -> Result<Value, ApiError> {
        self.world.told(&self.call("ssm").await, with_document(machine, document)).await
    }
}

fn with_document(machine: &Machine, document: &str) -> StartSessionRequest {
    let document_name = Some(document.parse().unwrap());
    StartSessionRequest { document_name, ..start_request(machine.node_id.as_str()) }
}

fn is(user: &str) -> Value {
    when(allow("ssm:StartSession", "*"), json!({"StringEquals": {CONDITION: user}}))
}

#[tokio::test]
async fn the_tag_names_the_user_else_the_preferences_else_nobody() {
    let world = World::new().await;
    let (node, _lease) = world.online(1).await;
    world.shell("with-default", json!({"runAsEnabled": true, "runAsDefaultUser": "app"})).await;
    world.shell("without", json!({"runAsEnabled": "true"})).await;
    world.shell("disabled", json!({"runAsEnabled": false, "runAsDefaultUser": "app"})).await;
    let user = world.person("ann", &[allow("ssm:StartSession", "*")]).await;

    let told = user.told(&node, "with-default").await.unwrap();
    assert_eq!(
        (&told["RunAsUser"], &told["DocumentContent"]["inputs"]["runAsDefaultUser"]),
        (&json!(""), &json!("app"))
    );
    let error = user.told(&node, "without").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidDocument);
    let expected = "Run-as is enabled for this session and no user is named: give arn:aws:iam::123456789012:user/ann the \
                    tag SSMSessionRunAs, or set inputs.runAsDefaultUser in the session preferences.";
    assert_eq!(error.message(), expected);

    user.tag("SSMSessionRunAs", "ann").await;
    for document in ["with-default", "without"] {
        assert_eq!(user.told(&node, document).await.unwrap()["RunAsUser"], "ann", "{document}");
    }
    assert_eq!(user.told(&node, "disabled").await.unwrap()["RunAsUser"], "");
    user.tag("SSMSessionRunAs", " ").await;
    assert_eq!(user.told(&node, "with-default").await.unwrap()["RunAsUser"], "", "a blank tag names nobody");
    for name in ["-f", "1000", "a b", "ann; id"] {
        // Tags take some of these, and a node must not.
        let tags = vec![Tag { key: "SSMSessionRunAs".to_owned(), value: name.to_owned() }];
        let request = TagUserRequest { user_name: user.name.clone(), tags };
        if world.control.tag_user(&world.as_admin().await, request).await.is_ok() {
            let error = user.told(&node, "with-default").await.unwrap_err();
            assert_eq!(error.code(), ErrorCode::AccessDeniedException, "{name}");
            assert!(
                error.message().starts_with("The tag SSMSessionRunAs of arn:aws:iam::123456789012:user/ann"),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn a_session_of_a_role_has_its_own_tag_before_the_roles() {
    let world = World::new().await;
    let (node, _lease) = world.online(1).await;
    world.shell("shell", json!({"runAsEnabled": true, "runAsDefaultUser": "app"})).await;
    let everything = [allow("ssm:StartSession", "*")];
    for (tags, expected) in [
        (vec![("SSMSessionRunAs", "jane")], "jane"),
        (vec![("ssmsessionrunas", "jim")], "jim"),
        (vec![("team", "x")], ""),
    ] {
        let caller = world.role_session("PosternNode", "jane", &tags, &everything).await;
        let told = world.told(&caller, with_document(&node, "shell")).await.unwrap();
        assert_eq!(told["RunAsUser"], expected, "{tags:?}");
    }
}

#[tokio::test]
async fn policies_see_the_user_that_the_node_is_told() {
    let world = World::new().await;
    let (node, _lease) = world.online(1).await;
    world.shell("app", json!({"runAsEnabled": true, "runAsDefaultUser": "app"})).await;
    world.shell("other", json!({"runAsEnabled": true, "runAsDefaultUser": "other"})).await;
    let user = world.person("ann", &[is("app")]).await;
    assert!(!user.starts(&node, None).await, "nobody says who it would be");
    assert!(user.starts(&node, Some("app")).await);
    assert!(!user.starts(&node, Some("other")).await);
    user.tag("SSMSessionRunAs", "ann").await;
    assert!(!user.starts(&node, Some("app")).await, "the tag comes before the preferences");
    user.may(&[is("ann")]).await;
    assert!(user.starts(&node, Some("app")).await && user.starts(&node, Some("other")).await);
    user.may(&[is("${aws:PrincipalTag/SSMSessionRunAs}")]).await;
    assert!(user.starts(&node, Some("app")).await);
}

#[tokio::test]
async fn root_needs_a_word_of_the_preferences() {
    let world = World::new().await;
    let (node, _lease) = world.online(1).await;
    let allowed = json!({"runAs": {"allowRoot": true}});
    world.shell("root", json!({"runAsEnabled": true, "runAsDefaultUser": "root"})).await;
    world.shell("root-allowed", json!({"runAsEnabled": true, "runAsDefaultUser": "root", "postern": allowed})).await;
    world.shell("app", json!({"runAsEnabled": true, "runAsDefaultUser": "app"})).await;
    let user = world.person("ann", &[allow("ssm:StartSession", "*")]).await;
    let error = user.told(&node, "root").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidDocument);
    let expected = "inputs.runAsDefaultUser in the session preferences names root, which sessions run as only where \
                    inputs.postern.runAs.allowRoot is true in the session preferences.";
    assert_eq!(error.message(), expected);
    let told = user.told(&node, "root-allowed").await.unwrap();
    assert_eq!(told["DocumentContent"]["inputs"]["postern"]["runAs"]["allowRoot"], true);
    user.tag("SSMSessionRunAs", "root").await;
    assert_eq!(user.told(&node, "app").await.unwrap_err().code(), ErrorCode::AccessDeniedException);
    assert_eq!(user.told(&node, "root-allowed").await.unwrap()["RunAsUser"], "root");
    user.may(&[is("app")]).await;
    assert!(!user.starts(&node, Some("root-allowed")).await);
}

#[tokio::test]
async fn a_command_that_runs_elevated_is_roots_to_policies() {
    let world = World::new().await;
    let (node, _lease) = world.online(1).await;
    let content = |system: &str| {
        let properties = json!({system: {"commands": "id", "runAsElevated": true}});
        json!({"schemaVersion": "1.0", "sessionType": "InteractiveCommands", "properties": properties,
               "inputs": {"runAsEnabled": true, "runAsDefaultUser": "app"}})
    };
    world.session_document("on-linux", content("linux")).await;
    world.session_document("on-macos", content("macos")).await;
    let user = world.person("ann", &[is("app")]).await;
    user.tag("SSMSessionRunAs", "app").await;
    assert!(!user.starts(&node, Some("on-linux")).await);
    let silent = world.register(2).await;
    assert!(!user.starts(&silent, Some("on-macos")).await, "the node has not said what it is");
    assert!(user.starts(&node, Some("on-macos")).await);
    assert!(!user.starts(&node, Some("on-linux")).await);
    user.may(&[is("root")]).await;
    assert_eq!(user.told(&node, "on-linux").await.unwrap()["RunAsUser"], "");
}

/// AWS's agent passes run-as over there, so policies must not believe in it.
#[tokio::test]
async fn there_is_no_run_as_on_windows() {
    let world = World::new().await;
    let (node, _lease) = world.online(1).await;
    world.says_it_is(&node, PlatformType::Windows).await;
    world.shell("shell", json!({"runAsEnabled": true})).await;
    let user = world.person("ann", &[is("ann")]).await;
    user.tag("SSMSessionRunAs", "ann").await;
    assert!(!user.starts(&node, Some("shell")).await);
    user.may(&[allow("ssm:StartSession", "*")]).await;
    assert_eq!(user.told(&node, "shell").await.unwrap()["RunAsUser"], "");
}
