//! Safe connections: who is not known is not talked to.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::server::{Response, Server, Service, read_request};
use super::{MODEL, ids, is_unbuilt, items};
use crate::project::TestProject;

const TABLE: &str = "http: {connection: api, path: /items}";

/// A service with a certificate nobody signed but itself, and that certificate.
fn secure(names: &[&str], answer: Response) -> (Server, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let server = Server::with(move |_| answer.clone(), move |service, stream| serve(service, stream, &config));
    (server, cert.pem())
}

/// Clients that do not trust the certificate hang up, which is no failure of the service.
fn serve(service: &Service, stream: TcpStream, config: &Arc<ServerConfig>) {
    let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(config)).unwrap(), stream);
    while let Some(request) = read_request(&mut stream) {
        if !service.answer(request).write(&mut stream, &service.end).unwrap_or(false) || stream.flush().is_err() {
            return;
        }
    }
}

fn project(base_url: &str) -> TestProject {
    TestProject::new().file("models/bronze/items.sql", MODEL).file("sources.yaml", &super::sources(base_url, "", TABLE))
}

fn trusting(project: TestProject, certificate: &str) -> TestProject {
    project.write("authority.pem", certificate);
    let path = project.path("authority.pem");
    project.env("SSL_CERT_FILE", path.to_str().unwrap())
}

#[test]
fn a_certificate_nobody_vouches_for_is_refused() {
    let (server, _) = secure(&["localhost", "127.0.0.1"], Response::json(&items(1..=3)));
    let project = project(&format!("https://127.0.0.1:{}", server.port()));
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!((ran.code, server.count()), (1, 0), "{ran}");
    assert!(ran.stderr.contains("was refused a safe connection") && !ran.stderr.contains("attempts"), "{ran}");
    assert!(ran.stderr.contains("SSL_CERT_FILE"), "{ran}");
    assert!(is_unbuilt(&project));
}

#[test]
fn a_certificate_of_a_private_authority_may_be_trusted() {
    let (server, certificate) = secure(&["localhost", "127.0.0.1"], Response::json(&items(1..=3)));
    let project = project(&format!("https://localhost:{}", server.port()));
    let project = trusting(project, &certificate);
    project.ok(&["run"]);
    assert_eq!(ids(&project), [1, 2, 3]);
}

#[test]
fn a_certificate_of_another_host_is_refused() {
    let (server, certificate) = secure(&["elsewhere.example"], Response::json(&items(1..=3)));
    let project = project(&format!("https://localhost:{}", server.port()));
    let project = trusting(project, &certificate);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!((ran.code, server.count()), (1, 0), "{ran}");
    assert!(ran.stderr.contains("was refused a safe connection"), "{ran}");
}

#[test]
fn a_redirect_to_an_unsafe_connection_is_not_followed() {
    let plain = Server::start(|_| Response::json(&items(1..=3)));
    let there = format!("{}/items", plain.url());
    let (server, certificate) = secure(&["localhost"], Response::redirect(302, &there));
    let project = project(&format!("https://localhost:{}", server.port()));
    let project = trusting(project, &certificate);
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!((ran.code, server.count(), plain.count()), (1, 1, 0), "{ran}");
    assert!(ran.stderr.contains("which is not safe to follow"), "{ran}");
}

#[test]
fn speaking_to_a_service_of_another_kind_is_told() {
    let plain = Server::start(|_| Response::json(&items(1..=3)));
    let project = project(&format!("https://127.0.0.1:{}", plain.port()));
    let ran = project.run(&["run", "--quiet"]);
    assert_eq!((ran.code, plain.count()), (1, 0), "{ran}");
    assert!(ran.stderr.contains(&format!("https://127.0.0.1:{}/items`", plain.port())), "{ran}");
}
