//! `mrrd healthcheck`: asks a running server whether it is ready, for containers that have no other client.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{Context, Failure, Outcome, output};

/// Asks a running server whether it is ready: 0 yes, 1 no
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  mrrd healthcheck\n  mrrd healthcheck --address 127.0.0.1:8787 --live\n\n\
    In a Dockerfile: HEALTHCHECK CMD [\"mrrd\", \"healthcheck\"]")]
pub(super) struct Args {
    /// Where the server listens [default: server.listen]
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    address: Option<SocketAddr>,
    /// Ask only whether the process lives (/healthz), not whether its database answers (/readyz)
    #[arg(long)]
    live: bool,
    /// Print {"ok":…,"status":…}
    #[arg(long)]
    json: bool,
}

/// An address, or a name with its port, which is looked up.
fn address(text: &str) -> Result<SocketAddr, String> {
    let found =
        text.to_socket_addrs().map_err(|error| format!("{error}: it is a host and a port, such as 127.0.0.1:8787"))?;
    found.into_iter().next().ok_or_else(|| "this name has no address".into())
}

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// An answer longer than this is not ours.
const ANSWER_BYTES: u64 = 64 * 1024;

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let address = from_here(match args.address {
        Some(address) => address,
        None => context.load()?.server.listen,
    });
    let path = if args.live { "/healthz" } else { "/readyz" };
    let asked = timeout(PATIENCE, ask(address, path)).await;
    let answer = match asked {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            return no(args, None, &format!("no answer from {address}: {error}; is `mrrd serve` running?"));
        }
        Err(_) => return no(args, None, &format!("{address} did not answer within {} seconds", PATIENCE.as_secs())),
    };
    let status = answer.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
    if status != Some(200) {
        let detail = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        return no(args, status, &format!("{address}{path} answers {}: {detail}", status.unwrap_or_default()));
    }
    if args.json {
        output::json(&json!({ "ok": true, "status": status }))?;
    } else {
        output::line("ok")?;
    }
    Ok(())
}

/// A server that listens everywhere is asked where we are.
pub(super) fn from_here(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    address
}

pub(super) async fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn no(args: &Args, status: Option<u16>, reason: &str) -> Outcome {
    if args.json {
        output::json(&json!({ "ok": false, "status": status, "reason": reason }))?;
        return Err(Failure::Said);
    }
    Err(Failure::Failed(reason.to_owned()))
}
