//! Any bytes as a header: never a panic, and only the right signature is accepted.
//!
//! `cargo +nightly fuzz run -s none signature`
#![no_main]

use libfuzzer_sys::fuzz_target;
use mrrd::{
    ledger::time::UnixTime,
    stripe::signature::{SigningSecret, sign, verify},
};

const BODY: &[u8] = b"{\"id\":\"evt_1\"}";

fuzz_target!(|header: &[u8]| {
    let secret = SigningSecret::new("whsec_fuzz").expect("not blank");
    let now = UnixTime(1_700_000_000);
    if let Ok(at) = verify(Some(header), BODY, std::slice::from_ref(&secret), now, None) {
        // Nobody guesses an HMAC: what is accepted holds the very signature we would make.
        let right = sign(&secret, at, BODY);
        let (_, right) = right.split_once("v1=").expect("made by sign");
        let header = String::from_utf8_lossy(header).to_ascii_lowercase();
        assert!(header.contains(right), "accepted {header}");
    }
});
