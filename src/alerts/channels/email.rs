//! Mail by SMTP: text and HTML in one message, over STARTTLS or TLS.

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message as Mail, Tokio1Executor,
    message::{Mailbox, MultiPart},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::Refusal;
use crate::{
    alerts::message::Message,
    config::alerting::{Email, Security},
    limits,
};

pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Mailer {
    pub(super) fn new(settings: &Email) -> Result<Self, String> {
        let mailbox = |text: &String| text.parse::<Mailbox>().map_err(|error| format!("{text}: {error}"));
        let tls = || {
            let mut parameters = TlsParameters::builder(settings.host.clone());
            if let Some(pem) = &settings.ca {
                let unreadable = |error| format!("smtp_ca_file can't be read as a certificate: {error}");
                parameters =
                    parameters.add_root_certificate(Certificate::from_pem(pem.as_bytes()).map_err(unreadable)?);
            }
            parameters.build().map_err(|error| format!("TLS can't be set up: {error}"))
        };
        let tls = match settings.security {
            Security::StartTls => Tls::Required(tls()?),
            Security::Tls => Tls::Wrapper(tls()?),
            Security::None => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(limits::ALERT_ANSWER_WAIT));
        if let (Some(username), Some(password)) = (&settings.username, &settings.password) {
            let password = password.expose_secret().to_owned();
            transport = transport.credentials(Credentials::new(username.clone(), password));
        }
        Ok(Self {
            transport: transport.build(),
            from: mailbox(&settings.from)?,
            to: settings.to.iter().map(mailbox).collect::<Result<_, _>>()?,
        })
    }

    pub(super) async fn send(&self, message: &Message) -> Result<(), Refusal> {
        let mut mail = Mail::builder()
            .from(self.from.clone())
            .subject(format!("[mrrd] {}", message.headline))
            // The same for every attempt: a mail program shows it once.
            .message_id(Some(format!("<{}@mrrd>", message.id)));
        for to in &self.to {
            mail = mail.to(to.clone());
        }
        let body = MultiPart::alternative_plain_html(message.text.clone(), message.html.clone());
        let mail = mail.multipart(body).map_err(|error| Refusal::from(error.to_string()))?;
        // The transport's own timeout is for each step; a server that answers every step late isn't waited for.
        match timeout(limits::ALERT_MAIL_WAIT, self.transport.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Refusal::from(format!("the mail server did not take it: {error}"))),
            Err(_) => Err(Refusal::from("the mail server did not answer in time".to_owned())),
        }
    }
}
