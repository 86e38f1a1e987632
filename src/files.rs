//! Files that the configuration names: certificates, looked into before anything is served with them.

use std::path::Path;
use std::sync::Arc;

use config::Problem;
use config::snapshot::Snapshot;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What keeps the listeners from being served: their certificates and keys.
pub(crate) fn of_listeners(snapshot: &Snapshot) -> Vec<Problem> {
    let listeners = snapshot.gateway.listen.iter().enumerate();
    let found = listeners.filter_map(|(place, listen)| {
        let (cert, key) = listen.tls.as_ref()?;
        let path = format!("gateway.listen[{place}].tls");
        pair(&path, cert, key).err()
    });
    found.collect()
}

/// What keeps channels from their upstreams: the authorities that they name.
pub(crate) fn of_channels(snapshot: &Snapshot) -> Vec<Problem> {
    let found = snapshot.channels.iter().filter_map(|channel| {
        let path = format!("channels.{}.tls.ca", channel.name);
        certificates(path, channel.tls_ca.as_deref()?).err()
    });
    found.collect()
}

fn pair(path: &str, cert: &Path, key: &Path) -> Result<(), Problem> {
    let chain = certificates(format!("{path}.cert"), cert)?;
    let at_key = format!("{path}.key");
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(at_key, key, &error))?;
    let served = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    served.map(drop).map_err(|error| {
        Problem::error(path, format!("certificate and key cannot be used: {error}"))
            .hint("name the key that the certificate was made for")
    })
}

fn certificates(path: String, file: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(unusable(path, file, &"no certificate is in it")),
        Err(error) => Err(unusable(path, file, &error)),
    }
}

fn unusable(path: String, file: &Path, why: &dyn std::fmt::Display) -> Problem {
    Problem::error(path, format!("{} cannot be used: {why}", file.display()))
        .hint("name a PEM file that the gateway may read")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_pair_is_read_and_must_belong_together() {
        let folder = tempfile::TempDir::new().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let made = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (one, other) = (made(), made());
        let cert = write("cert", &one.cert.pem());
        let key = write("key", &one.signing_key.serialize_pem());
        let foreign = write("foreign", &other.signing_key.serialize_pem());
        let empty = write("empty", "");
        let missing = folder.path().join("missing");
        let path = |cert: &Path, key: &Path| pair("t", cert, key).map_err(|problem| problem.path);
        assert_eq!(path(&cert, &key), Ok(()));
        assert_eq!(path(&missing, &key), Err("t.cert".into()));
        assert_eq!(path(&empty, &key), Err("t.cert".into()));
        assert_eq!(path(&cert, &missing), Err("t.key".into()));
        assert_eq!(path(&cert, &cert), Err("t.key".into()));
        assert_eq!(path(&cert, &foreign), Err("t".into()));
    }
}
