//! What a reload changes, and what it keeps.

use super::*;

/// Writes a key pair as two files.
fn write_pair(folder: &Path, identity: &KeySource) -> KeySource {
    let KeySource::InlinePem { chain, key, .. } = identity else {
        panic!("inline expected")
    };
    let [certificate, key_path] = ["chain.pem", "key.pem"].map(|name| folder.join(name));
    std::fs::write(&certificate, chain).unwrap();
    std::fs::write(&key_path, &key.0).unwrap();
    KeySource::PemPair {
        certificate,
        key: key_path,
        key_password: None,
    }
}

#[tokio::test]
async fn a_reload_takes_new_files_in_and_ends_old_tickets() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("ca");
    let source = write_pair(folder.path(), &authority.issue(NAME));
    let server = ServerTls::load(&server_config(source)).unwrap();
    let client = authority.client();
    kind(&server, &client, NAME).await;
    assert!(!server.reload().unwrap());
    assert_eq!(kind(&server, &client, NAME).await, HandshakeKind::Resumed);

    write_pair(
        folder.path(),
        &authority.issue_with(named(&[NAME, "new.example.com"])),
    );
    assert!(server.reload().unwrap());
    assert_eq!(server.describe().names, [NAME, "new.example.com"]);
    assert_eq!(kind(&server, &client, NAME).await, HandshakeKind::Full);
}

#[test]
fn a_reload_keeps_the_last_good_one_until_all_files_fit() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("ca");
    let source = write_pair(folder.path(), &authority.issue("old"));
    let server = ServerTls::load(&server_config(source)).unwrap();

    let KeySource::InlinePem { chain, key, .. } = authority.issue("new") else {
        panic!()
    };
    std::fs::write(folder.path().join("chain.pem"), chain).unwrap();
    let refused = server.reload().unwrap_err().to_string();
    assert!(
        refused.contains("chain.pem") && refused.contains("first certificate"),
        "{refused}"
    );
    std::fs::remove_file(folder.path().join("key.pem")).unwrap();
    assert!(
        server
            .reload()
            .unwrap_err()
            .to_string()
            .contains("key.pem cannot be read")
    );
    assert_eq!(server.describe().names, ["old"]);

    std::fs::write(folder.path().join("key.pem"), &key.0).unwrap();
    assert!(server.reload().unwrap());
    assert_eq!(server.describe().names, ["new"]);
}

#[tokio::test]
async fn a_reload_changes_whom_the_client_side_believes() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    std::fs::write(file.path(), &old.pem).unwrap();
    let trust = TrustSource::Store {
        path: file.path().to_owned(),
        password: None,
    };
    let client = client(trust);
    assert!(!client.reload().unwrap());
    assert!(!meet(&new.server(NAME), &client, NAME).await.1);
    std::fs::write(file.path(), &new.pem).unwrap();
    assert!(client.reload().unwrap());
    assert_eq!(meet(&new.server(NAME), &client, NAME).await, (true, true));
}
