//! Why an address can't be listened on, and what to do about it.

use std::{
    io::{Error, ErrorKind},
    net::SocketAddr,
};

/// In a sentence.
pub(super) fn refused(address: SocketAddr, error: &Error) -> String {
    let what = match error.kind() {
        ErrorKind::AddrInUse => "is mrrd running already? See server.listen".to_owned(),
        ErrorKind::PermissionDenied if address.port() < 1024 => format!(
            "a port below 1024 is for root: set server.listen to a higher one, such as {}:8787, and put a proxy in front",
            address.ip()
        ),
        ErrorKind::AddrNotAvailable => format!(
            "this machine has no address {}: set server.listen to one of its own, or to 127.0.0.1 behind a proxy",
            address.ip()
        ),
        _ => "see server.listen".to_owned(),
    };
    format!("{address} can't be listened on: {error}; {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_says_what_to_do_about_it() {
        for (kind, address, said) in [
            (ErrorKind::AddrInUse, "127.0.0.1:8787", "is mrrd running already?"),
            (ErrorKind::PermissionDenied, "0.0.0.0:80", "a port below 1024 is for root"),
            (ErrorKind::PermissionDenied, "0.0.0.0:8080", "see server.listen"),
            (ErrorKind::AddrNotAvailable, "192.0.2.1:8787", "this machine has no address 192.0.2.1"),
        ] {
            let told = refused(address.parse().unwrap(), &Error::from(kind));
            assert!(told.contains(said) && told.contains("server.listen"), "{told}");
            assert_eq!(told.contains("already"), kind == ErrorKind::AddrInUse, "{told}");
        }
    }
}
