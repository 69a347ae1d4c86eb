//! Logs: one line per event on standard error, as text or JSON.
//!
//! Owns tracing-subscriber. Standard output belongs to results. It must not know what is logged.

mod budget;
mod debugging;

use std::io::{self, IsTerminal, Write};

use tracing::Subscriber;
use tracing_subscriber::filter::FilterExt;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, registry};

pub use self::budget::Budget;
pub use self::debugging::{Debugging, TooMany};
use crate::config::LogConfig;

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `GATEWAY_LOG` is no filter.
    #[error("log filter {filter:?} is not valid; a level or target=level,… is")]
    Filter {
        /// As given.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Something else receives this process's events already.
    #[error("set up logging")]
    TakenAlready(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// Sends this process's events to standard error, from now on. Once in a process.
///
/// Colours only on a terminal, and not where `NO_COLOR` is set. What comes back tells more of some
/// clients' sessions.
///
/// # Errors
/// `TelemetryError`.
pub fn start(config: &LogConfig) -> Result<Debugging, TelemetryError> {
    let debugging = Debugging::default();
    let terminal = io::stderr().is_terminal();
    let subscriber = subscriber(config, debugging.clone(), terminal, io::stderr)?;
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(debugging)
}

/// The subscriber of `start`, writing elsewhere.
fn subscriber<W>(
    config: &LogConfig,
    debugging: Debugging,
    terminal: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .parse(&config.filter)
        .map_err(|source| TelemetryError::Filter {
            filter: config.filter.clone(),
            source,
        })?;
    // Asked for by a variable of its own, so that no filter may swallow it.
    let filter = match "access=info".parse() {
        Ok(always) => filter.add_directive(always),
        Err(_never) => filter,
    };
    let layer = fmt::layer().with_writer(OneLine(writer));
    let layer: Box<dyn Layer<Registry> + Send + Sync> = if config.json {
        layer
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed()
    } else if terminal {
        // The library's own default: colours unless NO_COLOR is set.
        layer.boxed()
    } else {
        layer.with_ansi(false).boxed()
    };
    let filter = filter.or(debugging);
    Ok(Box::new(registry().with(layer.with_filter(filter))))
}

/// Keeps an event on one line, whatever a peer's words in its fields contain: a broker must not be
/// able to write log lines of its own.
struct OneLine<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for OneLine<W> {
    type Writer = OneLine<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        OneLine(self.0.make_writer())
    }
}

impl<W: Write> Write for OneLine<W> {
    /// Takes a whole event, as the formatter hands it over.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = event.strip_suffix(b"\n").unwrap_or(event);
        if line.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            let mut escaped = Vec::with_capacity(event.len() + 16);
            for &byte in line {
                match byte {
                    b'\n' => escaped.extend_from_slice(b"\\n"),
                    b'\r' => escaped.extend_from_slice(b"\\r"),
                    _ => escaped.push(byte),
                }
            }
            escaped.push(b'\n');
            self.0.write_all(&escaped)?;
        } else {
            self.0.write_all(event)?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::with_default;

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, json: bool, events: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let filter = filter.to_owned();
        let config = LogConfig { filter, json };
        let debugging = Debugging::default();
        let subscriber = subscriber(&config, debugging, false, move || writer.clone()).unwrap();
        with_default(subscriber, events);
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_lines_carry_the_fields_beside_the_message() {
        let text = logged("info", true, || {
            let _span = tracing::info_span!("session", connection_id = 7).entered();
            tracing::info!(node_id = 5, "broker learned");
            tracing::debug!("not shown");
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "broker learned");
        assert_eq!(line["node_id"], 5);
        assert_eq!(line["span"]["connection_id"], 7);
    }

    #[test]
    fn a_clients_sessions_are_told_in_full_while_it_is_on_the_list() {
        let captured = Captured::default();
        let writer = captured.clone();
        let config = LogConfig {
            filter: "warn".to_owned(),
            json: true,
        };
        let debugging = Debugging::default();
        let subscriber =
            subscriber(&config, debugging.clone(), false, move || writer.clone()).unwrap();
        with_default(subscriber, || {
            let session = |client: &str, step: &str| {
                let client: std::net::SocketAddr = client.parse().unwrap();
                let span = tracing::info_span!("session", client_addr = %client);
                span.in_scope(|| tracing::debug!(step, "told"));
            };
            session("10.0.0.1:1", "before");
            let client = std::net::IpAddr::from([10, 0, 0, 1]);
            debugging
                .set(client, std::time::Duration::from_secs(60))
                .unwrap();
            session("10.0.0.1:1", "during");
            session("10.0.0.2:1", "another");
            tracing::debug!("of no session");
            debugging.set(client, std::time::Duration::ZERO).unwrap();
            session("10.0.0.1:1", "after");
        });
        let bytes = captured.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.contains("during") && text.contains("10.0.0.1:1"),
            "{text}"
        );
    }

    #[test]
    fn no_filter_swallows_the_access_log() {
        for filter in ["error", "throughway=debug"] {
            let text = logged(filter, true, || tracing::info!(target: "access", "session"));
            assert!(text.contains("\"target\":\"access\""), "{filter}: {text}");
        }
    }

    #[test]
    fn a_clients_word_cannot_look_like_a_field() {
        let name = "alice login=\"completed\"";
        let text = logged("info", false, || tracing::info!(user = name, "session"));
        assert!(
            text.contains(r#"user="alice login=\"completed\"""#),
            "{text}"
        );
    }

    #[test]
    fn a_peer_cannot_begin_a_line_of_its_own() {
        let words = "down\r\n2026-01-01 ERROR forged";
        let text = logged(
            "info",
            false,
            || tracing::warn!(error = %words, "dial failed"),
        );
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(r"down\r\n2026"), "{text}");
    }

    #[test]
    fn text_away_from_a_terminal_has_no_colours() {
        let text = logged("throughway=debug", false, || {
            tracing::debug!("table published");
        });
        assert!(text.contains("DEBUG") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_filter_that_is_none_is_refused_with_its_words() {
        let config = LogConfig {
            filter: "throughway=loud".to_owned(),
            json: false,
        };
        let debugging = Debugging::default();
        let error = subscriber(&config, debugging, false, io::stderr)
            .err()
            .unwrap();
        assert!(error.to_string().contains("throughway=loud"), "{error}");
    }
}
