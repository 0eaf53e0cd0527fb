//! The store proves itself with the conformance suite, and what is SQLite's own with cases of its own.

#![expect(clippy::unwrap_used, reason = "a failed step is the failure of the test")]

use std::path::Path;
use std::sync::Arc;

use postern_store::{NodeStore as _, Scope, Store, conformance};
use tempfile::TempDir;

use crate::open::MIGRATIONS;
use crate::{OpenError, SqliteStore};

async fn fails(folder: &Path) -> OpenError {
    SqliteStore::open(folder).await.err().expect("this folder cannot be opened")
}

fn scope() -> Scope {
    Scope { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let mut folders = Vec::new();
    conformance::run(|| {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("data");
        folders.push(folder);
        async move { Arc::new(SqliteStore::open(&path).await.unwrap()) as Arc<dyn Store> }
    })
    .await;
}

#[tokio::test]
async fn a_folder_has_one_user_at_a_time() {
    let folder = TempDir::new().unwrap();
    let first = SqliteStore::open(folder.path()).await.unwrap();
    let error = fails(folder.path()).await;
    assert!(matches!(error, OpenError::InUse { .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "the data folder {} is in use by another process; stop that one, or name another folder with --data-dir",
            folder.path().display()
        )
    );
    first.close().await.unwrap();
    SqliteStore::open(folder.path()).await.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn what_was_answered_is_there_after_the_process_is_gone() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let activation = activation(1);
    let id = activation.activation_id.clone();
    postern_store::ActivationStore::create_activation(&store, &scope(), activation).await.unwrap();
    // Not closed: as if killed.
    drop(store);
    let again = reopen(folder.path()).await;
    let found = postern_store::ActivationStore::activation(&again, &scope(), &id).await.unwrap();
    assert!(found.is_some());
}

/// The lock of a dropped store goes with its last connection, which ends on a thread of its own.
async fn reopen(folder: &Path) -> SqliteStore {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        match SqliteStore::open(folder).await {
            Ok(store) => return store,
            Err(error) if std::time::Instant::now() > deadline => panic!("{error}"),
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

fn activation(number: u8) -> postern_store::ActivationRecord {
    postern_store::ActivationRecord {
        activation_id: postern_iam::ActivationId::generate(&[number; 16]),
        code_hash: [number; 32],
        description: String::new(),
        default_instance_name: String::new(),
        iam_role: "PosternNode".to_owned(),
        registration_limit: 1,
        registrations_count: 0,
        expires_at: 1,
        created_at: 0,
        tags: Vec::new(),
    }
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_database() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let store = SqliteStore::open(&data).await.unwrap();
    store.node(&scope(), &postern_iam::NodeId::generate(&[1; 9])).await.unwrap();
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let mut files = 0;
    for entry in std::fs::read_dir(&data).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        files += 1;
    }
    assert!(files >= 3, "the database, its log and the lock");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_said_in_one_sentence() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let error = fails(&file.join("data")).await;
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot write {}", file.display())), "{text}");
    assert!(text.ends_with("make it writable for this user, or name another folder with --data-dir"), "{text}");
}

#[tokio::test]
async fn a_database_of_a_later_release_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    store
        .writer
        .act(|connection| {
            Box::pin(async move {
                sqlx::query("PRAGMA user_version = 99").execute(connection).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    store.close().await.unwrap();
    assert!(
        matches!(fails(folder.path()).await, OpenError::Newer { found: 99, known, .. } if known == MIGRATIONS.len())
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_said_in_one_sentence() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("postern.db"), "this is not a database, it only has its name".repeat(40))
        .unwrap();
    let error = fails(folder.path()).await;
    assert!(matches!(error, OpenError::Unusable { .. }), "{error:?}");
    assert!(error.to_string().ends_with("restore it from a backup, or move it away to begin anew"));
}

#[tokio::test]
async fn a_failing_act_is_undone_alone() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    // Many at once share a transaction; every third one is a duplicate and fails.
    let acts = (0..60_u8).map(|number| {
        let record = activation(if number % 3 == 2 { number - 1 } else { number });
        let (store, scope) = (&store, scope());
        async move { postern_store::ActivationStore::create_activation(store, &scope, record).await.is_ok() }
    });
    let done = futures_util::future::join_all(acts).await;
    assert_eq!(done.iter().filter(|done| **done).count(), 40);
    let stored = postern_store::ActivationStore::activations_page(&store, &scope(), &[], None, 100).await.unwrap();
    assert_eq!(stored.len(), 40);
}

/// A database of the release before there were users: whoever had a key becomes one, and roles become roles.
#[tokio::test]
async fn whoever_had_a_key_becomes_a_user_who_is_an_administrator() {
    use postern_iam::{Arn, UniqueId};
    use postern_store::{IdentityKind, IdentityStore as _, PolicyStore as _};
    use sqlx::Connection as _;

    let folder = TempDir::new().unwrap();
    let path = folder.path().join("postern.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    for migration in &MIGRATIONS[..6] {
        sqlx::raw_sql(*migration).execute(&mut connection).await.unwrap();
    }
    let keys =
        [("PKIA000000000000001", "Admin", 5), ("PKIA000000000000002", "jane", 6), ("PKIA000000000000003", "admin", 7)];
    for (id, name, created_at) in keys {
        sqlx::query("INSERT INTO access_key VALUES ($1, '123456789012', $2, x'01', 1, $3)")
            .bind(id)
            .bind(format!("arn:aws:iam::123456789012:user/{name}"))
            .bind(created_at)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    for (number, role) in ["PosternNode", "service-role/Web", "a/b/Deep"].into_iter().enumerate() {
        sqlx::query("INSERT INTO activation VALUES ('123456789012', 'eu-west-1', $1, zeroblob(32), '', '', $2, 1, 0, 1, 0, '[]')")
            .bind(number.to_string())
            .bind(role)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    sqlx::raw_sql("PRAGMA user_version = 6").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    let store = SqliteStore::open(folder.path()).await.unwrap();
    let account = scope().account;
    let users = store.identities_page(&account, IdentityKind::User, "/", None, 50).await.unwrap();
    let shown: Vec<_> = users.iter().map(|user| (user.name.as_str(), user.path.as_str(), user.created_at)).collect();
    assert_eq!(shown, [("Admin", "/", 5), ("jane", "/", 6)]);
    for user in &users {
        assert!(user.id.as_str().starts_with("AIDA") && user.id.as_str().len() == 21, "{}", user.id);
        assert_eq!(user.id.as_str().parse::<UniqueId>().as_ref(), Ok(&user.id));
        let attached = store.attached_policies(&account, IdentityKind::User, &user.name).await.unwrap();
        assert_eq!(attached, Some(vec![Arn::managed_policy("AdministratorAccess")]));
    }
    assert_eq!(store.access_keys(&account, &users[0].id).await.unwrap().len(), 2, "names are the same in any case");
    let (key, user) = store.access_key(&"PKIA000000000000002".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((key.user_id, key.active, user.name.as_str()), (user.id, true, "jane"));

    let roles = store.identities_page(&account, IdentityKind::Role, "/", None, 50).await.unwrap();
    let arns: Vec<_> = roles.iter().map(|role| role.arn(&account).resource).collect();
    assert_eq!(arns, ["role/a/b/Deep", "role/PosternNode", "role/service-role/Web"]);
    assert!(roles[0].role.as_ref().unwrap().trust_policy.contains("ssm.amazonaws.com"));
    store.close().await.unwrap();
}

/// Triggers raise the number that says whether decisions are to be made again. A new table needs them, or a line here.
#[tokio::test]
async fn every_table_is_watched_or_decides_nothing_about_sessions() {
    const DECIDE_NOTHING: &[&str] = &[
        "activation",
        "audit_cursor",
        "audit_event",
        "audit_log",
        "audit_term",
        "decision",
        "document_share",
        "document_version",
        "identity_provider",
        "kms_alias",
        "kms_key",
        "log_event",
        "log_group",
        "log_stream",
        "log_stream_removed",
        "log_writer",
        "mfa_device",
        "recording",
        "recording_key",
        "service_setting",
        "session",
    ];
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let names =
        async |sql: &'static str| -> Vec<String> { sqlx::query_scalar(sql).fetch_all(&store.readers).await.unwrap() };
    let tables =
        names("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name").await;
    let mut watched = names("SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger'").await;
    watched.extend(DECIDE_NOTHING.iter().map(|name| (*name).to_owned()));
    watched.sort();
    assert_eq!(watched, tables);
}
