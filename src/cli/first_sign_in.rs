//! What is said of the first token. On a terminal that is a link that signs in; anywhere else only how to get one: what a service
//! prints ends in a journal or in a container's log, which more people read than may sign in.

use std::{
    io::{self, IsTerminal as _},
    net::SocketAddr,
    path,
};

use super::{Context, output};
use crate::access::first::FirstToken;

/// Tells of a token that was just made; its link leads to a daemon of `address`.
pub(super) fn tell(first: &FirstToken, address: SocketAddr, context: &Context) -> io::Result<()> {
    let kept = path::absolute(&first.path).unwrap_or_else(|_| first.path.clone());
    let kept = kept.display();
    let command = context.command("token link");
    if io::stdout().is_terminal() {
        return output::line(format_args!(
            "api.tokens is not set, so a token was made and written to {kept}. This link signs in with it:\n{}\n\
             `{command}` prints it again.",
            first.link(address),
        ));
    }
    // A path of the configuration that isn't whole leads somewhere else from another folder.
    let folder = match first.path.is_relative() {
        true => std::env::current_dir().map(|folder| format!(" in {}", folder.display())).unwrap_or_default(),
        false => String::new(),
    };
    output::line(format_args!(
        "api.tokens is not set, so a token was made and written to {kept}. `{command}`, run by the same user{folder}, prints a link \
         that signs in with it."
    ))
}
