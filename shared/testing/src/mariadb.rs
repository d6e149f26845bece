//! A MariaDB server of its own for tests: Debian's (`mariadb-server-core` and `mariadb-client-core`).
//!
//! With `TEST_MYSQL=yes` in the environment, the server is one of MySQL: `mysqld`, with its client `mysql`, of the path.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::server::{Certificate, NOBODY, START, free_port, is_root, run, signal};

/// A running server. It is stopped, and its data deleted, when the last test that uses it ends.
#[derive(Debug)]
pub struct MariadbServer {
    process: Mutex<Child>,
    command: Mutex<Command>,
    port: u16,
    authority: String,
    _folder: TempDir,
}

static SHARED: Mutex<Weak<MariadbServer>> = Mutex::new(Weak::new());

impl MariadbServer {
    /// The server of this process's tests; `None` where MariaDB is not installed.
    pub fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().or_else(|| {
            let server = Arc::new(Self::start(&[])?);
            *shared = Arc::downgrade(&server);
            Some(server)
        })
    }

    /// A server that no other test uses, with these settings.
    pub fn start(settings: &[&str]) -> Option<Self> {
        let product = Product::of_tests();
        product.is_installed().then_some(())?;
        let folder = TempDir::new().unwrap();
        let certificate = Certificate::new(folder.path());
        if is_root() {
            let owner = NOBODY.to_string();
            run(Command::new("chown")
                .arg("-R")
                .arg(owner)
                .arg(folder.path()));
        }
        let data = folder.path().join("data");
        run(product
            .install(folder.path())
            .arg(format!("--datadir={}", data.display())));
        let port = free_port();
        let [certificate_file, key_file] = &certificate.files;
        let mut server = as_nobody(product.server(), folder.path());
        server
            .args(product.settings())
            .args([
                "--bind-address=127.0.0.1",
                "--innodb-flush-log-at-trx-commit=2",
                "--max-connections=200",
            ])
            .arg(format!("--port={port}"))
            .arg(format!("--datadir={}", data.display()))
            .arg(format!(
                "--socket={}",
                folder.path().join("socket").display()
            ))
            .arg(format!("--ssl-cert={}", certificate_file.display()))
            .arg(format!("--ssl-key={}", key_file.display()))
            .args(settings)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = Self {
            process: Mutex::new(server.spawn().unwrap()),
            command: Mutex::new(server),
            port,
            authority: certificate.authority,
            _folder: folder,
        };
        server.wait();
        server.execute(
            "",
            "CREATE USER waybill@'%'; GRANT ALL ON *.* TO waybill@'%' WITH GRANT OPTION;",
        );
        Some(server)
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the server is one of MySQL, and not of MariaDB.
    pub fn is_mysql(&self) -> bool {
        Product::of_tests() == Product::Mysql
    }

    /// The certificate, in PEM, of the authority that has signed the server's for `localhost`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        format!("mysql://waybill@127.0.0.1:{}/{database}", self.port)
    }

    /// Stops the server at once, without an orderly end of anything, and starts it again.
    pub fn crash(&self) {
        let mut process = self.process.lock().unwrap();
        signal(&process, "-KILL");
        process.wait().unwrap();
        *process = self.command.lock().unwrap().spawn().unwrap();
        drop(process);
        self.wait();
    }

    /// Creates a database, runs these statements in it, and returns its address.
    pub fn database(&self, name: &str, statements: &str) -> String {
        self.execute("", &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"));
        self.execute(name, statements);
        self.url(name)
    }

    /// Runs statements in a database as the owner of everything, and returns what they print.
    pub fn execute(&self, database: &str, statements: &str) -> String {
        execute(self.port, database, statements)
    }

    /// The same; `None` where one of the statements failed, as while the server is down.
    pub fn try_execute(&self, database: &str, statements: &str) -> Option<String> {
        run_statements(self.port, database, statements).ok()
    }

    /// Waits until the server answers.
    fn wait(&self) {
        let begun = Instant::now();
        while !client(self.port, "")
            .arg("--execute=SELECT 1")
            .status()
            .unwrap()
            .success()
        {
            assert!(begun.elapsed() < START, "the server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for MariadbServer {
    fn drop(&mut self) {
        let process = self
            .process
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        signal(process, "-TERM");
        let _ = process.wait();
    }
}

/// Whose server speaks MySQL's protocol to the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Product {
    Mariadb,
    Mysql,
}

impl Product {
    fn of_tests() -> Self {
        match std::env::var_os("TEST_MYSQL") {
            Some(_) => Self::Mysql,
            None => Self::Mariadb,
        }
    }

    fn server(self) -> &'static str {
        match self {
            Self::Mariadb => "mariadbd",
            Self::Mysql => "mysqld",
        }
    }

    fn client(self) -> &'static str {
        match self {
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
        }
    }

    fn is_installed(self) -> bool {
        let is_there = program(self.server()).is_some();
        // Whoever asks for MySQL wants its tests, and no skipped ones.
        assert!(
            is_there || self == Self::Mariadb,
            "TEST_MYSQL is set, and mysqld is not on the path"
        );
        is_there
    }

    /// What creates the folder of a server's data, whose owner needs no password.
    fn install(self, folder: &Path) -> Command {
        let (program, how) = match self {
            Self::Mariadb => (
                "mariadb-install-db",
                "--auth-root-authentication-method=normal --skip-test-db",
            ),
            Self::Mysql => ("mysqld", "--initialize-insecure"),
        };
        let mut install = as_nobody(program, folder);
        install.arg("--no-defaults").args(how.split(' '));
        install
    }

    /// The settings that the other product does not have, or does not need.
    fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Mariadb => &["--no-defaults"],
            Self::Mysql => &[
                "--no-defaults",
                "--mysqlx=OFF",
                "--secure-file-priv=NULL",
                "--skip-log-bin",
            ],
        }
    }

    /// Statements that create the tables of numbers, `seq_1_to_100`, which these statements use, and which MariaDB has.
    fn sequences(self, statements: &str) -> String {
        let used = statements.split("seq_1_to_").skip(1);
        let ends = used.filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit());
            rest[..end.unwrap_or(rest.len())].parse().ok()
        });
        let ends: BTreeSet<u64> = match self {
            Self::Mariadb => BTreeSet::new(),
            Self::Mysql => ends.collect(),
        };
        ends.into_iter()
            .map(|end| {
                format!(
                    "SET cte_max_recursion_depth = {end}; CREATE TABLE IF NOT EXISTS seq_1_to_{end} (seq bigint PRIMARY KEY) AS \
                     WITH RECURSIVE n (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < {end}) \
                     SELECT seq FROM n; "
                )
            })
            .collect()
    }
}

/// Runs statements in a database of the server at this port as its owner, who needs no password, and returns what they print.
pub fn execute(port: u16, database: &str, statements: &str) -> String {
    run_statements(port, database, statements).unwrap_or_else(|error| panic!("{error}"))
}

/// The same, or the error of a statement.
fn run_statements(port: u16, database: &str, statements: &str) -> Result<String, String> {
    let sequences = Product::of_tests().sequences(statements);
    let mut client = client(port, database)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    // A client that cannot connect reads nothing.
    let _ = client
        .stdin
        .take()
        .unwrap()
        .write_all(format!("{sequences}{statements}").as_bytes());
    let output = client.wait_with_output().unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn client(port: u16, database: &str) -> Command {
    let mut client = Command::new(Product::of_tests().client());
    client
        .args([
            "--no-defaults",
            "--protocol=tcp",
            "--host=127.0.0.1",
            "--user=root",
        ])
        .args([
            "--default-character-set=utf8mb4",
            "--batch",
            "--skip-column-names",
        ])
        .arg(format!("--port={port}"))
        .arg(database)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    client
}

fn as_nobody(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(program(name).unwrap());
    // The programs of the installation look for each other.
    command.env_clear().env("PATH", path()).current_dir(folder);
    // A server deletes the temporary files that it finds when it starts, also those of another one.
    command.env("TMPDIR", folder);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// The path, with the folder where Debian puts servers, which only root's has.
fn path() -> String {
    let own = std::env::var("PATH").unwrap_or_default();
    format!("{own}:/usr/sbin:/usr/bin:/sbin:/bin")
}

fn program(name: &str) -> Option<PathBuf> {
    let path = path();
    let mut folders = std::env::split_paths(&path);
    folders.find_map(|folder| {
        Some(folder.join(name)).filter(|program| fs::exists(program).unwrap_or_default())
    })
}
