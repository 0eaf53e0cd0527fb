//! The audit log.

acts! {
    /// Look up what was done.
    LookupEvents = Api(LookupEvents), on ();
}
