//! Limits, deadlines, shutdown, TCP, workers, logs.
//!
//! Pure. Every default stands in the table of variables; the fallbacks here only stand in after an
//! error, when the result is thrown away.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::Reader;
use super::value::{self, Outcome};
use super::{Limits, LogConfig, ShutdownConfig, TcpConfig, Timeouts, UnreviewedVersions};

const HOUR_MS: u64 = 3_600_000;

pub(super) fn limits(r: &mut Reader<'_>) -> Limits {
    let max_frame = r.value("GATEWAY_MAX_FRAME_BYTES", |text| {
        value::number(text, 1024..=2_147_483_647)
    });
    let before = "GATEWAY_MAX_FRAME_BYTES_BEFORE_SASL";
    let max_frame_before_sasl = r.value(before, |text| value::number(text, 1024..=104_857_600));
    if max_frame_before_sasl
        .zip(max_frame)
        .is_some_and(|(before, after)| before > after)
    {
        let name = if r.text(before).is_some() {
            before
        } else {
            "GATEWAY_MAX_FRAME_BYTES"
        };
        r.reject(
            name,
            "GATEWAY_MAX_FRAME_BYTES_BEFORE_SASL is above GATEWAY_MAX_FRAME_BYTES",
        );
    }
    let sessions = |text: &str| value::number(text, 1..=10_000_000);
    Limits {
        max_frame: max_frame.unwrap_or_default(),
        max_frame_before_sasl: max_frame_before_sasl.unwrap_or_default(),
        max_in_flight: r
            .value("GATEWAY_MAX_IN_FLIGHT", |text| {
                value::number(text, 1..=65_536)
            })
            .unwrap_or_default(),
        max_connections: r.value("GATEWAY_MAX_CONNECTIONS", sessions),
        max_connections_per_listener: r.value("GATEWAY_MAX_CONNECTIONS_PER_LISTENER", sessions),
        max_connections_per_source: r.value("GATEWAY_MAX_CONNECTIONS_PER_SOURCE", sessions),
        max_handshakes_per_second: r.value("GATEWAY_MAX_HANDSHAKES_PER_SECOND", |text| {
            value::number(text, 1..=1_000_000)
        }),
    }
}

pub(super) fn timeouts(r: &mut Reader<'_>) -> Timeouts {
    let mut phase = |name: &str| {
        r.value(name, |text| value::millis(text, 1..=HOUR_MS))
            .unwrap_or_default()
    };
    let first_byte = phase("GATEWAY_FIRST_BYTE_TIMEOUT_MS");
    let tls_handshake = phase("GATEWAY_TLS_HANDSHAKE_TIMEOUT_MS");
    let sasl = phase("GATEWAY_SASL_TIMEOUT_MS");
    let dial = phase("GATEWAY_DIAL_TIMEOUT_MS");
    let half_close = phase("GATEWAY_HALF_CLOSE_TIMEOUT_MS");
    let idle = r.value("GATEWAY_IDLE_TIMEOUT_MS", |text| {
        value::millis(text, 0..=604_800_000)
    });
    let idle = idle.filter(|idle| !idle.is_zero());
    Timeouts {
        first_byte,
        tls_handshake,
        sasl,
        dial,
        idle,
        half_close,
    }
}

pub(super) fn shutdown(r: &mut Reader<'_>) -> ShutdownConfig {
    let mut time = |name: &str, most: u64| {
        r.value(name, |text| value::millis(text, 0..=most))
            .unwrap_or_default()
    };
    ShutdownConfig {
        grace: time("GATEWAY_SHUTDOWN_GRACE_MS", HOUR_MS),
        delay_between_brokers: time("GATEWAY_SHUTDOWN_DELAY_BETWEEN_BROKERS_MS", 600_000),
        readiness_delay: time("GATEWAY_SHUTDOWN_READINESS_DELAY_MS", HOUR_MS),
    }
}

pub(super) fn tcp(r: &mut Reader<'_>) -> TcpConfig {
    /// Above what keepalive needs with its defaults, 60 s + 4 × 15 s, so that keepalive decides.
    const UPSTREAM_USER_TIMEOUT: Duration = Duration::from_secs(180);
    let keepalive = r.value("GATEWAY_TCP_KEEPALIVE_SECONDS", keepalive);
    let (keepalive_idle, keepalive_interval, keepalive_count) = keepalive.unwrap_or_default();
    let user_timeout = r.value("GATEWAY_TCP_USER_TIMEOUT_MS", |text| {
        value::millis(text, 1000..=HOUR_MS)
    });
    TcpConfig {
        keepalive_idle,
        keepalive_interval,
        keepalive_count,
        upstream_user_timeout: user_timeout.unwrap_or(UPSTREAM_USER_TIMEOUT),
        client_user_timeout: user_timeout,
    }
}

/// The ranges are the kernel's (tcp(7): TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT).
fn keepalive(text: &str) -> Outcome<(Duration, Duration, u32)> {
    let mut parts = text.split('/').map(str::trim);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(idle), Some(interval), Some(count), None) => {
            let seconds = |text| value::number(text, 1..=32_767).map(Duration::from_secs);
            Ok((
                seconds(idle)?,
                seconds(interval)?,
                value::number(count, 1..=127)?,
            ))
        }
        _ => Err("not three numbers".to_owned()),
    }
}

pub(super) fn workers(r: &mut Reader<'_>) -> usize {
    let threads = |text: &str| value::number(text, 1..=1024);
    let cores = r.given.cores.clamp(1, 1024);
    let old = r.value("GATEWAY_UPSTREAM_THREAD", threads);
    r.value_or("GATEWAY_WORKER_THREADS", old.unwrap_or(cores), threads)
}

pub(super) fn log(r: &mut Reader<'_>) -> LogConfig {
    let old_level = r.value("LOG4J2_ROOT_LEVEL", |text| {
        let levels = ["trace", "debug", "info", "warn", "error", "off"].map(|level| (level, level));
        let old = [("all", "trace"), ("fatal", "error")];
        value::one_of(text, &[&levels[..], &old].concat())
    });
    let level = old_level.unwrap_or("info").to_owned();
    let filter = r.value_or("GATEWAY_LOG", level, log_filter);
    let old_format = r.value("LOG4J2_APPENDER_LAYOUT", |text| {
        value::one_of(text, &[("pattern", "text"), ("json", "json")])
    });
    let format = r.value_or("GATEWAY_LOG_FORMAT", old_format.unwrap_or("text"), |text| {
        value::one_of(text, &[("text", "text"), ("json", "json")])
    });
    LogConfig {
        filter,
        json: format == "json",
    }
}

fn log_filter(text: &str) -> Outcome<String> {
    let level = |text: &str| {
        ["trace", "debug", "info", "warn", "error", "off"]
            .iter()
            .any(|l| l.eq_ignore_ascii_case(text))
    };
    let target = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_:-".contains(&b))
    };
    value::list(text, |directive| {
        let good = match directive.split_once('=') {
            None => level(directive),
            Some((name, threshold)) => target(name.trim()) && level(threshold.trim()),
        };
        if good {
            Ok(())
        } else {
            Err(format!("`{}` is no directive", directive.escape_debug()))
        }
    })?;
    Ok(text.to_owned())
}

pub(super) fn state_directory(r: &mut Reader<'_>) -> PathBuf {
    // systemd gives a colon list when a unit has several; the first one is ours.
    let given = r.string("STATE_DIRECTORY");
    let given = given.as_deref().and_then(|list| list.split(':').next());
    let fallback = given.unwrap_or("/var/lib/throughway").to_owned();
    PathBuf::from(r.value_or("GATEWAY_STATE_DIRECTORY", fallback, |text| {
        Ok(text.to_owned())
    }))
}

pub(super) fn unreviewed_versions(r: &mut Reader<'_>) -> UnreviewedVersions {
    let choices = [
        ("forward", UnreviewedVersions::Forward),
        ("clamp", UnreviewedVersions::Clamp),
    ];
    r.value("GATEWAY_UNREVIEWED_VERSIONS", |text| {
        value::one_of(text, &choices)
    })
    .unwrap_or(UnreviewedVersions::Forward)
}
