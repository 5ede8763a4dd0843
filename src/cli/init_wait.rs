//! After `mrrd init`: waiting for the first signed event, and saying of each that comes what is wrong with it.
//!
//! Webhooks are answered by the daemon itself, which runs behind: what is signed well is in the ledger, and what is refused is
//! refused as it will be later.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use secrecy::ExposeSecret as _;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};

use super::{Context, Failure, Outcome, first_sign_in, listening, output, signals::Signals};
use crate::{
    config::{self, Config, Environment},
    daemon::Daemon,
    demo::http::Client,
    receiver::diagnosis::{Diagnosis, Posted, diagnose},
    stripe::signature::SigningSecret,
};

/// Waits on the configured address for an event that is signed well. `patience` of none waits until it is interrupted.
pub(super) async fn for_the_first(path: &Path, patience: Option<Duration>, context: &Context) -> Outcome {
    let config: Arc<Config> = Arc::new(config::load(Some(path), &Environment::of_process())?);
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(format!("nothing can be waited for: {error}"));
    let mut signals = Signals::of_terminal().map_err(|error| failed(&error))?;
    let secrets = config.stripe.webhook_secrets.iter().map(|secret| SigningSecret::new(secret.expose_secret()));
    let secrets = secrets.collect::<Result<Vec<_>, _>>().map_err(|error| failed(&error))?;
    let tolerance = config.stripe.tolerance.as_secs();
    let listen = config.server.listen;
    let front = TcpListener::bind(listen).await;
    let front = front.map_err(|error| failed(&listening::refused(listen, &error)))?;
    let address = front.local_addr().map_err(|error| failed(&error))?;
    let behind = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| failed(&error))?;
    let daemon = Daemon::start(config, context.clock.clone(), behind).await.map_err(|error| failed(&error))?;
    let first_token = daemon.first_token().cloned();
    let (stop, told) = oneshot::channel::<()>();
    let (said, mut heard) = mpsc::channel(16);
    let waiting =
        Arc::new(Waiting { daemon: daemon.address(), secrets, tolerance, clock: context.clock.clone(), said });
    let (end, ended) = oneshot::channel::<()>();
    let answering = tokio::spawn(async move {
        let served = axum::serve(front, Router::new().fallback(take).with_state(waiting));
        served.with_graceful_shutdown(async { drop(ended.await) }).await
    });
    output::line(format_args!(
        "\nWaiting for the first signed event at http://{address}/webhooks/stripe (Ctrl-C ends it)."
    ))?;
    let patience = async {
        match patience {
            Some(patience) => tokio::time::sleep(patience).await,
            None => std::future::pending::<()>().await,
        }
    };
    tokio::pin!(patience);
    let lived = async {
        let outcome = loop {
            tokio::select! {
                () = signals.first() => break Ok(()),
                () = &mut patience => {
                    break Err(Failure::Failed(
                        "none came: is the endpoint at Stripe enabled, is it pointed here, and does the proxy pass /webhooks/stripe on?".into(),
                    ));
                }
                diagnosis = heard.recv() => match diagnosis {
                    Some(Diagnosis::Well { event, but }) => {
                        output::line(format_args!("{event} came, signed well, and is kept."))?;
                        if let Some(but) = but {
                            output::line(output::sentence(&but))?;
                        }
                        break Ok(());
                    }
                    Some(Diagnosis::Wrong(why)) => output::line(format_args!("A webhook was refused: {why}."))?,
                    None => break Err(Failure::Failed("nobody answers any more".into())),
                },
            }
        };
        // Whoever is being answered still hears it.
        drop(end);
        drop(tokio::time::timeout(GOODBYE, answering).await);
        // A daemon that has ended already needs no telling.
        let _ = stop.send(());
        outcome
    };
    let told = async {
        // Told, or nobody is left to tell: both end it.
        drop(told.await);
    };
    let ((), outcome) = tokio::join!(daemon.run(told), lived);
    // Made here, it isn't made again: no start of `serve` would tell of it.
    if let Some(first) = first_token {
        let serve = context.serving(path);
        output::line(format_args!("\nStart it: {}", serve.command("serve")))?;
        first_sign_in::tell(&first, address, &serve)?;
    }
    outcome
}

/// How long answers under way may take once all is said.
const GOODBYE: Duration = Duration::from_secs(5);

struct Waiting {
    daemon: SocketAddr,
    secrets: Vec<SigningSecret>,
    tolerance: u64,
    clock: crate::clock::Clock,
    said: mpsc::Sender<Diagnosis>,
}

/// Hands a request on to the daemon and its answer back; what is posted is looked at first.
async fn take(State(waiting): State<Arc<Waiting>>, request: Request) -> Response {
    /// More than any webhook has.
    const MOST: usize = 1 << 20;
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MOST).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let signature = head.headers.get("stripe-signature").map(HeaderValue::as_bytes);
    let posted = Posted { path: head.uri.path(), signature, body: &body };
    let diagnosis = diagnose(&posted, &waiting.secrets, waiting.clock.now(), waiting.tolerance);
    let fields = signature.and_then(|signature| std::str::from_utf8(signature).ok());
    let fields: Vec<(&str, &str)> = fields.map(|signature| ("stripe-signature", signature)).into_iter().collect();
    let answer = Client::new(waiting.daemon).send(head.method.clone(), head.uri.path(), &fields, body.clone()).await;
    let Ok(answer) = answer else { return StatusCode::BAD_GATEWAY.into_response() };
    let is_kept = answer.status == 200;
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    if let Some(kind) = answer.headers.get(header::CONTENT_TYPE) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
    }
    if head.method == http::Method::POST {
        let said = match diagnosis {
            Diagnosis::Well { event, .. } if !is_kept => {
                Diagnosis::Wrong(format!("{event} is signed well, but was answered {}", answer.status))
            }
            diagnosis => diagnosis,
        };
        // Whoever waited has what it waited for.
        let _ = waiting.said.send(said).await;
    }
    response
}
