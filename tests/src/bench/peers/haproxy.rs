//! What Debian's HAProxy is told: pure text.

use std::fmt::Write;

use crate::bench::ground::{Ground, Lane};

/// One thread; `tuned` adds what helps it most: larger buffers for TLS, forced splicing with pipes of
/// 1 MiB for plaintext (`splice-auto` does not engage by itself here).
pub(super) fn configuration(ground: &Ground, lanes: &[Lane], tuned: bool) -> String {
    let (tune, splice) = match (tuned, ground.is_tls()) {
        (false, _) => ("", ""),
        (true, true) => ("    tune.bufsize 65536\n", ""),
        (true, false) => (
            "    tune.pipesize 1048576\n",
            "    option splice-request\n    option splice-response\n",
        ),
    };
    let mut text = format!(
        "global\n    nbthread 1\n    maxconn 2000\n\
         \x20   ssl-default-bind-options ssl-min-ver TLSv1.3\n\
         \x20   ssl-default-bind-ciphersuites TLS_AES_256_GCM_SHA384\n\
         \x20   ssl-default-server-options ssl-min-ver TLSv1.3\n\
         \x20   ssl-default-server-ciphersuites TLS_AES_256_GCM_SHA384\n{tune}\
         defaults\n    mode tcp\n    timeout connect 10s\n    timeout client 10m\n    timeout server 10m\n{splice}"
    );
    for (n, lane) in lanes.iter().enumerate() {
        let (mut bind, mut server) = (String::new(), String::new());
        if ground.is_tls() {
            let (shown, ca, name) = (
                ground.edge.both.display(),
                ground.broker_ca.display(),
                &lane.name,
            );
            bind = format!(" ssl crt {shown}");
            server = format!(" ssl verify required ca-file {ca} sni str({name}) verifyhost {name}");
        }
        let _ = write!(
            text,
            "frontend edge{n}\n    bind 127.0.0.1:{}{bind}\n    default_backend broker{n}\n\
             backend broker{n}\n    server one 127.0.0.1:{}{server}\n",
            lane.edge, lane.broker
        );
    }
    text
}
