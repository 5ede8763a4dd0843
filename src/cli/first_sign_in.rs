//! What is said of the first token: a link that signs in, once. Where what is printed ends in a journal or in a container's log,
//! which more people read than may sign in, only how to get one.

use std::{env, io, net::SocketAddr, path};

use super::{Context, output};
use crate::access::first::FirstToken;

/// Tells of a token that was just made; its link leads to a daemon of `address`.
pub(super) fn tell(first: &FirstToken, address: SocketAddr, context: &Context) -> io::Result<()> {
    let kept = path::absolute(&first.path).unwrap_or_else(|_| first.path.clone());
    let kept = kept.display();
    let command = context.command("token link");
    if !is_kept_by_others() {
        return output::line(format_args!(
            "api.tokens is not set, so a token was made and written to {kept}. This link signs in with it:\n{}\n\
             `{command}` prints it again.",
            first.link(address),
        ));
    }
    // A path of the configuration that isn't whole leads somewhere else from another folder.
    let folder = match first.path.is_relative() {
        true => env::current_dir().map(|folder| format!(" in {}", folder.display())).unwrap_or_default(),
        false => String::new(),
    };
    output::line(format_args!(
        "api.tokens is not set, so a token was made and written to {kept}. `{command}`, run by the same user{folder}, prints a link \
         that signs in with it."
    ))
}

/// systemd sets `JOURNAL_STREAM` for what it logs; `container` is set in containers by whoever follows systemd's interface of them,
/// our image among them.
fn is_kept_by_others() -> bool {
    ["JOURNAL_STREAM", "container"].into_iter().any(|name| env::var_os(name).is_some())
}
