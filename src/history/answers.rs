//! What Stripe's API answers, as rows of the log: events as they are, objects under a digest of what they say.

use bytes::Bytes;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    clock::Clock,
    event::{NewEvent, Reading, Source},
    ledger::ids::EventId,
    stripe::{client::Answer, plausible, read},
};

/// An event of Stripe's list. Errors with the reason when it is none; a reason never quotes it.
pub fn event(body: Bytes, clock: &Clock) -> Result<NewEvent, String> {
    let read = read::read(&body).map_err(|error| error.to_string())?;
    Ok(read.received(body, clock.now(), Source::Api))
}

/// What every object of Stripe's says about itself.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Object<'a> {
    #[serde(borrow)]
    id: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    object: Option<std::borrow::Cow<'a, str>>,
    /// A deleted customer doesn't say.
    livemode: Option<bool>,
}

/// An object as it stood when `answer` was given (docs/decisions/001-log-first.md): its id in the log is a digest of mode,
/// object and content, so that an object that hasn't changed is a duplicate however often it is read. One that has
/// changed back is told apart by [`again`].
///
/// Errors when it is no object of Stripe's.
pub fn object(body: Bytes, answer: &Answer, clock: &Clock) -> Result<NewEvent, String> {
    let said: Object<'_> = serde_json::from_slice(&body).map_err(|_| "it is not an object".to_owned())?;
    let (Some(id), Some(kind)) = (said.id, said.object) else { return Err("it has no id or names no object".into()) };
    let livemode = said.livemode.unwrap_or(answer.livemode);
    let mut digest = Sha256::new();
    // The key's own account has no name in the log.
    for part in ["", if livemode { "live" } else { "test" }, &*kind, &*id] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    digest.update(&body);
    let event = EventId::from(format!("api_{}", hex::encode(digest.finalize())).as_str());
    let kind = format!("api.{kind}").into();
    let reading = read::read_answer(&body, &event, answer.at, Some(answer.api_version.clone()));
    let reading = plausible::checked(reading, livemode, clock.now());
    Ok(NewEvent {
        id: event,
        kind,
        account: None,
        livemode,
        created: answer.at,
        api_version: Some(answer.api_version.clone()),
        received_at: clock.now(),
        source: Source::Api,
        body,
        reading,
    })
}

/// The answer of an object that says what it said once before, after the log had come to know it differently by `last`:
/// its id is also a digest of what it follows, so that it is a change, and the same change only once.
pub fn again(mut answer: NewEvent, last: &EventId) -> NewEvent {
    let digest = hex::encode(&Sha256::digest(last.as_str())[..8]);
    answer.id = EventId::from(format!("{}_{digest}", answer.id).as_str());
    if let Reading::Facts(facts) = &mut answer.reading {
        facts.iter_mut().for_each(|fact| fact.event = answer.id.clone());
    }
    answer
}

/// An object's id, where it says one.
pub fn id(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<Object<'_>>(body).ok()?.id.map(std::borrow::Cow::into_owned)
}
