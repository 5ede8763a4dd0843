//! What is kept of a body (`privacy.keep`): all of it, or what figures rest on.

use crate::{
    config::{Config, Keep},
    event::NewEvent,
    store::Keeping,
    stripe::minimal,
};

/// What becomes of each event before it is stored, by the configuration.
pub fn configured(config: &Config) -> Keeping {
    match config.privacy.keep {
        Keep::Whole => std::convert::identity,
        Keep::Minimal => minimal,
    }
}

/// The event with a body that names nobody; its facts are those of the whole one.
fn minimal(event: NewEvent) -> NewEvent {
    NewEvent { body: minimal::redacted(&event.body), ..event }
}
