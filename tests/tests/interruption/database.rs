//! A PostgreSQL server behind a wire that applies faults to each statement and its answer.
//!
//! The server is a real one. Simulated time stands still while it answers, since tokio's paused clock does not advance
//! during a blocking task.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_config::SdkConfig;
use futures::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use waybill::deployment_file::DeploymentFile;
use waybill::records::{Network, RecordsClients, RecordsOpener};
use waybill_testing::postgres::PostgresServer;

use crate::faults::Fault;
use crate::machine::Machine;
use crate::world::World;

/// The size of a stream's buffer, in bytes.
const BUFFER: usize = 1 << 20;
/// How long the server may really take.
const PATIENCE: Duration = Duration::from_secs(60);

static DATABASES: AtomicUsize = AtomicUsize::new(0);

/// A database of a real server.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    server: Arc<PostgresServer>,
    name: String,
}

impl Database {
    /// A new database, in which these statements were executed.
    pub(crate) fn new(server: &Arc<PostgresServer>, statements: &str) -> Self {
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("interrupted_{number}");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(server.database(&name, statements));
        let server = server.clone();
        Self { server, name }
    }

    /// What opens the records, over this network.
    pub(crate) fn opener(&self, sdk: &SdkConfig, network: Network) -> RecordsOpener {
        let url = self.server.url(&self.name);
        let deployment = format!("[deployment]\ndatabases.shop = {{ url = \"{url}\" }}\n");
        let deployment = DeploymentFile::parse(&deployment).unwrap();
        let clients = RecordsClients::new(sdk, None).with_network(network);
        RecordsOpener::new(clients, deployment.into())
    }
}

impl World {
    /// The network of this machine, which leads to the database.
    pub(crate) fn network(self: &Arc<Self>, machine: &Arc<Machine>) -> Network {
        let largest_window = self.random.lock().unwrap().usize(self.faults.page.clone());
        let (world, machine) = (self.clone(), machine.clone());
        Network::new(largest_window.max(1) as u32, move || {
            let (near, far) = tokio::io::duplex(BUFFER);
            let wire = DatabaseWire {
                world: world.clone(),
                machine: machine.clone(),
                client: far,
                server: None,
            };
            tokio::spawn(wire.carry());
            async move { Some(near) }.boxed()
        })
    }
}

/// What a client sends at once.
#[derive(Default)]
struct Request {
    bytes: Vec<u8>,
    /// How many times the server will be ready for another request.
    answers: usize,
}

/// One connection of a machine to the database.
struct DatabaseWire {
    world: Arc<World>,
    machine: Arc<Machine>,
    client: DuplexStream,
    /// `None` before the first message.
    server: Option<TcpStream>,
}

impl DatabaseWire {
    /// Carries one request after another until the connection ends or breaks.
    async fn carry(mut self) {
        while let Some(request) = self.request().await {
            if self.machine.is_dead() || self.exchange(request).await.is_none() {
                return;
            }
        }
    }

    /// Everything that the client sends before it waits for an answer: the start of a connection, or statements at once.
    /// `None` at the end of the connection.
    async fn request(&mut self) -> Option<Request> {
        let mut request = Request::default();
        loop {
            // Only the first message of a connection has no type.
            let kind = match self.server {
                None => 0,
                Some(_) => match request.answers {
                    0 => self.client.read_u8().await.ok()?,
                    // More of the same request is already there.
                    _ => match self.client.read_u8().now_or_never() {
                        Some(kind) => kind.ok()?,
                        None => return Some(request),
                    },
                },
            };
            let length = self.client.read_u32().await.ok()?;
            let mut body = vec![0; length as usize - 4];
            self.client.read_exact(&mut body).await.ok()?;
            if kind > 0 {
                request.bytes.push(kind);
            }
            request.bytes.extend(length.to_be_bytes());
            request.bytes.extend(body);
            match kind {
                0 => {
                    request.answers += 1;
                    return Some(request);
                }
                b'Q' | b'S' => request.answers += 1,
                // The client closes the connection.
                b'X' => return None,
                _ => {}
            }
        }
    }

    /// Carries a request and its answer. `None` if the connection breaks.
    async fn exchange(&mut self, request: Request) -> Option<()> {
        let (world, machine) = (self.world.clone(), self.machine.clone());
        machine.awake().await;
        let operation = self.operation(&request.bytes);
        world.disturb(&machine, operation).await;
        let is_page = operation == "SQL.Window";
        let plan = world
            .faults
            .plan(is_page, &mut world.random.lock().unwrap());
        world.note(&machine, operation, &format!("{plan:?}"));
        if is_page {
            world
                .watch
                .lock()
                .unwrap()
                .page_asked(world.began.elapsed());
        }
        if plan.fault == Fault::KillBefore {
            machine.kill();
            return None;
        }
        tokio::time::sleep(plan.there).await;
        let mut answer = match plan.fault {
            Fault::ResetBefore => return None,
            Fault::Refused(number) => self.refusal(number, request.answers),
            _ => self.answer(request).await,
        };
        if plan.fault == Fault::KillAfter {
            machine.kill();
            return None;
        }
        tokio::time::sleep(plan.back).await;
        machine.awake().await;
        if plan.fault == Fault::ResetAfter {
            // In the middle of a message.
            answer.truncate(world.random.lock().unwrap().usize(0..answer.len().max(1)));
        }
        self.client.write_all(&answer).await.ok()?;
        answer.ends_with(&READY).then_some(())
    }

    /// What a request is for, in a trace.
    fn operation(&self, request: &[u8]) -> &'static str {
        let has = |text: &str| {
            request
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        match request {
            _ if self.server.is_none() => "SQL.Connect",
            _ if has(" LIMIT 1\0") => "SQL.LastKey",
            _ if has(" LIMIT ") => "SQL.Window",
            _ => "SQL.Describe",
        }
    }

    /// An error of the server, for each of several answers.
    fn refusal(&self, number: u8, answers: usize) -> Vec<u8> {
        let codes: &[&str] = match self.server {
            None => &["53300", "57P03"],
            // The server ends the connection; the statement; takes too long; has no memory.
            Some(_) => &["57P01", "40001", "57014", "53200"],
        };
        let code = codes[usize::from(number) % codes.len()];
        let ends = self.server.is_none() || code == "57P01";
        let severity = if ends { "FATAL" } else { "ERROR" };
        let fields = format!("S{severity}\0C{code}\0Msimulated\0\0");
        let length = fields.len() as u32 + 4;
        let mut answer = vec![b'E'];
        answer.extend(length.to_be_bytes());
        answer.extend(fields.as_bytes());
        if ends {
            return answer;
        }
        answer.extend(READY);
        answer.repeat(answers)
    }

    /// The server's own answer.
    async fn answer(&mut self, request: Request) -> Vec<u8> {
        let server = self.server.take();
        let port = self.world.database.as_ref().unwrap().server.port();
        let asked = tokio::task::spawn_blocking(move || {
            let mut server = server.unwrap_or_else(|| {
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
                server.set_nodelay(true).unwrap();
                server.set_read_timeout(Some(PATIENCE)).unwrap();
                server
            });
            server.write_all(&request.bytes).unwrap();
            let answer = answers(&mut server, request.answers);
            (server, answer)
        });
        let (server, answer) = asked.await.unwrap();
        self.server = Some(server);
        answer
    }
}

/// PostgreSQL's message `ReadyForQuery`, outside of a transaction.
const READY: [u8; 6] = *b"Z\0\0\0\x05I";

/// The server's messages until it has been ready for another request so many times, or ends the connection.
fn answers(server: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut answer = Vec::new();
    let mut given = 0;
    while given < count {
        let mut header = [0; 5];
        match server.read_exact(&mut header) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return answer,
            read => read.unwrap(),
        }
        let [kind, length @ ..] = header;
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        server.read_exact(&mut body).unwrap();
        answer.extend(header);
        answer.extend(body);
        given += usize::from(kind == b'Z');
    }
    answer
}
