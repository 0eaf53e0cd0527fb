//! The canonical request: one spelling of method, path, query and headers on which both ends agree.
//!
//! What is refused here is nothing: canonicalising is total. What may be signed at all is decided by the callers.

/// How the path is treated before it is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathStyle {
    /// Dot segments and empty segments are resolved, as every service but S3 does.
    Normalized,
    /// Left alone. Only AWS's own test suite asks for it here.
    #[cfg_attr(not(test), expect(dead_code, reason = "needed for half of AWS's published vectors"))]
    AsSent,
}

/// One header: its name in lower case, and its values in order of arrival.
pub(super) type CanonicalHeader<'n, 'v> = (&'n str, Vec<&'v [u8]>);

/// One request, taken apart. The path and query are those of the request line, before any decoding.
#[derive(Clone, Copy)]
pub(super) struct CanonicalParts<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) style: PathStyle,
    /// Name and value still encoded as they were sent; the presigned signature itself left out.
    pub(super) query: &'a [(&'a str, &'a str)],
    /// In the order in which the signer lists them.
    pub(super) headers: &'a [CanonicalHeader<'a, 'a>],
    pub(super) signed_headers: &'a str,
}

impl CanonicalParts<'_> {
    /// Everything but the last line. Ends with a line feed; the payload's hash follows directly.
    pub(super) fn head(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        out.extend_from_slice(self.method.as_bytes());
        out.push(b'\n');
        write_path(self.path, self.style, &mut out);
        out.push(b'\n');
        write_query(self.query, &mut out);
        out.push(b'\n');
        for (name, values) in self.headers {
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_folded(value, &mut out);
            }
            out.push(b'\n');
        }
        out.push(b'\n');
        out.extend_from_slice(self.signed_headers.as_bytes());
        out.push(b'\n');
        out
    }
}

/// Splits a query into its pairs as sent. A pair without `=` has an empty value.
pub(super) fn split_query(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Undoes percent encoding. `+` is a space, as the SDKs read it; a stray `%` stands for itself.
pub(super) fn percent_decode(text: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
    let mut bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    while let Some((&first, rest)) = bytes.split_first() {
        bytes = rest;
        match (first, digit(rest.first()), digit(rest.get(1))) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high << 4 | low).expect("two hexadecimal digits are a byte"));
                bytes = &rest[2..];
            }
            (b'+', ..) => out.push(b' '),
            _ => out.push(first),
        }
    }
    out
}

/// Percent-encodes all but the unreserved characters of RFC 3986, and `/` if asked to keep it.
pub(super) fn percent_encode(bytes: &[u8], keep_slash: bool, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if unreserved || (keep_slash && byte == b'/') {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

/// The path is encoded once more than it was sent, `%` included: AWS's rule for every service but S3. It is not decoded
/// first, and so it is never normalised twice.
fn write_path(path: &str, style: PathStyle, out: &mut Vec<u8>) {
    let absolute = path.starts_with('/');
    let needs_normalizing = style == PathStyle::Normalized && (path.contains("//") || path.contains("/."));
    if !needs_normalizing {
        if !absolute {
            out.push(b'/');
        }
        return percent_encode(path.as_bytes(), true, out);
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    for segment in &segments {
        out.push(b'/');
        percent_encode(segment.as_bytes(), false, out);
    }
    if segments.is_empty() || ["/", "/.", "/.."].iter().any(|end| path.ends_with(end)) {
        out.push(b'/');
    }
}

/// Decoded, encoded again in the one canonical way, sorted by encoded name, then by encoded value.
fn write_query(query: &[(&str, &str)], out: &mut Vec<u8>) {
    let encode = |text: &str| {
        let mut encoded = Vec::with_capacity(text.len());
        percent_encode(&percent_decode(text), false, &mut encoded);
        encoded
    };
    let mut pairs: Vec<_> = query.iter().map(|(name, value)| (encode(name), encode(value))).collect();
    pairs.sort_unstable();
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

/// White space at the ends is dropped; inside, a run of it becomes one space.
fn write_folded(value: &[u8], out: &mut Vec<u8>) {
    let mut pending = false;
    for &byte in value.trim_ascii() {
        if byte.is_ascii_whitespace() {
            pending = true;
            continue;
        }
        if std::mem::take(&mut pending) {
            out.push(b' ');
        }
        out.push(byte);
    }
}
