//! `make model`: looks at all that can happen to one order, and to two, and says how much that is.

use std::process::ExitCode;

use model::{explore::explore, scopes};

// A command line's answer is what it prints.
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
        println!("{:<52}{:>12}{:>8}{:>10.1?}", scope.name, explored.states, explored.depth, explored.took);
        for (property, way) in &explored.broken {
            println!("broken: {property}, after");
            way.iter().for_each(|action| println!("  {action:?}"));
        }
        if !explored.broken.is_empty() {
            return ExitCode::FAILURE;
        }
    }
    println!("in each of them every property holds");
    ExitCode::SUCCESS
}
