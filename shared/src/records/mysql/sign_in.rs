//! The beginning of a connection: encryption, and signing in.

use std::sync::Arc;
use std::time::Duration;

use mysql_common::auth::plugins::{AuthProc, ChallengeResponsePlugin, Context, Response};
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{
    AuthPlugin, AuthSwitchRequest, HandshakePacket, HandshakeResponse, SslRequest,
};
use mysql_common::proto::{MyDeserialize, MySerialize};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::ConnectionError;
use super::connection::server_error;
use super::error::Error;
use super::packets::{Packets, Stream};
use crate::deployment_file::MysqlServer;
use crate::records::sql::{Login, Malformed};

/// What this client understands. Without `CLIENT_DEPRECATE_EOF`, an answer ends with the same packet on every server.
const CAPABILITIES: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_LONG_PASSWORD)
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA)
    .union(CapabilityFlags::CLIENT_TRANSACTIONS)
    .union(CapabilityFlags::CLIENT_CONNECT_WITH_DB);
/// `utf8mb4_general_ci`, which every server has.
const COLLATION: u8 = 45;
/// The largest packet that this client accepts: as much as the protocol allows.
const MAX_PACKET: u32 = 1 << 30;

/// How long a server may take for its greeting. It greets at once, unless it looks up the client's name first.
const GREETING_TIME: Duration = Duration::from_secs(8);

/// The first byte of the server's packets while somebody signs in.
const OK: u8 = 0x00;
const MORE: u8 = 0x01;
const SWITCH: u8 = 0xFE;
const ERROR: u8 = 0xFF;

/// What the procedures of signing in need to know.
struct Asked<'a> {
    password: &'a [u8],
    is_encrypted: bool,
    scramble: &'a [u8],
}

impl Context for &Asked<'_> {
    fn pass(&self) -> &[u8] {
        self.password
    }

    fn is_ipc_transport(&self) -> bool {
        false
    }

    fn is_tls_transport(&self) -> bool {
        self.is_encrypted
    }

    fn scramble(&self) -> &[u8] {
        self.scramble
    }

    fn server_key_pem(&self) -> Option<&[u8]> {
        None
    }
}

/// A procedure of signing in, under way.
struct Procedure<'a> {
    login: Option<&'a Login>,
    is_encrypted: bool,
    scramble: Vec<u8>,
    steps: AuthProc,
}

impl<'a> Procedure<'a> {
    /// The procedure of a plugin. A password goes over an encrypted connection alone.
    fn begin(
        plugin: &AuthPlugin<'_>,
        scramble: &[u8],
        login: Option<&'a Login>,
        is_encrypted: bool,
    ) -> Result<Self, ConnectionError> {
        match plugin {
            AuthPlugin::CachingSha2Password | AuthPlugin::MysqlNativePassword => {}
            // As which RDS receives its tokens.
            AuthPlugin::MysqlClearPassword if is_encrypted => {}
            _ => return Err(UNKNOWN_PROCEDURE),
        }
        Ok(Self {
            login,
            is_encrypted,
            scramble: scramble.to_vec(),
            steps: plugin.init().map_err(|_| UNKNOWN_PROCEDURE)?,
        })
    }

    /// The answer to the scramble that the procedure begins with; `None` for no answer.
    fn first(&mut self) -> Result<Option<Vec<u8>>, ConnectionError> {
        let scramble = self.scramble.clone();
        self.next(&scramble)
    }

    /// The answer to what the server asks next.
    fn next(&mut self, challenge: &[u8]) -> Result<Option<Vec<u8>>, ConnectionError> {
        let asked = Asked {
            password: self.login.map_or(&[], |login| login.password.as_bytes()),
            is_encrypted: self.is_encrypted,
            scramble: &self.scramble,
        };
        match self.steps.run(&asked, challenge) {
            Ok(Response::Next { packet } | Response::Last { packet }) => Ok(packet),
            Err(_) => Err(UNKNOWN_PROCEDURE),
        }
    }
}

/// Signs in on a new stream. Returns the server's version besides.
///
/// # Errors
/// For a server that refuses, that wants an unknown procedure, or that does not encrypt although it must.
pub(super) async fn sign_in(
    stream: Box<dyn Stream>,
    tls: Option<Arc<ClientConfig>>,
    server: &MysqlServer,
    login: Option<&Login>,
) -> Result<(Packets, String), ConnectionError> {
    let mut packets = Packets::new(stream);
    let greeting = tokio::time::timeout(GREETING_TIME, packets.next()).await;
    let greeting = greeting.map_err(|_| ConnectionError::Unreachable(SILENT.to_owned()))?;
    let greeting = greeting.map_err(Error::Io)?;
    if greeting.first() == Some(&ERROR) {
        return Err(server_error(greeting));
    }
    let greeting = HandshakePacket::deserialize((), &mut ParseBuf(greeting));
    let greeting = greeting.map_err(|_| Malformed)?.into_owned();
    let mut capabilities = CAPABILITIES & greeting.capabilities();
    let is_encrypted = tls.is_some();
    if let Some(tls) = tls {
        if !greeting
            .capabilities()
            .contains(CapabilityFlags::CLIENT_SSL)
        {
            return Err(ConnectionError::Misconfigured(
                "it does not encrypt connections, which those to other machines must be",
            ));
        }
        capabilities |= CapabilityFlags::CLIENT_SSL;
        packets = encrypted(packets, tls, &server.host, capabilities).await?;
    }
    // The server's default may be a plugin that this client does not have, and the user's another one.
    let offered = greeting.auth_plugin();
    let begin = |plugin: &AuthPlugin<'_>, scramble: &[u8]| {
        Procedure::begin(plugin, scramble, login, is_encrypted)
    };
    let procedure =
        offered.and_then(|plugin| Some((begin(&plugin, &greeting.nonce()).ok()?, plugin)));
    let (mut procedure, plugin, answer) = match procedure {
        Some((mut procedure, plugin)) => {
            let answer = procedure.first()?;
            (Some(procedure), plugin, answer)
        }
        None => (None, AuthPlugin::MysqlNativePassword, None),
    };
    let of_secret = login.and_then(|login| login.user.as_deref());
    let user = server.user.as_deref().or(of_secret).unwrap_or_default();
    let response = HandshakeResponse::new(
        answer,
        (8, 0, 0),
        Some(user.as_bytes()),
        Some(server.database.as_bytes()),
        Some(plugin),
        capabilities,
        None,
        MAX_PACKET,
    );
    send(&mut packets, &response).await?;
    loop {
        let packet = packets.next().await.map_err(Error::Io)?;
        let answer = match (packet.first(), &mut procedure) {
            (Some(&OK), _) => break,
            (Some(&ERROR), _) => return Err(server_error(packet)),
            (Some(&SWITCH), procedure) => {
                let switch = AuthSwitchRequest::deserialize((), &mut ParseBuf(packet));
                let switch = switch.map_err(|_| UNKNOWN_PROCEDURE)?;
                let begun = begin(&switch.auth_plugin(), switch.plugin_data())?;
                procedure.insert(begun).first()?
            }
            (Some(&MORE), Some(procedure)) => procedure.next(&packet[1..])?,
            _ => return Err(Malformed.into()),
        };
        if let Some(answer) = answer {
            packets.send(&answer).await.map_err(Error::Io)?;
        }
    }
    Ok((packets, greeting.server_version_str().into_owned()))
}

/// What is said of a server that waits for the client, as that of PostgreSQL does.
const SILENT: &str = "something accepts connections there, and sends no greeting as MySQL and MariaDB do; check the port in the address";

const UNKNOWN_PROCEDURE: ConnectionError = ConnectionError::Misconfigured(
    "it asks for another way to sign in than a password: the user's plugin must be caching_sha2_password or \
     mysql_native_password",
);

async fn encrypted(
    mut packets: Packets,
    tls: Arc<ClientConfig>,
    host: &str,
    capabilities: CapabilityFlags,
) -> Result<Packets, ConnectionError> {
    let request = SslRequest::new(capabilities, MAX_PACKET, COLLATION);
    send(&mut packets, &request).await?;
    let sequence = packets.sequence();
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| ConnectionError::Misconfigured("the address has no host's name"))?;
    let stream = packets.into_stream().map_err(Error::Io)?;
    let stream = TlsConnector::from(tls).connect(name, stream).await;
    let stream = Box::new(stream.map_err(Error::Io)?);
    Ok(Packets::encrypted(stream, sequence))
}

async fn send(packets: &mut Packets, packet: &impl MySerialize) -> Result<(), ConnectionError> {
    let mut payload = Vec::new();
    packet.serialize(&mut payload);
    Ok(packets.send(&payload).await.map_err(Error::Io)?)
}

#[cfg(test)]
mod tests;
