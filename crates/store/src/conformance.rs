//! What every store has to do, as one function to call from an implementation's tests.
//!
//! The suite is the documentation of the acts: each case is named after a promise. It needs a runtime with tokio's
//! tasks nowhere; concurrency is made of joined futures, so that it runs on any executor.

mod audit;
mod decisions;
mod documents;
mod fixture;
mod identities;
mod keys;
mod logs;
mod nodes;
mod policies;
mod providers;
mod recordings;
mod second_factors;
mod service_settings;
mod sessions;
mod tags;

use std::future::Future;
use std::sync::Arc;

use postern_model::document::NamedVersion;

use crate::Store;

/// Runs every case, each on a store of its own.
///
/// # Panics
/// A case failed; the message says which promise was broken.
pub async fn run<F, B>(mut new_store: F)
where
    F: FnMut() -> B,
    B: Future<Output = Arc<dyn Store>>,
{
    identities::identities_are_kept_whole_and_their_names_are_taken_once(&*new_store().await).await;
    identities::identities_are_listed_by_name_in_pages_and_by_path(&*new_store().await).await;
    identities::an_identity_is_changed_whole_or_not_at_all(&*new_store().await).await;
    identities::users_are_in_groups_up_to_a_limit(&*new_store().await).await;
    identities::keys_are_found_by_id_and_never_replaced(&*new_store().await).await;
    identities::a_user_has_two_keys_also_when_everybody_asks_at_once(&*new_store().await).await;
    identities::an_operator_makes_administrators(&*new_store().await).await;

    policies::an_identity_has_policies_of_its_own_up_to_a_size(&*new_store().await).await;
    policies::managed_policies_are_kept_whole_and_listed_by_name(&*new_store().await).await;
    policies::a_policys_versions_are_numbered_once(&*new_store().await).await;
    policies::policies_are_attached_up_to_a_limit_and_stay_while_they_are(&*new_store().await).await;
    policies::everything_that_counts_for_an_identity_is_read_at_once(&*new_store().await).await;

    second_factors::devices_are_kept_whole_and_are_one_users_at_most(&*new_store().await).await;
    second_factors::a_step_is_taken_once_also_when_everybody_asks_at_once(&*new_store().await).await;
    providers::providers_are_kept_whole_and_changed_whole_or_not_at_all(&*new_store().await).await;

    documents::a_document_is_kept_as_it_is(&*new_store().await).await;
    documents::a_name_is_taken_once_and_the_scope_is_not_endless(&*new_store().await).await;
    documents::versions_are_added_and_found_by_number_and_name(&*new_store().await).await;
    documents::only_what_is_new_becomes_a_version(&*new_store().await).await;
    documents::the_default_version_is_chosen_and_stays(&*new_store().await).await;
    documents::a_deleted_version_is_gone_and_its_number_too(&*new_store().await).await;
    documents::documents_are_listed_by_name_in_pages_and_by_filters(&*new_store().await).await;
    documents::a_shared_document_is_not_deleted_by_mistake(&*new_store().await).await;

    keys::keys_are_kept_whole_up_to_a_limit_and_listed_by_id(&*new_store().await).await;
    keys::a_key_is_switched_off_and_on(&*new_store().await).await;
    keys::an_alias_leads_to_its_key_and_is_never_replaced(&*new_store().await).await;
    keys::everybody_gets_the_same_managed_key_also_at_once(&*new_store().await).await;

    logs::groups_are_kept_whole_up_to_a_limit_and_listed_by_name(&*new_store().await).await;
    logs::streams_are_listed_by_name_and_by_last_event(&*new_store().await).await;
    logs::events_are_read_in_order_both_ways_within_bounds(&*new_store().await).await;
    logs::a_full_batch_is_stored_and_counted(&*new_store().await).await;
    logs::old_events_are_forgotten_and_removed_ones_are_gone_at_once(&*new_store().await).await;
    logs::bounds::a_node_has_so_much_and_more_when_some_is_forgotten(&*new_store().await).await;
    logs::bounds::no_more_is_looked_at_than_a_page(&*new_store().await).await;

    nodes::an_activation_registers_up_to_its_limit_and_date(&*new_store().await).await;
    nodes::an_activation_counts_right_when_everybody_comes_at_once(&*new_store().await).await;
    nodes::a_registered_node_takes_name_role_and_tags_from_its_activation(&*new_store().await).await;
    nodes::activations_are_listed_newest_first_in_pages(&*new_store().await).await;
    nodes::a_short_report_erases_nothing(&*new_store().await).await;
    nodes::a_key_is_replaced_only_if_it_is_still_the_key(&*new_store().await).await;
    nodes::a_node_can_be_given_another_role(&*new_store().await).await;
    nodes::the_newest_control_channel_wins_and_a_late_goodbye_changes_nothing(&*new_store().await).await;
    nodes::a_restarted_process_forgets_only_its_own_control_channels(&*new_store().await).await;
    nodes::nodes_are_listed_in_pages_and_by_filters(&*new_store().await).await;
    nodes::a_deregistered_node_is_gone_and_its_sessions_terminate(&*new_store().await).await;

    tags::tags_are_added_replaced_and_removed(&*new_store().await).await;
    tags::a_documents_tags_are_added_replaced_and_removed(&*new_store().await).await;
    tags::tags_that_do_not_fit_change_nothing(&*new_store().await).await;
    tags::nothing_has_tags_that_is_not_there(&*new_store().await).await;
    tags::tags_never_pass_the_limit_when_everybody_adds_at_once(&*new_store().await).await;

    service_settings::settings_are_set_and_returned_to_their_defaults(&*new_store().await).await;

    sessions::a_session_opens_only_on_a_connected_node_within_the_quota(&*new_store().await).await;
    sessions::nobody_has_more_sessions_than_the_quota_allows(&*new_store().await).await;
    sessions::no_quota_of_sessions_is_passed_when_everybody_starts_at_once(&*new_store().await).await;
    sessions::one_signature_opens_one_session(&*new_store().await).await;
    sessions::one_signature_opens_one_session_also_at_once(&*new_store().await).await;
    sessions::a_session_belongs_to_the_client_that_opened_it_first(&*new_store().await).await;
    sessions::a_renewed_token_voids_the_older_ones(&*new_store().await).await;
    sessions::states_change_only_forward(&*new_store().await).await;
    sessions::an_end_is_final(&*new_store().await).await;
    sessions::a_start_is_pending_until_it_reaches_the_agent(&*new_store().await).await;
    sessions::an_end_is_pending_until_the_node_knows(&*new_store().await).await;
    sessions::only_the_sessions_own_node_speaks_for_it(&*new_store().await).await;
    sessions::sessions_are_listed_newest_first_in_pages_and_by_filters(&*new_store().await).await;
    sessions::old_history_is_forgotten_and_nothing_else(&*new_store().await).await;
    sessions::everything_survives_a_round_trip(&*new_store().await).await;

    audit::events_are_appended_once_and_never_beside_each_other(&*new_store().await).await;
    audit::events_are_found_by_what_they_are_about(&*new_store().await).await;
    audit::old_events_are_forgotten_and_the_rest_stays_whole(&*new_store().await).await;
    audit::a_sinks_place_is_kept(&*new_store().await).await;
    recordings::the_latest_signature_is_kept_and_an_end_is_final(&*new_store().await).await;
    recordings::ended_recordings_are_found_until_they_are_stored(&*new_store().await).await;
    recordings::keys_have_their_places_and_only_the_last_can_sign(&*new_store().await).await;

    decisions::what_identities_may_rest_on_raises_the_number(&*new_store().await).await;
    decisions::what_nodes_may_be_asked_for_raises_the_number_and_their_reports_do_not(&*new_store().await).await;
    decisions::what_is_locked_is_listed_in_pages(&*new_store().await).await;
    decisions::what_a_session_was_allowed_for_is_kept_while_it_goes_on(&*new_store().await).await;

    scopes_do_not_see_each_other(&*new_store().await).await;
}

async fn scopes_do_not_see_each_other(store: &dyn Store) {
    let (here, there) = (fixture::scope(), fixture::other_scope());
    let node = fixture::connected_node(store, &here, 1).await;
    let session = fixture::open(store, &here, &node, 1).await;
    let activation = fixture::activation(store, &here, 2, 5).await;

    let document = documents::new_document("Hello");
    let name = document.name.clone();
    documents::create(store, document).await;

    let found = store.document(&there, &name, &NamedVersion::default()).await.expect("reads");
    assert_eq!(found, crate::FindDocument::Unknown);
    assert!(store.documents_page(&there, &[], None, 50).await.expect("reads").is_empty());
    let all = crate::Deletion::Document { force: true };
    assert_eq!(store.delete_document(&there, &name, all).await.expect("writes"), crate::DeleteDocument::Unknown);
    assert_eq!(store.node(&there, &node).await.expect("reads"), None);
    assert_eq!(store.session(&there, &session).await.expect("reads"), None);
    assert_eq!(store.activation(&there, &activation).await.expect("reads"), None);
    assert!(store.nodes_page(&there, &[], None, 50).await.expect("reads").is_empty());
    assert!(store.sessions_page(&there, false, &[], None, 50).await.expect("reads").is_empty());
    assert!(store.activations_page(&there, &[], None, 50).await.expect("reads").is_empty());
    assert!(store.active_sessions(&there, None, 50).await.expect("reads").is_empty());
    assert!(store.pending_starts(&there, &node, 50).await.expect("reads").is_empty());
    assert!(!store.delete_activation(&there, &activation).await.expect("writes"));
    assert_eq!(store.deregister_node(&there, &node).await.expect("writes"), crate::DeregisterNode::NodeUnknown);
    let opened = fixture::try_open(store, &there, &node, 9).await;
    assert_eq!(opened, crate::OpenSession::NodeUnknown, "a node of another scope is no node");
    assert!(store.node(&here, &node).await.expect("reads").is_some());
}
