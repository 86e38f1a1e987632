//! A certificate authority that lives as long as a test.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate for `localhost` and 127.0.0.1, signed by its own authority.
pub struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
    authority: rcgen::Certificate,
}

impl Identity {
    /// A fresh authority and certificate.
    pub fn new() -> Identity {
        let authority_key = KeyPair::generate().expect("a key pair");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params
            .self_signed(&authority_key)
            .expect("a self-signed CA");
        let issuer = Issuer::new(params, authority_key);

        let key = KeyPair::generate().expect("a key pair");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names)
            .and_then(|params| params.signed_by(&key, &issuer))
            .expect("a signed certificate");
        Identity {
            certificate,
            key,
            authority,
        }
    }

    /// The authority's certificate, as PEM.
    pub fn authority_pem(&self) -> String {
        self.authority.pem()
    }

    /// Writes `ca.pem`, `cert.pem` and `key.pem` into `folder`; returns them in this order.
    pub fn write(&self, folder: &Path) -> [PathBuf; 3] {
        let files = [
            ("ca.pem", self.authority.pem()),
            ("cert.pem", self.certificate.pem()),
            ("key.pem", self.key.serialize_pem()),
        ];
        files.map(|(name, pem)| {
            let path = folder.join(name);
            std::fs::write(&path, pem).expect("a test writes into its own folder");
            path
        })
    }

    pub(crate) fn acceptor(&self, alpn: &[&str]) -> tokio_rustls::TlsAcceptor {
        // Named, because more than one provider is linked in.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.der().clone()], key)
            .expect("the key is the certificate's");
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config).into()
    }
}

impl Default for Identity {
    fn default() -> Self {
        Identity::new()
    }
}
