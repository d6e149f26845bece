//! A database server behind a wire that applies faults to each request and its answer.
//!
//! The server is a real one. Simulated time stands still while it answers, since tokio's paused clock does not advance
//! during a blocking task.

mod mysql;
mod postgres;

use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_config::SdkConfig;
use fastrand::Rng;
use futures::FutureExt;
use tokio::io::{AsyncWriteExt, DuplexStream};
use waybill::deployment_file::DeploymentFile;
use waybill::records::{Network, RecordsClients, RecordsOpener};
use waybill_testing::mariadb::MariadbServer;
use waybill_testing::postgres::PostgresServer;

use crate::faults::Fault;
use crate::machine::Machine;
use crate::world::World;

/// The size of a stream's buffer, in bytes.
const BUFFER: usize = 1 << 20;
/// How long the server may really take.
const PATIENCE: Duration = Duration::from_secs(60);

static DATABASES: AtomicUsize = AtomicUsize::new(0);

/// A real server.
#[derive(Debug, Clone)]
pub(crate) enum Server {
    Postgres(Arc<PostgresServer>),
    Mariadb(Arc<MariadbServer>),
}

/// A database of a server.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    server: Server,
    url: String,
}

/// What a client sends at once: nothing, where the server begins the conversation.
struct Request {
    bytes: Vec<u8>,
    /// Whether it is the first one of its connection.
    is_first: bool,
    /// How many answers the client waits for.
    answers: usize,
}

/// What a server, or a fault in its place, answers.
struct Answer {
    bytes: Vec<u8>,
    /// Whether the connection ends with it.
    ends: bool,
}

impl Server {
    /// Everything that the client sends before it waits for an answer. `None` at the end of the connection.
    async fn request(&self, client: &mut DuplexStream, is_first: bool) -> Option<Request> {
        match self {
            Self::Postgres(_) => postgres::request(client, is_first).await,
            Self::Mariadb(_) => mysql::request(client, is_first).await,
        }
    }

    /// What a request is for, in a trace.
    fn operation(&self, request: &Request) -> &'static str {
        match self {
            Self::Postgres(_) => postgres::operation(request),
            Self::Mariadb(_) => mysql::operation(request),
        }
    }

    /// A new connection to the server.
    fn connect(&self) -> TcpStream {
        let port = match self {
            Self::Postgres(server) => server.port(),
            Self::Mariadb(server) => server.port(),
        };
        let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        connection.set_nodelay(true).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection
    }

    /// The server's own answer.
    fn answer(&self, connection: &mut TcpStream, request: &Request) -> Answer {
        match self {
            Self::Postgres(_) => postgres::answer(connection, request),
            Self::Mariadb(_) => mysql::answer(connection, request),
        }
    }

    /// An error of the server in place of its answer, or of an answer's end.
    fn refusal(&self, request: &Request, answer: &[u8], number: u8, random: &mut Rng) -> Answer {
        match self {
            Self::Postgres(_) => postgres::refusal(request, number),
            Self::Mariadb(_) => mysql::refusal(request, answer, number, random),
        }
    }
}

impl Database {
    /// A new database, in which these statements were executed.
    pub(crate) fn new(server: &Server, statements: &str) -> Self {
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("interrupted_{number}");
        let url = match server {
            Server::Mariadb(server) => server.database(&name, statements),
            Server::Postgres(server) => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(server.database(&name, statements));
                server.url(&name)
            }
        };
        let server = server.clone();
        Self { server, url }
    }

    /// What opens the records, over this network.
    pub(crate) fn opener(&self, sdk: &SdkConfig, network: Network) -> RecordsOpener {
        let name = match self.server {
            Server::Postgres(_) => "of_postgres",
            Server::Mariadb(_) => "of_mysql",
        };
        let url = &self.url;
        let deployment = format!("[deployment]\ndatabases.{name} = {{ url = \"{url}\" }}\n");
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
                server: world.database.as_ref().unwrap().server.clone(),
                world: world.clone(),
                machine: machine.clone(),
                client: far,
                connection: None,
            };
            tokio::spawn(wire.carry());
            async move { Some(near) }.boxed()
        })
    }
}

/// One connection of a machine to the database.
struct DatabaseWire {
    world: Arc<World>,
    machine: Arc<Machine>,
    client: DuplexStream,
    server: Server,
    /// `None` before the first answer.
    connection: Option<TcpStream>,
}

impl DatabaseWire {
    /// Carries one request after another until the connection ends or breaks.
    async fn carry(mut self) {
        loop {
            let is_first = self.connection.is_none();
            let Some(request) = self.server.request(&mut self.client, is_first).await else {
                return;
            };
            if self.machine.is_dead() || self.exchange(request).await.is_none() {
                return;
            }
        }
    }

    /// Carries a request and its answer. `None` if the connection ends or breaks.
    async fn exchange(&mut self, request: Request) -> Option<()> {
        let (world, machine) = (self.world.clone(), self.machine.clone());
        machine.awake().await;
        let operation = self.server.operation(&request);
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
        if plan.fault == Fault::ResetBefore {
            return None;
        }
        let (request, mut answer) = self.answer(request).await;
        if let Fault::Refused(number) = plan.fault {
            let random = &mut world.random.lock().unwrap();
            answer = self.server.refusal(&request, &answer.bytes, number, random);
        }
        if plan.fault == Fault::KillAfter {
            machine.kill();
            return None;
        }
        tokio::time::sleep(plan.back).await;
        machine.awake().await;
        if plan.fault == Fault::ResetAfter {
            // In the middle of a message.
            let all = answer.bytes.len();
            let kept = world.random.lock().unwrap().usize(0..all.max(1));
            answer.bytes.truncate(kept);
            answer.ends = true;
        }
        self.client.write_all(&answer.bytes).await.ok()?;
        (!answer.ends).then_some(())
    }

    /// The request, and the server's own answer to it.
    async fn answer(&mut self, request: Request) -> (Request, Answer) {
        let (server, connection) = (self.server.clone(), self.connection.take());
        let asked = tokio::task::spawn_blocking(move || {
            let mut connection = connection.unwrap_or_else(|| server.connect());
            let answer = server.answer(&mut connection, &request);
            (connection, request, answer)
        });
        let (connection, request, answer) = asked.await.unwrap();
        self.connection = Some(connection);
        (request, answer)
    }
}
