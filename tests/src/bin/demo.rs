//! What `make run` shows: a real Kafka, throughway before it, and what clients are told.
//!
//! Owns the order and the words; all the work is the harness's. Results go to standard output.

#![expect(
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a program for a person to look at"
)]

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use throughway_tests::certificates::Authority;
use throughway_tests::clients::{Action, Hosts, Library, Security, Task};
use throughway_tests::cluster::{Cluster, ClusterOptions, Listener, NODE_IDS, USER};
use throughway_tests::files::TemporaryFolder;
use throughway_tests::ports;
use throughway_tests::proxy::{BOOTSTRAP_NAME, PORT_COUNT, Proxy, Settings, Upstream, broker_name};
use throughway_tests::wire::{Door, brokers_told};
use tokio::signal::unix::{SignalKind, signal};

/// Written and read again on each way in.
const RECORDS: usize = 1000;

/// `host:port` by node id.
type Addresses = BTreeMap<i32, String>;

/// One way in: a throughway, and what its client was told.
struct Way {
    proxy: Proxy,
    bootstrap: String,
    told: Addresses,
}

#[tokio::main]
async fn main() -> ExitCode {
    match show().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nthe demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn show() -> Result<()> {
    let folder = TemporaryFolder::new("throughway-demo-")?;
    let options = ClusterOptions::default();
    println!(
        "\nthroughway before a real Kafka {} with brokers 1, 5 and 12\n",
        options.version
    );
    let cluster = step("three brokers start", async { Cluster::start(&options) }).await?;
    let by_port = step("1,000 records by port", enter_by_port(&cluster)).await?;
    let authority = Authority::new(folder.path(), "downstream")?;
    let by_name = step(
        "1,000 records by server name, with TLS",
        enter_by_name(&cluster, &authority),
    )
    .await?;
    let door = Door {
        address: format!(
            "127.0.0.1:{}",
            cluster.port(NODE_IDS[0], Listener::SaslPlain)
        ),
        tls: None,
    };
    show_addresses(
        &brokers_told(&door, USER).await?,
        &by_port.told,
        &by_name.told,
    );
    show_ways(&by_port, &by_name, &authority);
    if std::env::var_os("DEMO_EXIT").is_none_or(|value| value != "1") {
        println!("It stays up until Ctrl-C.");
        until_told().await?;
    }
    leave(by_port)?;
    leave(by_name)
}

async fn step<T>(what: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    let begin = Instant::now();
    print!("  {what:.<44} ");
    std::io::stdout().flush()?;
    let result = work.await;
    let word = if result.is_ok() { "done" } else { "failed" };
    println!("{word} in {:.1} s", begin.elapsed().as_secs_f64());
    result.with_context(|| what.to_owned())
}

async fn enter_by_port(cluster: &Cluster) -> Result<Way> {
    let first = ports::reserve(PORT_COUNT);
    let mut settings = Settings::new(cluster, Upstream::Plaintext);
    settings.listen_by_port(first, first);
    let proxy = settings.start()?;
    let bootstrap = format!("127.0.0.1:{first}");
    let security = Security::sasl_plaintext(USER);
    let told = write_and_read(
        Task::new(Action::RoundTrip, &bootstrap, security, "by-port"),
        None,
    );
    Ok(Way {
        told: told.await?,
        proxy,
        bootstrap,
    })
}

async fn enter_by_name(cluster: &Cluster, authority: &Authority) -> Result<Way> {
    let port = ports::reserve(1);
    let identity = authority.issue("throughway", &["*.kafka.test"])?;
    let mut settings = Settings::new(cluster, Upstream::Tls);
    settings.listen_by_sni(port, port, &identity);
    let proxy = settings.start()?;
    let hosts = Hosts::new(names().iter().map(String::as_str))?;
    let bootstrap = format!("{BOOTSTRAP_NAME}:{port}");
    let security = Security::sasl_tls(USER, authority.certificate());
    let task = Task::new(Action::RoundTrip, &bootstrap, security, "by-name");
    Ok(Way {
        told: write_and_read(task, Some(&hosts)).await?,
        proxy,
        bootstrap,
    })
}

/// Every name that the SNI listener goes by.
fn names() -> Vec<String> {
    std::iter::once(BOOTSTRAP_NAME.to_owned())
        .chain(NODE_IDS.map(broker_name))
        .collect()
}

async fn write_and_read(mut task: Task, hosts: Option<&Hosts>) -> Result<Addresses> {
    task.records = RECORDS;
    let report = Library::Rust.run(&task, hosts).await?;
    let (written, read, wrong) = (report.written, report.read, report.wrong);
    let complete = report.is_complete(RECORDS);
    ensure!(
        complete,
        "of {RECORDS} records, {written} written, {read} read, {wrong} wrong"
    );
    Ok(report.brokers)
}

fn show_addresses(before: &Addresses, by_port: &Addresses, by_name: &Addresses) {
    println!(
        "\n  {:<8}{:<30}{:<20}after, by server name",
        "broker", "before", "after, by port"
    );
    for (node, address) in before {
        let told = |way: &Addresses| way.get(node).cloned().unwrap_or_default();
        println!(
            "  {node:<8}{address:<30}{:<20}{}",
            told(by_port),
            told(by_name)
        );
    }
}

fn show_ways(by_port: &Way, by_name: &Way, authority: &Authority) {
    let (user, password) = USER;
    let ca = authority.certificate();
    println!("\n  SASL PLAIN (or SCRAM), user {user}, password {password}");
    println!("  by port         {}  SASL_PLAINTEXT", by_port.bootstrap);
    println!("  by server name  {}  SASL_SSL", by_name.bootstrap);
    println!("                  trust {}", ca.display());
    println!("                  hosts 127.0.0.1 {}", names().join(" "));
    println!(
        "  health, metrics http://127.0.0.1:{} and :{}\n",
        by_port.proxy.admin_port, by_name.proxy.admin_port
    );
}

async fn until_told() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    println!();
    Ok(())
}

fn leave(mut way: Way) -> Result<()> {
    let code = way.proxy.stop()?;
    ensure!(code == Some(0), "throughway ended with {code:?}");
    Ok(())
}
