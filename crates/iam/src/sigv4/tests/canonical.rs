//! The canonical spelling of paths, queries and header values, one rule a line.

use super::super::canonical::{CanonicalParts, PathStyle, percent_decode, split_query};

fn canonical(path: &str, style: PathStyle, query: &str, value: &str) -> Vec<String> {
    let query: Vec<_> = split_query(query).collect();
    let headers = [("name", vec![value.as_bytes()])];
    let parts = CanonicalParts { method: "GET", path, style, query: &query, headers: &headers, signed_headers: "name" };
    String::from_utf8_lossy(&parts.head()).lines().map(str::to_owned).collect()
}

#[test]
fn paths_are_normalised_once_and_encoded_once_more_than_sent() {
    for (sent, normalized, as_sent) in [
        ("", "/", "/"),
        ("/", "/", "/"),
        ("x", "/x", "/x"),
        ("/a/b/", "/a/b/", "/a/b/"),
        ("//a//b", "/a/b", "//a//b"),
        ("/a/../b", "/b", "/a/../b"),
        ("/../../b/.", "/b/", "/../../b/."),
        ("/a/..", "/", "/a/.."),
        ("/a/.b", "/a/.b", "/a/.b"),
        ("/a%2F%2e%2e", "/a%252F%252e%252e", "/a%252F%252e%252e"),
        ("/ecs:c_t", "/ecs%3Ac_t", "/ecs%3Ac_t"),
        // The two older cases of aws-sigv4's suite, `double-encode-path` and `double-url-encode`.
        ("/test/@connections/JB%3D", "/test/%40connections/JB%253D", "/test/%40connections/JB%253D"),
        ("/functions/arn%3Aaws/x", "/functions/arn%253Aaws/x", "/functions/arn%253Aaws/x"),
    ] {
        assert_eq!(canonical(sent, PathStyle::Normalized, "", "")[1], normalized, "{sent:?}");
        assert_eq!(canonical(sent, PathStyle::AsSent, "", "")[1], as_sent, "{sent:?}");
    }
}

#[test]
fn queries_are_decoded_encoded_and_sorted() {
    for (sent, expected) in [
        ("", ""),
        ("&&", ""),
        ("a", "a="),
        ("a=", "a="),
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1&a=2", "a=1&a=2&a=2"),
        ("Param-3=3&Param=2", "Param=2&Param-3=3"),
        ("a=b=c", "a=b%3Dc"),
        ("a=%7e%2f+", "a=~%2F%20"),
        ("a=%zz%", "a=%25zz%25"),
        ("a=ሴ", "a=%E1%88%B4"),
    ] {
        assert_eq!(canonical("/", PathStyle::Normalized, sent, "")[2], expected, "{sent:?}");
    }
}

#[test]
fn header_values_are_trimmed_and_folded() {
    for (sent, expected) in
        [("", "name:"), ("  ", "name:"), (" a  b\t c ", "name:a b c"), ("\"a   b\"", "name:\"a b\""), ("é", "name:é")]
    {
        assert_eq!(canonical("/", PathStyle::Normalized, "", sent)[3], expected, "{sent:?}");
    }
}

#[test]
fn percent_decoding_never_fails() {
    assert_eq!(percent_decode("%41%4g%4"), b"A%4g%4");
    assert_eq!(percent_decode("%é"), "%é".as_bytes());
}
