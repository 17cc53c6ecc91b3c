//! RFC 7512 URIs: read, written, and refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use bursar_pkcs11::{KeyUri, TokenUri};
use proptest::prelude::*;

#[test]
fn reads_what_the_rfc_writes() {
    // Forms of RFC 7512 section 3, with attributes that are read here.
    for (text, object, id) in [
        (
            "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;object=my-certificate;type=private;id=%69%95%3E%5C%F4%BD%EC%91",
            Some("my-certificate"),
            Some(&b"\x69\x95\x3e\x5c\xf4\xbd\xec\x91"[..]),
        ),
        ("PKCS11:object=my-pubkey", Some("my-pubkey"), None),
        ("pkcs11:id=a:b%00", None, Some(b"a:b\0")),
        ("pkcs11:object=%CE%B1", Some("α"), None),
        ("pkcs11:object=a?", Some("a"), None),
    ] {
        let uri: KeyUri = text.parse().unwrap();
        assert_eq!((uri.object(), uri.id()), (object, id), "{text}");
    }
}

#[test]
fn writes_what_others_read() {
    let uri: TokenUri = "pkcs11:serial=1f;token=pay%20roll".parse().unwrap();
    assert_eq!(uri.to_string(), "pkcs11:token=pay%20roll;serial=1f");
    let uri: KeyUri = "pkcs11:id=%0a%FF;object=a+b;token=t".parse().unwrap();
    assert_eq!(uri.to_string(), "pkcs11:token=t;object=a%2Bb;id=%0A%FF;type=private");
}

#[test]
fn refusals_say_why_and_never_show_a_pin() {
    for (text, why) in [
        ("", "pkcs11:"),
        ("pkcs12:token=a", "pkcs11:"),
        ("pkcs11", "pkcs11:"),
        ("pkcs11:", "names no"),
        ("pkcs11:token", "name=value"),
        ("pkcs11:token=a;", "name=value"),
        ("pkcs11:token=;object=k", "token is empty"),
        ("pkcs11:token=a;token=a", "token is given twice"),
        ("pkcs11:token=a%2", "two hexadecimal digits"),
        ("pkcs11:token=a%zz", "two hexadecimal digits"),
        ("pkcs11:token=%+1", "two hexadecimal digits"),
        ("pkcs11:token=a b", "%20"),
        ("pkcs11:token=a/b", "%2F"),
        ("pkcs11:token=%FF", "UTF-8"),
        ("pkcs11:token=012345678901234567890123456789012", "32 at most"),
        ("pkcs11:serial=01234567890123456", "16 at most"),
        ("pkcs11:token=a;slot-id=1", "slot-id"),
        ("pkcs11:token=a;library-version=3", "library-version"),
        ("pkcs11:token=a;x-vendor=3", "x-vendor"),
        ("pkcs11:token=a?pin-value=sesame7", "pin-value"),
        ("pkcs11:token=a;object=k?module-path=/x&pin-value=sesame7", "module-path"),
        ("pkcs11:token=a?pin-source=file:/sesame7", "pin-source"),
        ("pkcs11:token=a;pin-value=sesame7", "pin-value"),
        ("pkcs11:token=a?x=sesame7", "question mark"),
    ] {
        for error in [text.parse::<TokenUri>().err(), text.parse::<KeyUri>().err()] {
            let shown = error.unwrap_or_else(|| panic!("{text} is refused")).to_string();
            assert!(shown.contains(why), "{text}: {shown}");
            assert!(!shown.contains("sesame7"), "{shown}");
        }
    }
    for (text, why) in [
        ("pkcs11:token=a", "names no key"),
        ("pkcs11:object=k;type=public", "type=private"),
        ("pkcs11:object=k;type=private;type=private", "twice"),
        ("pkcs11:id=", "id is empty"),
        ("pkcs11:object=", "object is empty"),
    ] {
        let shown = text.parse::<KeyUri>().unwrap_err().to_string();
        assert!(shown.contains(why), "{text}: {shown}");
    }
    assert!("pkcs11:token=a;object=k".parse::<TokenUri>().is_err(), "a key's URI names no token");
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        token in proptest::option::of("\\PC{1,8}"),
        serial in proptest::option::of("[ -~]{1,16}"),
        object in "\\PC{1,40}",
        id in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        // Everything percent-encoded is the plainest form there is.
        let encoded = |bytes: &[u8]| -> String {
            bytes.iter().map(|b| format!("%{b:02x}")).collect()
        };
        let mut text = format!("pkcs11:object={}", encoded(object.as_bytes()));
        if let Some(token) = &token {
            text += &format!(";token={}", encoded(token.as_bytes()));
        }
        if let Some(serial) = &serial {
            text += &format!(";serial={}", encoded(serial.as_bytes()));
        }
        if !id.is_empty() {
            text += &format!(";id={}", encoded(&id));
        }
        let uri: KeyUri = text.parse().unwrap();
        prop_assert_eq!(uri.object(), Some(object.as_str()));
        prop_assert_eq!(uri.id().unwrap_or_default(), &id[..]);
        prop_assert_eq!(uri.token().is_some(), token.is_some() || serial.is_some());
        let written = uri.to_string();
        prop_assert!(written.is_ascii() && !written.contains(' '));
        prop_assert_eq!(written.parse::<KeyUri>().unwrap(), uri);
    }

    #[test]
    fn nothing_makes_the_parser_panic(text in "(pkcs11:)?\\PC{0,60}", bytes in "pkcs11:[a-z]{2,8}=[%0-9a-f;=?&]{0,40}") {
        for text in [text, bytes] {
            let _ = text.parse::<KeyUri>();
            let _ = text.parse::<TokenUri>();
        }
    }
}

#[test]
fn two_names_of_one_token_agree() {
    let agree = |one: &str, other: &str| {
        let [one, other]: [TokenUri; 2] = [one, other].map(|uri| uri.parse().unwrap());
        assert_eq!(one.agrees(&other), other.agrees(&one));
        one.agrees(&other)
    };
    assert!(agree("pkcs11:token=a", "pkcs11:token=a"));
    assert!(agree("pkcs11:token=a", "pkcs11:token=a;serial=1"));
    assert!(agree("pkcs11:token=a", "pkcs11:serial=1"));
    assert!(!agree("pkcs11:token=a", "pkcs11:token=b"));
    assert!(!agree("pkcs11:token=a;serial=1", "pkcs11:token=a;serial=2"));
    assert!(!agree("pkcs11:model=a;serial=1", "pkcs11:model=b;serial=1"));
    assert!(!agree("pkcs11:manufacturer=a", "pkcs11:manufacturer=b;model=c"));
}
