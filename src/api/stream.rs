//! `GET /api/v1/stream`: says whenever the log or the figures have moved on, as server-sent events.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::{Request, State},
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Answer, ApiProblem,
    query::{Nothing, Query},
};
use crate::{
    api::{pulse::Beat, state::AppState},
    event::Seq,
    limits,
    receiver::intake::Refusing,
};

/// Where log and figures stand.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Moved {
    /// The last place in the log.
    #[schema(value_type = i64)]
    last_seq: Seq,
    /// Everything up to here is in the figures.
    #[schema(value_type = i64)]
    applied_seq: Seq,
    /// How far the figures are behind the log.
    lag_events: i64,
    /// Why nothing can be appended to the log now, so that webhooks are answered 503; null while it can.
    #[schema(value_type = Option<String>)]
    refuses: Option<Arc<str>>,
    /// Endpoints of this process that refuse webhooks for another reason, and take none; empty where all is well.
    #[schema(value_type = Vec<Refusing>)]
    webhooks_refused: Arc<[Refusing]>,
}

impl From<Beat> for Moved {
    fn from(Beat { last_seq, applied_seq, refuses, webhooks_refused }: Beat) -> Self {
        Self { last_seq, applied_seq, lag_events: last_seq.distance(applied_seq), refuses, webhooks_refused }
    }
}

/// Server-sent events: `ledger`, once at the beginning and whenever the log or the figures have moved on, or the log takes nothing any more or again, or an endpoint refuses all that comes or takes webhooks again, within half a second.
///
/// It ends when the session or the token that opened it does. Each `data` is a JSON object; nothing is repeated, so who comes back asks for what is wanted and listens on.
#[utoipa::path(get, path = "/api/v1/stream", tag = "status",
    responses((status = 200, content_type = "text/event-stream", body = Moved),
        (status = 503, body = super::document::ProblemBody)))]
pub(super) async fn stream(State(state): State<AppState>, _: Query<Nothing>, request: Request) -> Answer {
    let listener = state.pulse.listen().ok_or(ApiProblem::TooManyListeners)?;
    let mut door = tokio::time::interval(limits::LISTENER_DOOR);
    door.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let listening = (listener, state.draining.clone(), door, state.access.clone(), request.into_parts().0);
    let beats = stream::unfold(listening, |(mut listener, mut draining, mut door, access, head)| async move {
        let beat = loop {
            let beat = tokio::select! {
                beat = listener.next() => Some(beat?),
                // A daemon that stops doesn't wait for those who listen.
                _ = draining.wait_for(|draining| *draining) => return None,
                _ = door.tick() => None,
            };
            match beat {
                Some(beat) => break beat,
                // A session that was ended meanwhile, or whose token was revoked, hears nothing more.
                None if access.still_admits(&head).await => {}
                None => return None,
            }
        };
        // An object of numbers and a text always serialises.
        let event = Event::default().event("ledger").json_data(Moved::from(beat)).unwrap_or_default();
        Some((Ok::<_, Infallible>(event), (listener, draining, door, access, head)))
    });
    Ok(Sse::new(beats).keep_alive(KeepAlive::new().interval(limits::LISTENER_SIGN)).into_response())
}
