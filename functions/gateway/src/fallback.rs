use lambda::{
    http::{Reply, Request},
    problem::Problem,
};

/// `$default`: what no route takes is a 404, as a problem like any other.
pub async fn fallback(_: &(), _: &Request) -> Reply {
    Err(Problem::not_found("route"))
}
