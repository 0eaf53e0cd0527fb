//! How requests and answers of the Query protocol are declared.

/// Declares requests: the struct, and how it is read from a form.
macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident for $operation:ident -> $response:ty {
        $($(#[$attribute:meta])* $field:ident: $kind:ty = $read:ident($($argument:expr),*),)*
    })+) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
        #[serde(rename_all = "PascalCase")]
        pub struct $name {
            $(
                #[doc = concat!("`", stringify!($field), "`, as AWS's model describes it.")]
                $(#[$attribute])*
                pub $field: $kind,
            )*
        }

        impl crate::ApiRequest for $name {
            const OPERATION: crate::Operation = crate::Operation::$operation;
            type Response = $response;

            #[allow(unused_variables, reason = "a request may have no members")]
            fn read(input: &mut crate::decode::Input<'_>) -> Result<Self, crate::ApiError> {
                Ok(Self { $($field: input.$read($($argument),*)?,)* })
            }
        }
    )+ };
}

/// Declares what answers are made of.
macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $kind:ty,)* })+) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "PascalCase")]
        pub struct $name {
            $(
                #[doc = concat!("`", stringify!($field), "`, as AWS's model describes it.")]
                $(#[$attribute])*
                pub $field: $kind,
            )*
        }
    )+ };
}
