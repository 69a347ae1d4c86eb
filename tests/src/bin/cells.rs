//! Prints the table client × way from the file that tests noted it in; fails when a cell is missing.

#![expect(clippy::print_stdout, reason = "the table is its output")]

use std::process::ExitCode;

use throughway_tests::cells::Table;

fn main() -> ExitCode {
    let noted = std::env::args_os().nth(1).map(std::fs::read_to_string);
    let table = Table::of_tests(&noted.and_then(Result::ok).unwrap_or_default());
    print!("client and way through throughway\n{}", table.text());
    if table.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
