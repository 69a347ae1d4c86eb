//! The text of an environment file: refused or understood, and never more than that.

use throughway::config::{FileText, Given, parse};

/// The file's text, beside the few variables that any configuration has.
pub fn configuration(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let set = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let environment = [
        ("KAFKA_BOOTSTRAP_SERVERS", "b1.internal.test:9092"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
    ];
    let given = Given {
        environment: environment.into_iter().map(set).collect(),
        env_file: Some(FileText {
            path: "fuzz.env".into(),
            text: Ok(text.into_owned()),
        }),
        host_name: "edge.example".to_owned(),
        cores: 2,
        ..Given::default()
    };
    match parse(&given) {
        Ok(parsed) => {
            let config = parsed.config;
            assert!(!config.listeners.is_empty() && !config.upstream.allowed.is_empty());
            assert!(config.limits.max_frame >= config.limits.max_frame_before_sasl);
        }
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
}
