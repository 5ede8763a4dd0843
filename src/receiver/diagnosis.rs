//! What is wrong with a webhook that was refused, as its sender's settings would have to be changed: for whoever waits for the
//! first one.

use crate::{
    ledger::time::UnixTime,
    stripe::{
        read,
        signature::{SignatureError, SigningSecret, verify},
    },
};

/// Where Stripe posts to.
const PATH: &str = "/webhooks/stripe";

/// A webhook as it was posted.
#[derive(Clone, Copy, Debug)]
pub struct Posted<'a> {
    /// The path it was posted to.
    pub path: &'a str,
    /// Its `Stripe-Signature` header; `None` without one.
    pub signature: Option<&'a [u8]>,
    /// Its body, to the byte.
    pub body: &'a [u8],
}

/// What the receiver would answer to it, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Diagnosis {
    /// Signed, and an event: what it is, and what is to be known of it.
    Well {
        /// The event's id and type.
        event: String,
        /// What it says about the endpoint's settings, if anything.
        but: Option<String>,
    },
    /// What is wrong, and where it is put right.
    Wrong(String),
}

/// Looks at a webhook as the endpoint of `secrets` would.
pub fn diagnose(posted: &Posted<'_>, secrets: &[SigningSecret], now: UnixTime, tolerance_seconds: u64) -> Diagnosis {
    let wrong = |words: String| Diagnosis::Wrong(words);
    let Posted { path, signature, body } = *posted;
    if path != PATH && !path.strip_prefix(PATH).is_some_and(|rest| rest.len() > 1 && !rest.ends_with('/')) {
        return wrong(if path.trim_end_matches('/') == PATH {
            format!("it was posted to {path}: take the slash at the end off the endpoint's address at Stripe")
        } else {
            format!("it was posted to {path}: the endpoint's address at Stripe, and the proxy, have to end in {PATH}")
        });
    }
    let event = read::read(body);
    match verify(signature, body, secrets, now, Some(tolerance_seconds)) {
        Ok(_) => {}
        Err(SignatureError::Missing) => {
            return wrong(
                "it has no Stripe-Signature header: something else posts here, or a proxy doesn't pass the header on"
                    .into(),
            );
        }
        Err(SignatureError::OutsideTolerance { seconds, ahead }) => {
            let which = if ahead { "ahead of" } else { "behind" };
            return wrong(format!(
                "it is signed with the right secret, {seconds} seconds {which} this machine's clock: set the clock by NTP, or it \
                 was kept somewhere on its way"
            ));
        }
        Err(SignatureError::NoMatch) => {
            let matches = |body: &[u8]| verify(signature, body, secrets, now, None).is_ok();
            if rewritten(body).iter().any(|once| matches(once)) {
                return wrong(
                    "it is signed with the right secret, but its body was rewritten on its way: a proxy has to pass it on byte \
                     by byte (deploy/proxies has nginx and Caddy)"
                        .into(),
                );
            }
            let mode = match event.as_ref().map(|event| event.livemode) {
                Ok(true) => "; it is a live event",
                Ok(false) => "; it is a test event",
                Err(_) => "",
            };
            return wrong(format!(
                "it is signed with another secret than the configured one{mode}: each endpoint has its own, the test and the live \
                 one too, and `stripe listen` prints one of its own"
            ));
        }
        Err(error) => return wrong(error.to_string()),
    }
    let event = match event {
        Ok(event) => event,
        Err(error) => return wrong(format!("it is signed, but is no event: {error}")),
    };
    let but = if event.kind.starts_with("invoice.") {
        Some("MRR is read from subscriptions: see that the endpoint sends customer.subscription.* as well as invoice.*")
    } else if !event.livemode {
        Some("it is a test event: reports show these until the first live one comes, and then with --test")
    } else {
        None
    };
    Diagnosis::Well { event: format!("{} ({})", event.id, event.kind), but: but.map(str::to_owned) }
}

/// The body as it may have been before somebody rewrote it: with other line ends, cut spaces at its end, or as JSON written anew.
fn rewritten(body: &[u8]) -> Vec<Vec<u8>> {
    let Ok(text) = std::str::from_utf8(body) else { return Vec::new() };
    let lines = text.replace("\r\n", "\n");
    let trimmed = lines.trim_end().to_owned();
    let mut once = vec![as_stripe_writes(&trimmed), compact(&trimmed), format!("{trimmed}\n"), trimmed, lines];
    once.retain(|one| one != text);
    once.into_iter().map(String::into_bytes).collect()
}

/// JSON without space between its tokens.
fn compact(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    tokens(json, |token| text.push_str(token));
    text
}

/// JSON indented as Stripe's webhooks are: two spaces, and an empty list or object over two lines.
fn as_stripe_writes(json: &str) -> String {
    let (mut text, mut depth) = (String::with_capacity(json.len() * 2), 0_usize);
    let mut opened = "";
    tokens(json, |token| {
        let line = |text: &mut String, depth: usize| {
            text.push('\n');
            text.push_str(&"  ".repeat(depth));
        };
        match token {
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                if opened == "[" {
                    text.push('\n');
                }
                line(&mut text, depth);
                text.push_str(token);
                opened = "";
            }
            _ => {
                if !opened.is_empty() {
                    line(&mut text, depth);
                }
                opened = "";
                text.push_str(token);
                match token {
                    "{" => (depth, opened) = (depth + 1, "{"),
                    "[" => (depth, opened) = (depth + 1, "["),
                    "," => line(&mut text, depth),
                    ":" => text.push(' '),
                    _ => {}
                }
            }
        }
    });
    text
}

/// Hands on each token of a JSON text, without the space between them.
fn tokens(json: &str, mut take: impl FnMut(&str)) {
    let bytes = json.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(bytes.len());
            }
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'{' | b'}' | b'[' | b']' | b',' | b':' => at += 1,
            _ => {
                while at < bytes.len() && !b"{}[],:\"".contains(&bytes[at]) && !bytes[at].is_ascii_whitespace() {
                    at += 1;
                }
            }
        }
        // Tokens begin and end at ASCII, or where the text does.
        if let Some(token) = json.get(start..at) {
            take(token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stripe::signature::sign;

    const NOW: UnixTime = UnixTime(1_768_384_800);

    fn secret(text: &str) -> SigningSecret {
        SigningSecret::new(text).unwrap()
    }

    fn of(path: &str, body: &str, signature: Option<&str>) -> Diagnosis {
        let posted = Posted { path, signature: signature.map(str::as_bytes), body: body.as_bytes() };
        diagnose(&posted, &[secret("whsec_1")], NOW, 300)
    }

    fn body(kind: &str, live: bool) -> String {
        format!(
            "{{\n  \"id\": \"evt_1\",\n  \"object\": \"event\",\n  \"type\": \"{kind}\",\n  \"created\": 1768384800,\n  \
             \"livemode\": {live},\n  \"data\": {{\n    \"object\": {{\n      \"id\": \"x\",\n      \"tags\": [\n\n      ],\n      \
             \"metadata\": {{\n      }}\n    }}\n  }}\n}}"
        )
    }

    #[track_caller]
    fn wrong(diagnosis: Diagnosis, words: &str) {
        match diagnosis {
            Diagnosis::Wrong(said) => assert!(said.contains(words), "{said}"),
            well => panic!("{well:?}"),
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_what_would_mend_it() {
        let sent = body("customer.created", true);
        let signed = sign(&secret("whsec_1"), NOW, sent.as_bytes());
        wrong(of("/webhooks/stripe/", &sent, Some(&signed)), "take the slash at the end off");
        wrong(of("/hook", &sent, Some(&signed)), "have to end in /webhooks/stripe");
        wrong(of("/webhooks/stripe", &sent, None), "no Stripe-Signature header");
        let other = sign(&secret("whsec_2"), NOW, sent.as_bytes());
        wrong(
            of("/webhooks/stripe", &sent, Some(&other)),
            "another secret than the configured one; it is a live event",
        );
        let late = sign(&secret("whsec_1"), NOW.plus(-900), sent.as_bytes());
        wrong(of("/webhooks/stripe", &sent, Some(&late)), "900 seconds behind this machine's clock");
        for rewritten in [compact(&sent), sent.replace('\n', "\r\n"), format!("{sent}\n")] {
            wrong(of("/webhooks/stripe", &rewritten, Some(&signed)), "rewritten on its way");
        }
        assert_eq!(as_stripe_writes(&compact(&sent)), sent);
    }

    #[test]
    fn what_is_well_says_what_it_tells_of_the_endpoint() {
        for (kind, live, words) in [
            ("customer.subscription.created", true, None),
            ("invoice.paid", true, Some("customer.subscription.*")),
            ("customer.created", false, Some("test event")),
        ] {
            let sent = body(kind, live);
            let signed = sign(&secret("whsec_1"), NOW, sent.as_bytes());
            let Diagnosis::Well { event, but } = of("/webhooks/stripe", &sent, Some(&signed)) else { panic!("{kind}") };
            assert_eq!(event, format!("evt_1 ({kind})"));
            assert_eq!(but.is_some(), words.is_some());
            assert!(words.is_none_or(|words| but.unwrap().contains(words)), "{kind}");
        }
    }
}
