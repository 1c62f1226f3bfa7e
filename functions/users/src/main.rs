//! The functions of the users context, by handler name (`Handler:` in this context's template.yaml).

use lambda::{
    Error, command, cursor::Cursors, handler, health::Health, http, limit::Limiter, outbox, policy::Limit, start,
    unknown_handler,
};
use users::{Users, api, authorizer, operator, seed, socket_authorizer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start()?;
    let users = || Users::connect(&config);
    let users_with_keys = || Users::connect(&config)?.with_keys(&config);
    let limiter = |limit| Limiter::connect(&config, limit);
    match handler()?.as_str() {
        "register" => http::serve_limited(api::ROUTES, limiter(Limit::Registrations)?, users()?, api::register).await,
        "login" => http::serve_limited(api::ROUTES, limiter(Limit::Logins)?, users_with_keys()?, api::login).await,
        "refresh" => http::serve(api::ROUTES, users_with_keys()?, api::refresh).await,
        "logout" => http::serve(api::ROUTES, users()?, api::logout).await,
        "jwks" => http::serve(api::ROUTES, users_with_keys()?, api::jwks).await,
        "authorizer" => authorizer::serve(users_with_keys()?).await,
        "socket-authorizer" => socket_authorizer::serve(users_with_keys()?).await,
        "get-profile" => http::serve(api::ROUTES, users()?, api::get_profile).await,
        "update-profile" => {
            http::serve_limited(api::ROUTES, limiter(Limit::Writes)?, users()?, api::update_profile).await
        }
        "list-users" => http::serve(api::ROUTES, (users()?, Cursors::from_env()?), api::list_users).await,
        "create-user" => http::serve_limited(api::ROUTES, limiter(Limit::Writes)?, users()?, api::create_user).await,
        "get-user" => http::serve(api::ROUTES, users()?, api::get_user).await,
        "update-user" => http::serve_limited(api::ROUTES, limiter(Limit::Writes)?, users()?, api::update_user).await,
        "delete-user" => http::serve_limited(api::ROUTES, limiter(Limit::Writes)?, users()?, api::delete_user).await,
        "change-role" => http::serve_limited(api::ROUTES, limiter(Limit::Writes)?, users()?, api::change_role).await,
        "user-stats" => http::serve(api::ROUTES, users()?, api::user_stats).await,
        "health" => http::serve(api::ROUTES, Health::connect(&config, "users")?, api::health).await,
        "publish" => outbox::serve(&config).await,
        "grant-role" => command::serve(users()?, operator::grant_role).await,
        "seed" => command::serve(users()?, seed::seed).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
