use super::*;

fn json_operations() -> impl Iterator<Item = Operation> {
    Operation::ALL.iter().copied().filter(|of| matches!(of.service().protocol(), Protocol::Json(_)))
}

#[test]
fn actions_round_trip_with_the_version_of_their_service_only() {
    for &operation in Operation::ALL {
        for version in ["2010-05-08", "2011-06-15", "", "2012-10-17"] {
            let is_its_own = operation.service().protocol() == Protocol::Query(version);
            let read = Operation::from_action(operation.name(), version).map_err(|error| error.code());
            assert_eq!(read, if is_its_own { Ok(operation) } else { Err(ErrorCode::InvalidAction) });
            assert!(!is_its_own || Service::of_version(version) == operation.service());
        }
    }
}

#[test]
fn what_only_asks_is_told_from_what_changes() {
    let changes = |name: &str| {
        let verbs = [
            "Add",
            "Attach",
            "Create",
            "Deactivate",
            "Delete",
            "Deregister",
            "Detach",
            "Disable",
            "Enable",
            "Lock",
            "Modify",
            "Put",
            "Register",
            "Remove",
            "Request",
            "Reset",
            "Resume",
            "Resync",
            "Set",
            "Start",
            "Tag",
            "Terminate",
            "Unlock",
            "Untag",
            "Update",
        ];
        verbs.iter().any(|verb| name.starts_with(verb))
    };
    for &operation in Operation::ALL {
        assert_ne!(operation.is_read_only(), changes(operation.name()), "{operation}");
    }
}

#[test]
fn a_target_belongs_to_the_service_of_its_prefix() {
    for operation in json_operations() {
        assert_eq!(Service::of_target(&operation.target()), operation.service());
    }
    assert_eq!(Service::of_target("TrentService.NoSuchThing"), Service::Kms);
    assert_eq!(Service::of_target("Logs_20140328.NoSuchThing"), Service::Logs);
    assert_eq!(Service::of_target(""), Service::Ssm);
}

#[test]
fn targets_round_trip_and_nothing_else_is_answered() {
    for operation in json_operations() {
        assert_eq!(Operation::from_target(&operation.target()), Ok(operation));
    }
    for target in [
        "",
        "StartSession",
        "AmazonSSM.",
        "AmazonSSM.startSession",
        "AmazonSSM.StartSession ",
        "TrentService.StartSession",
        "AmazonSSM.Decrypt",
        "CreateUser",
        "iam:CreateUser",
        "AmazonSSM.CreateUser",
    ] {
        let error = Operation::from_target(target).map_err(|error| error.code());
        assert_eq!(error, Err(ErrorCode::UnknownOperationException), "{target:?}");
    }
}
