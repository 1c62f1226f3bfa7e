//! `make model`: explores the checkout of one order and of two orders, and prints the number of states.

use std::process::ExitCode;

use model::{explore::explore, scopes};

// The output of a command is what it prints.
#[allow(clippy::print_stdout)]
fn main() -> ExitCode {
    println!("{:<52}{:>12}{:>8}{:>10}", "", "states", "depth", "time");
    for scope in scopes::small().into_iter().chain(scopes::large()) {
        let explored = match explore(scope.bounds, None) {
            Ok(explored) => explored,
            Err(error) => {
                println!("{}: {error}", scope.name);
                return ExitCode::FAILURE;
            }
        };
        println!("{:<52}{:>12}{:>8}{:>10.1?}", scope.name, explored.states, explored.depth, explored.duration);
        for (property, actions) in &explored.violations {
            println!("violated: {property}, after");
            actions.iter().for_each(|action| println!("  {action:?}"));
        }
        if !explored.violations.is_empty() {
            return ExitCode::FAILURE;
        }
    }
    println!("every property holds in all of them");
    ExitCode::SUCCESS
}
