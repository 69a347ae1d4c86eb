//! Rows of the table about both legs of a session: listeners, TLS, upstream, address map.
//!
//! Data only.

use super::Preset::{Follows, Is, Unset};
use super::{Variable, used};

const CIDRS: &str = "a comma list of networks, such as 10.0.0.0/8,2001:db8::/32";

pub(super) const LISTENERS: &[Variable] = &[
    used(
        "GATEWAY_LISTENER_NAMES",
        Follows("found by their variables"),
        "a comma list of names: a letter, then letters and digits",
        "the listeners and their order; if set, it must name exactly those that have variables",
    ),
    used(
        "GATEWAY_LISTENER_<N>_SECURITY_PROTOCOL",
        Unset,
        "SASL_PLAINTEXT or SASL_SSL",
        "what clients of this listener speak; required",
    ),
    used(
        "GATEWAY_LISTENER_<N>_ROUTING",
        Unset,
        "port or sni",
        "how a connection finds its broker: by the local port, or by the server name in TLS; required",
    ),
    used(
        "GATEWAY_LISTENER_<N>_PORTS",
        Unset,
        "a comma list of `port`, `first-last`, `advertised:local` or `first-last:first-last` \
         (ranges of equal length); exactly one port for sni",
        "exactly these ports; with port routing the first one is for the broker with id \
         `GATEWAY_MIN_BROKERID`, the next for the id after it, and so on; required",
    ),
    used(
        "GATEWAY_LISTENER_<N>_ADVERTISED_HOST",
        Follows("the machine's host name"),
        "a host name or IP address",
        "the host that clients are told (port routing)",
    ),
    used(
        "GATEWAY_LISTENER_<N>_BIND_ADDRESS",
        Is("0.0.0.0"),
        "an IPv4 or IPv6 address of this machine",
        "the local address to bind",
    ),
    used(
        "GATEWAY_LISTENER_<N>_ADVERTISED_HOST_PATTERN",
        Unset,
        "a host name that contains {{nodeId}} exactly once",
        "the name of each broker (sni routing), such as `broker-{{nodeId}}.kafka.example.com`; \
         required there",
    ),
    used(
        "GATEWAY_LISTENER_<N>_BOOTSTRAP_HOST_PATTERN",
        Follows("`bootstrap.` and the advertised host, else the pattern's domain"),
        "a host name without {{nodeId}} that is not a broker's name by the pattern",
        "the name of first contact (sni routing)",
    ),
    used(
        "GATEWAY_LISTENER_<N>_SSL_CLIENT_AUTH",
        Follows("`GATEWAY_SSL_CLIENT_AUTH`"),
        "NONE, OPTIONAL or REQUIRE",
        "whether clients show certificates",
    ),
    used(
        "GATEWAY_LISTENER_<N>_SSL_*",
        Follows("`GATEWAY_SSL_*`"),
        "as `GATEWAY_SSL_*`",
        "key store, PEM pair and trust store of this listener alone",
    ),
    used(
        "GATEWAY_LISTENER_<N>_PROXY_PROTOCOL",
        Unset,
        CIDRS,
        "sources whose connections must begin with a PROXY v1 or v2 header",
    ),
    used(
        "GATEWAY_MIN_BROKERID",
        Is("0"),
        "a number from 0 to 2000000000",
        "the broker id that belongs to the first port, for every listener with port routing",
    ),
];

pub(super) const CLIENT_TLS: &[Variable] = &[
    used(
        "GATEWAY_SSL_KEY_STORE_PATH",
        Unset,
        "the path of a JKS, PKCS#12 or PEM file",
        "certificate chain and private key; the content decides the format",
    ),
    used(
        "GATEWAY_SSL_KEY_STORE_PASSWORD",
        Unset,
        "the password of the key store",
        "needed unless the type is `pem`",
    )
    .secret(),
    used(
        "GATEWAY_SSL_KEY_PASSWORD",
        Unset,
        "the password of the key inside the store, or of an encrypted PEM key",
        "needed for the type `jks`, also where it equals the store's password; `pkcs12` falls back \
         to the store's",
    )
    .secret(),
    used(
        "GATEWAY_SSL_KEY_TYPE",
        Is("jks"),
        "jks, pkcs12 or pem",
        "a hint; with `pem`, chain and key come from the one file of the key store path",
    ),
    used(
        "GATEWAY_SSL_CERTIFICATE_PATH",
        Unset,
        "the path of a PEM file, together with GATEWAY_SSL_PRIVATE_KEY_PATH",
        "certificate chain, instead of a key store",
    ),
    used(
        "GATEWAY_SSL_PRIVATE_KEY_PATH",
        Unset,
        "the path of a PEM file, together with GATEWAY_SSL_CERTIFICATE_PATH",
        "private key, instead of a key store",
    ),
    used(
        "GATEWAY_SSL_TRUST_STORE_PATH",
        Unset,
        "the path of a JKS, PKCS#12 or PEM file",
        "whom to trust when clients show certificates",
    ),
    used(
        "GATEWAY_SSL_TRUST_STORE_PASSWORD",
        Unset,
        "the password of the trust store",
        "not needed for PEM",
    )
    .secret(),
    used(
        "GATEWAY_SSL_TRUST_STORE_TYPE",
        Is("jks"),
        "jks, pkcs12 or pem",
        "a hint",
    ),
    used(
        "GATEWAY_SSL_CLIENT_AUTH",
        Is("NONE"),
        "NONE, OPTIONAL or REQUIRE",
        "whether clients show certificates: not asked, may be missing, demanded",
    ),
];

pub(super) const UPSTREAM: &[Variable] = &[
    used(
        "KAFKA_BOOTSTRAP_SERVERS",
        Unset,
        "a comma list of host:port or [IPv6]:port",
        "the cluster; required",
    ),
    used(
        "KAFKA_SECURITY_PROTOCOL",
        Is("PLAINTEXT"),
        "SASL_PLAINTEXT or SASL_SSL",
        "what the brokers speak; Kafka's own default, PLAINTEXT, is refused: without SASL there, \
         clients could not authenticate",
    ),
    used(
        "KAFKA_SSL_TRUSTSTORE_LOCATION",
        Follows("the system's trust store"),
        "the path of a JKS, PKCS#12 or PEM file",
        "whom to trust as a broker",
    ),
    used(
        "KAFKA_SSL_TRUSTSTORE_PASSWORD",
        Unset,
        "the password of the trust store",
        "",
    )
    .secret(),
    used(
        "KAFKA_SSL_TRUSTSTORE_TYPE",
        Is("JKS"),
        "JKS, PKCS12 or PEM",
        "a hint",
    ),
    used(
        "KAFKA_SSL_TRUSTSTORE_CERTIFICATES",
        Unset,
        "PEM text, without KAFKA_SSL_TRUSTSTORE_LOCATION",
        "trust anchors in the variable itself",
    ),
    used(
        "KAFKA_SSL_KEYSTORE_LOCATION",
        Unset,
        "the path of a JKS, PKCS#12 or PEM file",
        "our own certificate and key, if brokers ask for one",
    ),
    used(
        "KAFKA_SSL_KEYSTORE_PASSWORD",
        Unset,
        "the password of the key store",
        "",
    )
    .secret(),
    used(
        "KAFKA_SSL_KEYSTORE_TYPE",
        Is("JKS"),
        "JKS, PKCS12 or PEM",
        "a hint",
    ),
    used(
        "KAFKA_SSL_KEYSTORE_KEY",
        Unset,
        "PEM text, together with KAFKA_SSL_KEYSTORE_CERTIFICATE_CHAIN and without \
         KAFKA_SSL_KEYSTORE_LOCATION",
        "private key in the variable itself",
    )
    .secret(),
    used(
        "KAFKA_SSL_KEYSTORE_CERTIFICATE_CHAIN",
        Unset,
        "PEM text, together with KAFKA_SSL_KEYSTORE_KEY and without KAFKA_SSL_KEYSTORE_LOCATION",
        "certificate chain in the variable itself",
    ),
    used(
        "KAFKA_SSL_KEY_PASSWORD",
        Follows("the store's password"),
        "the password of the private key",
        "",
    )
    .secret(),
    used(
        "KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM",
        Is("https"),
        "https, or empty",
        "empty turns the check of the broker's name off, with a warning",
    ),
    used(
        "GATEWAY_UPSTREAM_ALLOWED",
        Follows(
            "from each bootstrap server: three labels or more, every name below its parent domain; \
             two labels, itself and below; one label, every one-label name; an address, its /24 or /64",
        ),
        "a comma list of `host`, `.suffix`, `address` or `network/bits`, each with an optional \
         `:port` or `:first-last`",
        "where brokers may be; loopback, link-local and the like only if named or if a bootstrap \
         server is there",
    ),
    used(
        "GATEWAY_UPSTREAM_BROKERS",
        Unset,
        "a comma list of id=host:port",
        "brokers known before anything is learned; what is learned later wins",
    ),
    used(
        "GATEWAY_UPSTREAM_ADDRESS_MAP",
        Unset,
        "a comma list of host:port=ip:port, host=ip or host=ip:port",
        "where to dial instead; TLS name and allow-list are judged by the original name",
    ),
];

pub(super) const ADDRESS_MAP: &[Variable] = &[
    used(
        "GATEWAY_ADDRESS_MAP",
        Follows("the built-in address map"),
        "the path of a WebAssembly component",
        "checked, then watched: a better one is swapped in, a bad one is refused and the last good stays",
    ),
    used(
        "GATEWAY_ADDRESS_MAP_CONFIG",
        Follows("the JSON made from the listeners, see `address-map-config.schema.json`"),
        "text, or `@` and the path of a file",
        "what the address map is configured with",
    ),
    used(
        "GATEWAY_ADDRESS_MAP_LIMITS",
        Is("small"),
        "small or runtime",
        "time and memory of the address map; `runtime` for JavaScript and Python",
    ),
    used(
        "GATEWAY_ADDRESS_MAP_UPSTREAM_HINTS",
        Is("false"),
        "true or false",
        "lets the map say where a broker is that has not been learned, inside \
         `GATEWAY_UPSTREAM_ALLOWED`",
    ),
    used(
        "GATEWAY_ZONES",
        Unset,
        "name=network,network;name=network",
        "the zone of a client's address, given to the map; the first match counts",
    ),
];
