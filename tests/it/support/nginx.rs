//! A real nginx in front of a daemon, configured as its own documentation begins: `proxy_pass` and nothing else.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A running nginx; killed and reaped when dropped.
pub(crate) struct Nginx {
    child: Child,
    address: SocketAddr,
    _dir: TempDir,
}

impl Nginx {
    /// Passes everything on to `upstream`; `more` goes into its `location`.
    pub(crate) fn before(upstream: SocketAddr, more: &str) -> Self {
        let site = |address: SocketAddr, _: &Path| {
            format!("server {{ listen {address}; location / {{ proxy_pass http://{upstream}; {more} }} }}")
        };
        Self::of(TempDir::new().unwrap(), site)
    }

    /// The site that is shipped (deploy/proxies/nginx.conf) in front of `upstream`, with a certificate for `localhost`; the
    /// certificate's file is the second.
    pub(crate) fn shipped(upstream: SocketAddr) -> (Self, PathBuf) {
        let dir = TempDir::new().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let (certificate, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let shipped = include_str!("../../../deploy/proxies/nginx.conf");
        let site = |address: SocketAddr, at: &Path| {
            let at = at.display();
            let lives = "/etc/letsencrypt/live/mrrd.example.com";
            let text = shipped
                .replace("listen 443 ssl;", &format!("listen {address} ssl;"))
                .replace(&format!("{lives}/fullchain.pem"), &format!("{at}/cert.pem"))
                .replace(&format!("{lives}/privkey.pem"), &format!("{at}/key.pem"))
                .replace("http://127.0.0.1:8787", &format!("http://{upstream}"));
            assert!(!text.contains("letsencrypt") && text.contains(&upstream.to_string()), "{text}");
            text
        };
        (Self::of(dir, site), certificate)
    }

    fn of(dir: TempDir, site: impl Fn(SocketAddr, &Path) -> String) -> Self {
        let at = dir.path().display();
        for _ in 0..5 {
            // It can't be told to take any free port: one that was free a moment ago mostly still is.
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
            let temporary = temporary.map(|name| format!("{name}_temp_path {at}/{name};")).join("\n");
            let text = format!(
                "daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/error.log;\n\
                 events {{ worker_connections 256; }}\n\
                 http {{ access_log off; {temporary}\n{} }}\n",
                site(address, dir.path())
            );
            let file = dir.path().join("nginx.conf");
            std::fs::write(&file, text).unwrap();
            let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"]
                .into_iter()
                .find(|path| std::path::Path::new(path).exists());
            let mut child = Command::new(program.unwrap_or("nginx"))
                .args(["-p".as_ref(), dir.path().as_os_str(), "-c".as_ref(), file.as_os_str()])
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("this test needs nginx: scripts/tools nginx");
            let since = Instant::now();
            while since.elapsed() < Duration::from_secs(20) && child.try_wait().unwrap().is_none() {
                if TcpStream::connect(address).is_ok() {
                    return Self { child, address, _dir: dir };
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("nginx does not start: {}", std::fs::read_to_string(dir.path().join("error.log")).unwrap_or_default());
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
