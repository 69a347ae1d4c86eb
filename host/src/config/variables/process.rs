//! Rows of the table about the process: limits, deadlines, logs, Admin API, licence.
//!
//! Data only.

use super::Preset::{Follows, Is, Unset};
use super::{Variable, later, used};

pub(super) const LIMITS: &[Variable] = &[
    used(
        "GATEWAY_MAX_FRAME_BYTES",
        Is("104857600"),
        "a number from 1024 to 2147483647",
        "largest request of an authenticated client",
    ),
    used(
        "GATEWAY_MAX_FRAME_BYTES_BEFORE_SASL",
        Is("524288"),
        "a number from 1024 to 104857600, not above GATEWAY_MAX_FRAME_BYTES",
        "largest request or answer before authentication",
    ),
    used(
        "GATEWAY_MAX_IN_FLIGHT",
        Is("1024"),
        "a number from 1 to 65536",
        "requests in flight of one session; the client is not read beyond it",
    ),
    used(
        "GATEWAY_MAX_CONNECTIONS",
        Follows("from the limit of open files"),
        "a number from 1 to 10000000",
        "sessions of the process; a quarter of them may be silent, the oldest of these make room",
    ),
    used(
        "GATEWAY_MAX_CONNECTIONS_PER_LISTENER",
        Follows("no limit of its own"),
        "a number from 1 to 10000000",
        "sessions of one listener",
    ),
    used(
        "GATEWAY_MAX_CONNECTIONS_PER_SOURCE",
        Follows("no limit of its own"),
        "a number from 1 to 10000000",
        "sessions of one client address (IPv6: of one /64); where a PROXY header tells the address, that one",
    ),
    used(
        "GATEWAY_MAX_HANDSHAKES_PER_SECOND",
        Follows("200 per worker thread"),
        "a number from 1 to 1000000",
        "TLS handshakes begun per second; more wait",
    ),
    used(
        "GATEWAY_FETCH_LEADER_HINTS",
        Is("false"),
        "true or false",
        "advertise Fetch up to version 18 instead of 15",
    ),
    used(
        "GATEWAY_UNREVIEWED_VERSIONS",
        Is("forward"),
        "forward or clamp",
        "API keys and versions newer than this release: pass them on, or keep clients from them",
    ),
];

const MILLIS: &str = "milliseconds from 1 to 3600000";

pub(super) const DEADLINES: &[Variable] = &[
    used(
        "GATEWAY_FIRST_BYTE_TIMEOUT_MS",
        Is("10000"),
        MILLIS,
        "accept to first byte",
    ),
    used(
        "GATEWAY_TLS_HANDSHAKE_TIMEOUT_MS",
        Is("10000"),
        MILLIS,
        "TLS handshake with a client",
    ),
    used(
        "GATEWAY_SASL_TIMEOUT_MS",
        Is("30000"),
        MILLIS,
        "accept to authenticated",
    ),
    used(
        "GATEWAY_DIAL_TIMEOUT_MS",
        Is("10000"),
        MILLIS,
        "resolve, connect and TLS to a broker",
    ),
    used(
        "GATEWAY_IDLE_TIMEOUT_MS",
        Is("0"),
        "milliseconds from 0 (off) to 604800000",
        "no byte either way",
    ),
    used(
        "GATEWAY_HALF_CLOSE_TIMEOUT_MS",
        Is("10000"),
        MILLIS,
        "after one side ended, to deliver what is due",
    ),
    used(
        "GATEWAY_SHUTDOWN_GRACE_MS",
        Is("30000"),
        "milliseconds from 0 to 3600000",
        "the whole drain at shutdown",
    ),
    used(
        "GATEWAY_SHUTDOWN_DELAY_BETWEEN_BROKERS_MS",
        Is("0"),
        "milliseconds from 0 to 600000",
        "pause between closing the sessions of one broker and the next; 1000 or more is kind to \
         librdkafka",
    ),
    used(
        "GATEWAY_SHUTDOWN_READINESS_DELAY_MS",
        Is("0"),
        "milliseconds from 0 to 3600000",
        "not ready but still accepting, so that a load balancer can look away first",
    ),
    used(
        "GATEWAY_TCP_KEEPALIVE_SECONDS",
        Is("60/15/4"),
        "idle/interval/count: seconds from 1 to 32767, twice, and a number from 1 to 127",
        "TCP keepalive of both legs",
    ),
    used(
        "GATEWAY_TCP_USER_TIMEOUT_MS",
        Follows("180000 upstream, the kernel's default for clients"),
        "milliseconds from 1000 to 3600000",
        "how long sent bytes may stay unacknowledged; if set, on both legs",
    ),
];

pub(super) const PROCESS: &[Variable] = &[
    used(
        "GATEWAY_ENV_FILE",
        Unset,
        "the path of a readable file of `NAME=value` lines",
        "variables from a file; it wins over the process environment",
    ),
    used(
        "GATEWAY_STATE_DIRECTORY",
        Follows("`$STATE_DIRECTORY`, else `/var/lib/throughway`"),
        "the path of a directory",
        "learned topology, licence cache, usage spool, generated credentials",
    ),
    used(
        "STATE_DIRECTORY",
        Unset,
        "set by systemd",
        "the default of `GATEWAY_STATE_DIRECTORY`",
    ),
    used(
        "GATEWAY_WORKER_THREADS",
        Follows("`GATEWAY_UPSTREAM_THREAD`, else one per core"),
        "a number from 1 to 1024",
        "worker threads",
    ),
    used(
        "GATEWAY_UPSTREAM_THREAD",
        Unset,
        "a number from 1 to 1024",
        "the older name of that",
    ),
    used(
        "GATEWAY_LOG",
        Follows("`LOG4J2_ROOT_LEVEL`, else `info`"),
        "a comma list of a level or target=level; levels: trace, debug, info, warn, error, off",
        "what is logged",
    ),
    used(
        "LOG4J2_ROOT_LEVEL",
        Unset,
        "all, trace, debug, info, warn, error, fatal or off",
        "the older name of that",
    ),
    used(
        "GATEWAY_LOG_FORMAT",
        Follows("`LOG4J2_APPENDER_LAYOUT`, else `text`"),
        "text or json",
        "how it is logged",
    ),
    used(
        "LOG4J2_APPENDER_LAYOUT",
        Unset,
        "pattern or json",
        "the older name of that",
    ),
    used(
        "GATEWAY_ACCESS_LOG",
        Is("false"),
        "true or false",
        "one line per session at its end: who used which broker, with the user name of PLAIN and SCRAM",
    ),
];

pub(super) const ADMIN: &[Variable] = &[
    used(
        "GATEWAY_HTTP_PORT",
        Is("8888"),
        "a port from 1 to 65535",
        "Admin API, health, metrics",
    ),
    used(
        "GATEWAY_HTTP_BIND_ADDRESS",
        Is("0.0.0.0"),
        "an IP address of this machine",
        "",
    ),
    used(
        "GATEWAY_HTTP_PROXY_PROTOCOL",
        Unset,
        "a comma list of networks, such as 10.0.0.0/8,2001:db8::/32",
        "sources whose Admin API connections may begin with a PROXY v1 or v2 header; from any other \
         source such a header is refused",
    ),
    used(
        "GATEWAY_SECURED_METRICS",
        Is("true"),
        "true or false",
        "whether `/metrics` asks for a user; if not, it answers over plain HTTP, too",
    ),
    used(
        "GATEWAY_ADMIN_API_USERS",
        Follows("one user `admin` with a generated password, in a file under the state directory"),
        "a list such as [{username: admin, password: s3cret, admin: true}], or the same as JSON; \
         names and passwords are not empty, names have no colon and differ",
        "users of the Admin API; those with `admin: true` may change things, the others may read",
    )
    .secret(),
    used(
        "GATEWAY_HTTPS_KEY_STORE_PATH",
        Follows("a self-signed certificate, made under the state directory"),
        "the path of a JKS, PKCS#12 or PEM file",
        "certificate chain and private key of the Admin API; the content decides the format",
    ),
    used(
        "GATEWAY_HTTPS_KEY_STORE_PASSWORD",
        Unset,
        "the password of the key store",
        "needed unless the type is `pem`",
    )
    .secret(),
    used(
        "GATEWAY_HTTPS_KEY_PASSWORD",
        Follows("the store's password"),
        "the password of the key inside the store, or of an encrypted PEM key",
        "",
    )
    .secret(),
    used(
        "GATEWAY_HTTPS_KEY_TYPE",
        Is("jks"),
        "jks, pkcs12 or pem",
        "a hint; with `pem`, chain and key come from the one file of the key store path",
    ),
    used(
        "GATEWAY_HTTPS_CERTIFICATE_PATH",
        Unset,
        "the path of a PEM file, together with GATEWAY_HTTPS_PRIVATE_KEY_PATH",
        "certificate chain, instead of a key store",
    ),
    used(
        "GATEWAY_HTTPS_PRIVATE_KEY_PATH",
        Unset,
        "the path of a PEM file, together with GATEWAY_HTTPS_CERTIFICATE_PATH",
        "private key, instead of a key store",
    ),
    used(
        "GATEWAY_HTTPS_CLIENT_AUTH",
        Is("NONE"),
        "NONE, REQUEST or REQUIRED",
        "whether callers show certificates: not asked, may be missing, demanded; a user is asked for \
         in any case",
    ),
    used(
        "GATEWAY_HTTPS_TRUST_STORE_PATH",
        Unset,
        "the path of a JKS, PKCS#12 or PEM file",
        "whom to trust when callers show certificates",
    ),
    used(
        "GATEWAY_HTTPS_TRUST_STORE_PASSWORD",
        Unset,
        "the password of the trust store",
        "not needed for PEM",
    )
    .secret(),
    used(
        "GATEWAY_HTTPS_TRUST_STORE_TYPE",
        Is("jks"),
        "jks, pkcs12 or pem",
        "a hint",
    ),
    used(
        "RUNTIME_DIRECTORY",
        Unset,
        "set by systemd",
        "if set, the Admin API is also served there, on `control.sock`, without a password",
    ),
];

pub(super) const LICENCE: &[Variable] = &[
    later(
        "GATEWAY_LICENSE_KEY",
        Unset,
        "a licence token",
        "exactly one of this and the next two",
    )
    .secret(),
    later(
        "GATEWAY_LICENSE_FILE",
        Unset,
        "a path",
        "a file with the token, read again on change",
    ),
    later(
        "GATEWAY_LICENSE_SECRET_ID",
        Unset,
        "a name or ARN",
        "the token's entry in AWS Secrets Manager; the region is the ARN's, else the environment's",
    ),
    later(
        "GATEWAY_LICENSE_SECRET_FIELD",
        Follows("the whole string, or the field `license` of a JSON object"),
        "a field's name",
        "where in the secret the token is",
    ),
    later(
        "GATEWAY_LICENSE_SECRET_STAGE",
        Is("AWSCURRENT"),
        "a version stage",
        "which version of the secret",
    ),
    later(
        "GATEWAY_LICENSE_AGENT_FILE",
        Unset,
        "a path",
        "where `throughway aws-agent` writes the secret's token; with it, throughway itself asks no AWS",
    ),
    later(
        "GATEWAY_LICENSE_REFRESH_MINUTES",
        Is("60"),
        "minutes, 1 to 1440",
        "how often the secret is read, ± 10 %; 5 in grace or after a failure",
    ),
    later(
        "GATEWAY_AWS_LIFECYCLE_HOOK",
        Unset,
        "GROUP:HOOK, the names of an Auto Scaling group and its lifecycle hook",
        "for `throughway aws-agent`: the hook to complete when this instance is to end and has drained",
    ),
    used(
        "GATEWAY_USAGE_ENDPOINT",
        Follows("the vendor's"),
        "an https:// URL; reporting itself cannot be switched off",
        "where usage is reported: the vendor's, or a relay of yours; see [usage.md](usage.md)",
    ),
    used(
        "GATEWAY_USAGE_CA_PATH",
        Follows("the system's trust store"),
        "the path of a PEM file",
        "whom to trust there",
    ),
    used(
        "GATEWAY_USAGE_FORWARD_PROXY",
        Unset,
        "http://[user:password@]host[:port]",
        "HTTP proxy on the way there",
    ),
    used(
        "DEPLOYED_BY",
        Unset,
        "text that begins with ami, deb, helm, docker, container or kubernetes",
        "how this was installed, for the usage report; anything else counts as unknown",
    ),
];
