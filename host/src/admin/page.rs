//! The status page: the same as `status`, for browsers. No script, nothing from elsewhere.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse};

use super::AdminState;
use super::own::Status;

/// Nothing but the page's own style may load.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>throughway</title>\
    <style>body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}\
    th{text-align:left;font-weight:normal;padding-right:2em}.bad{color:#b00}</style>\
    <h1>throughway</h1>\n";

/// `/`
pub(super) async fn page(State(state): State<AdminState>) -> impl IntoResponse {
    let status = Status::of(&state);
    let headers: [(HeaderName, HeaderValue); 2] = [
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
    ];
    (headers, Html(render(&status)))
}

fn render(status: &Status) -> String {
    let mut page = HEAD.to_owned();
    // Writing to a String cannot fail.
    let _infallible = write(&mut page, status);
    page
}

fn write(page: &mut String, status: &Status) -> std::fmt::Result {
    let ready = match (status.ready, status.draining) {
        (true, _) => "ready",
        (false, true) => "draining",
        (false, false) => "not ready",
    };
    let class = if status.ready { "" } else { " class=\"bad\"" };
    writeln!(page, "<p{class}>{ready}</p>")?;
    if status.license_state != "valid" {
        let state = status.license_state;
        writeln!(page, "<p class=\"bad\">the licence is: {state}</p>")?;
    }
    let days = status.license_remaining_days;
    let listener = |listener: &super::own::Listener| {
        let (name, routing, protocol) =
            (&listener.name, listener.routing, listener.security_protocol);
        format!("{name}, routing by {routing}, {protocol}")
    };
    let listeners: Vec<String> = status.listeners.iter().map(listener).collect();
    let rows = [
        ("version", format!("{} ({})", status.version, status.commit)),
        ("up for", format!("{} s", status.uptime_seconds)),
        ("sessions", status.sessions.to_string()),
        (
            "licence, days left",
            days.map_or_else(|| "–".to_owned(), |days| days.to_string()),
        ),
        (
            "cluster",
            status
                .cluster_id
                .clone()
                .unwrap_or_else(|| "not learned yet".to_owned()),
        ),
        ("brokers known", status.brokers.to_string()),
        (
            "topology, address table",
            format!("{}, {}", status.topology_version, status.table_version),
        ),
        ("listeners", listeners.join("; ")),
        ("worker threads", status.workers.to_string()),
    ];
    writeln!(page, "<table>")?;
    for (name, value) in rows {
        writeln!(page, "<tr><th>{name}</th><td>{}</td></tr>", escaped(&value))?;
    }
    writeln!(
        page,
        "</table>\n<p>Everything there is to ask for: /gateway/v2/docs</p></html>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::tests::state;

    #[tokio::test]
    async fn the_page_tells_what_status_tells_and_runs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut status = Status::of(&state(true, &folder));
        status.cluster_id = Some("<script>alert(\"x\")</script>".to_owned());
        let page = render(&status);
        assert!(
            page.contains("&lt;script&gt;alert(&quot;x&quot;)"),
            "{page}"
        );
        assert!(
            !page.contains("<script") && !page.contains("src="),
            "{page}"
        );
        assert!(page.contains("not ready") && page.contains("DEFAULT, routing by port"));
        assert!(!page.contains("the licence is"));
        let folder = tempfile::tempdir().unwrap();
        let unlicensed = render(&Status::of(&state(false, &folder)));
        assert!(
            unlicensed.contains("the licence is: missing"),
            "{unlicensed}"
        );
    }
}
