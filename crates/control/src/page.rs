//! Pages of listings: cursors to tokens and back.
//!
//! A cursor names the last record shown, so a listing stays stable while records come and go. The token only guards
//! against mistakes; whoever makes one up sees nothing that the operation would not show anyway.

use std::str::FromStr;

use postern_model::{ApiError, ErrorCode, Operation, page};
use postern_store::UnixMillis;

/// The cursor of a token, if there is a token.
pub(crate) fn cursor<T: FromStr>(operation: Operation, token: Option<&str>) -> Result<Option<T>, ApiError> {
    let Some(token) = token else { return Ok(None) };
    let cursor = page::cursor_of(operation, token)?;
    cursor.parse().map(Some).map_err(|_| invalid())
}

/// The moment and the id in the cursor of a listing ordered by both.
pub(crate) fn moment_and_id<T: FromStr>(
    operation: Operation,
    token: Option<&str>,
) -> Result<Option<(UnixMillis, T)>, ApiError> {
    let Some(cursor) = cursor::<String>(operation, token)? else { return Ok(None) };
    let (moment, id) = cursor.split_once('/').ok_or_else(invalid)?;
    let moment = moment.parse().map_err(|_| invalid())?;
    let id = id.parse().map_err(|_| invalid())?;
    Ok(Some((moment, id)))
}

/// Cuts a page that was read with one record too many, and says where the next one begins.
pub(crate) fn cut<T>(
    operation: Operation,
    records: &mut Vec<T>,
    limit: u32,
    cursor: impl Fn(&T) -> String,
) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if records.len() <= limit {
        return None;
    }
    records.truncate(limit);
    records.last().map(|last| page::token_after(operation, &cursor(last)))
}

fn invalid() -> ApiError {
    let message = "The NextToken is not one that this operation gave out; start again without it.";
    ApiError::new(ErrorCode::InvalidNextToken, message)
}
