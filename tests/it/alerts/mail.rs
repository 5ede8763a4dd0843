//! A real conversation with a mail server: STARTTLS, a login, a message in two forms.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

use super::channels::channel;
use crate::support::daemon::{Settings, mrrd};

/// What the server was told: commands, and the message itself, each with whether it came over TLS.
type Said = (bool, String);

/// Answers one client after the other; in the open it knows only EHLO and STARTTLS.
async fn serve(listener: TcpListener, tls: TlsAcceptor, said: mpsc::UnboundedSender<Said>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let Some(stream) = converse(stream, false, &said).await else { continue };
        if let Ok(stream) = tls.accept(stream).await {
            let _ = converse(stream, true, &said).await;
        }
    }
}

/// Speaks until the client leaves (`None`), or turns to TLS (the stream).
async fn converse<S>(stream: S, private: bool, said: &mpsc::UnboundedSender<Said>) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    if !private {
        stream.write_all(b"220 mail.test ESMTP\r\n").await.ok()?;
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let _ = said.send((private, line.trim_end().to_owned()));
        let word = line.split_whitespace().next().unwrap_or_default().to_uppercase();
        let answer: &[u8] = match (word.as_str(), private) {
            ("EHLO", false) => b"250-mail.test\r\n250 STARTTLS\r\n",
            ("EHLO", true) => b"250-mail.test\r\n250 AUTH PLAIN\r\n",
            ("STARTTLS", false) => {
                stream.write_all(b"220 go ahead\r\n").await.ok()?;
                return Some(stream.into_inner());
            }
            ("AUTH", true) => b"235 welcome\r\n",
            ("MAIL" | "RCPT", true) => b"250 ok\r\n",
            ("DATA", true) => {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                let mut message = String::new();
                while !message.ends_with("\r\n.\r\n") {
                    stream.read_line(&mut message).await.ok()?;
                }
                let _ = said.send((private, message));
                b"250 kept\r\n"
            }
            ("QUIT", _) => b"221 bye\r\n",
            _ => b"530 must issue STARTTLS first\r\n",
        };
        stream.write_all(answer).await.ok()?;
    }
}

/// A server whose certificate is for localhost: its port, its certificate, and what it hears.
async fn mail_server() -> (SocketAddr, String, mpsc::UnboundedReceiver<Said>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, (said, heard)) = (listener.local_addr().unwrap(), mpsc::unbounded_channel());
    tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), said));
    (address, made.cert.pem(), heard)
}

fn settings(address: SocketAddr, more: &[(&str, &str)]) -> Settings {
    let port = address.port().to_string();
    let fields = [
        ("KIND", "email"),
        ("SMTP_HOST", "localhost"),
        ("SMTP_PORT", &port),
        ("USERNAME", "mrrd"),
        ("PASSWORD", "password_nobody_may_see"),
        ("FROM", "mrrd@example.com"),
        ("TO", "finance@example.com,cfo@example.com"),
    ];
    channel(channel(Settings::default(), "mail", &fields), "mail", more)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_is_sent_over_starttls_with_a_login_as_text_and_html() {
    let (address, certificate, mut heard) = mail_server().await;
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("ca.pem");
    std::fs::write(&pem, certificate).unwrap();
    let trusting = settings(address, &[("SMTP_CA_FILE", pem.to_str().unwrap())]);
    let run = |settings: Settings| {
        let folder = folder.path().to_owned();
        tokio::task::spawn_blocking(move || mrrd(&folder, &settings).args(["alerts", "test", "mail"]).output().unwrap())
    };
    let output = tokio::time::timeout(Duration::from_secs(60), run(trusting)).await.unwrap().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    assert!(!told.contains("password_nobody_may_see"), "{told}");

    let mut said = Vec::new();
    while let Ok(one) = heard.try_recv() {
        said.push(one);
    }
    let open: Vec<&str> = said.iter().filter(|(private, _)| !private).map(|(_, line)| line.as_str()).collect();
    assert!(open.iter().all(|line| line.starts_with("EHLO") || *line == "STARTTLS"), "in the open: {open:?}");
    let private: Vec<&String> = said.iter().filter(|(private, _)| *private).map(|(_, line)| line).collect();
    let login = format!("AUTH PLAIN {}", STANDARD.encode("\0mrrd\0password_nobody_may_see"));
    assert!(private.contains(&&login), "{private:?}");
    for recipient in ["finance@example.com", "cfo@example.com"] {
        assert!(private.iter().any(|line| line.starts_with(&format!("RCPT TO:<{recipient}>"))), "{private:?}");
    }
    let mail = private.iter().find(|line| line.contains("Subject:")).unwrap();
    for part in
        ["Subject: [mrrd] Test: Churn spike", "Message-ID: <al_test_", "text/plain", "text/html", "cus_sample_1"]
    {
        assert!(mail.contains(part), "{part} is not in {mail}");
    }

    // A server that nobody vouches for gets no password.
    let output = run(settings(address, &[])).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    while let Ok((_, line)) = heard.try_recv() {
        assert!(!line.starts_with("AUTH"), "{line}");
    }
}
