//! Every route, and who may use it. There is no other way to add one.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{self, MethodRouter};
use serde_json::json;

use super::caller::{Caller, Stranger};
use super::error::{self, Problem};
use super::input::announced;
use super::routes::{audit, freezes, health, inbox, keys, ledger, policy, proposals, spends};
use super::{MAX_BUNDLE, PROPOSALS, Shared, openapi};
use crate::book::turned_away::Refusal;
use crate::caller::{Role, Roles};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Every user of this machine who reaches the socket, and every caller that has a name.
    Nothing,
    /// A caller with one of these roles.
    OneOf(Roles),
}

/// A route and who may use it.
pub struct Route {
    method: &'static str,
    path: &'static str,
    needs: Needs,
    handler: MethodRouter<Shared>,
}

const ANYBODY: Needs = Needs::Nothing;
const ANY_ROLE: Needs = Needs::OneOf(Roles::ALL);
const REQUESTER: Needs = Needs::OneOf(Roles::of(&[Role::Requester]));
const AUDITOR: Needs = Needs::OneOf(Roles::of(&[Role::Auditor, Role::Administrator]));
const APPROVER: Needs = Needs::OneOf(Roles::of(&[Role::Approver]));
/// Whoever decides about the policy: in the ordinary way, or by break-glass.
const PEOPLE: Needs = Needs::OneOf(Roles::of(&[Role::Approver, Role::Administrator]));
const ADMINISTRATOR: Needs = Needs::OneOf(Roles::of(&[Role::Administrator]));

/// The whole API.
fn routes() -> Vec<Route> {
    vec![
        post("/v1/spends", REQUESTER, spends::create),
        get("/v1/spends", ANY_ROLE, spends::list),
        get("/v1/spends/{id}", ANY_ROLE, spends::show),
        get("/v1/spends/{id}/envelope", ANY_ROLE, spends::envelope),
        get("/v1/spends/{id}/receipt", ANY_ROLE, spends::receipt),
        get("/v1/spends/{id}/approvals", ANY_ROLE, inbox::approvals),
        get("/v1/inbox", ANY_ROLE, inbox::show),
        post("/v1/votes", APPROVER, inbox::vote),
        post("/v1/freezes", APPROVER, freezes::freeze),
        post("/v1/lifts", APPROVER, freezes::lift),
        get("/v1/policy/bundle", ANY_ROLE, proposals::in_force),
        get("/v1/policy/lineage", ANY_ROLE, proposals::lineage),
        post("/v1/proposals", PEOPLE, proposals::propose),
        get("/v1/proposals/{id}/bundle", ANY_ROLE, proposals::bundle),
        post("/v1/proposals/{id}/install", PEOPLE, proposals::install),
        post("/v1/agreements", PEOPLE, proposals::agree),
        get("/v1/accounts", ANY_ROLE, keys::accounts),
        get("/v1/keys", ANY_ROLE, keys::keys),
        get("/v1/policy", ANY_ROLE, policy::show),
        post("/v1/policy/explain", REQUESTER, policy::explain),
        get("/v1/audit/records", AUDITOR, audit::records),
        get("/v1/audit/checkpoint", AUDITOR, audit::checkpoint),
        get("/v1/ledger", ANY_ROLE, ledger::show),
        post("/v1/clock/confirm", ADMINISTRATOR, health::confirm_clock),
        get("/healthz", ANYBODY, health::live),
        get("/readyz", ANYBODY, health::ready),
        get("/openapi.json", ANYBODY, openapi::document),
    ]
}

/// Reads.
fn get<T: 'static>(path: &'static str, needs: Needs, handler: impl Handler<T, Shared>) -> Route {
    Route { method: "GET", path, needs, handler: routing::get(handler) }
}

/// Changes something, or has a body.
fn post<T: 'static>(path: &'static str, needs: Needs, handler: impl Handler<T, Shared>) -> Route {
    Route { method: "POST", path, needs, handler: routing::post(handler) }
}

/// What the record says of a request for something that there is not: it is the caller who chooses paths
/// and methods, and not what stands in the log.
const NO_ROUTE: &str = "no such route";
const NO_METHOD: &str = "no such method";

/// Every route behind its check; what is no route is behind one, too, so that nobody who has no name
/// here hears what there is.
pub fn router(shared: &Shared) -> Router<Shared> {
    let gate = |route: String, needs: Needs| Gate { shared: shared.clone(), route, needs };
    let router =
        routes().into_iter().fold(Router::new(), |router, Route { method, path, needs, handler }| {
            let gate = gate(format!("{method} {path}"), needs);
            let handler =
                handler.route_layer(from_fn(announced)).route_layer(from_fn_with_state(gate, check));
            // Inside the check: only those who may send it have a large body read.
            router.route(
                path,
                if path == PROPOSALS { handler.layer(DefaultBodyLimit::max(MAX_BUNDLE)) } else { handler },
            )
        });
    let nowhere = |route: &str| from_fn_with_state(gate(route.to_owned(), ANY_ROLE), check);
    router
        .fallback(error::no_route.layer(nowhere(NO_ROUTE)))
        .method_not_allowed_fallback(error::no_method.layer(nowhere(NO_METHOD)))
}

/// Stands before a route.
#[derive(Clone)]
struct Gate {
    shared: Shared,
    route: String,
    needs: Needs,
}

/// Does a browser ask that shows a page of somebody else? It would do so with the certificate of
/// whoever sits before it (Fetch Metadata, and RFC 6454, section 7).
fn is_foreign_page(headers: &HeaderMap) -> bool {
    let own = |value: &HeaderValue| value == "same-origin" || value == "none";
    let is_foreign = headers.get_all("sec-fetch-site").iter().any(|site| !own(site));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let at_home = |origin: &HeaderValue| {
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        origin.is_some_and(|(_, origin)| Some(origin) == host)
    };
    is_foreign || headers.get_all(ORIGIN).iter().any(|origin| !at_home(origin))
}

/// Lets through who may; anybody else is turned away before the request's body is read.
async fn check(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    if is_foreign_page(request.headers()) {
        let detail = "a browser asks for a page of somebody else, who may not use this agent through it";
        return Problem::new(403, "foreign-page", "No page of others may ask", detail.to_owned())
            .into_response();
    }
    let nobody = Caller::Stranger(Stranger::Nobody);
    let caller = request.extensions().get::<Caller>().cloned().unwrap_or(nobody);
    let Err((why, problem)) = allowed(&caller, gate.needs) else { return next.run(request).await };
    let refusal =
        Refusal { who: caller.to_string(), route: gate.route.clone(), why: why.clone(), code: None };
    // Turned away all the same: that it is not written down gives nobody a right.
    match gate.shared.agent.book.turned_away(refusal).await {
        // The log is as bounded as the record is.
        Ok(true) => tracing::info!(%caller, route = gate.route, why, "turned away"),
        Ok(false) => {}
        Err(error) => tracing::error!(%error, "a refusal was not recorded"),
    }
    problem.into_response()
}

/// May it? If not, why not, for the audit log and for the caller.
fn allowed(caller: &Caller, needs: Needs) -> Result<(), (String, Problem)> {
    match (caller, needs) {
        (Caller::Known(_), Needs::Nothing) => Ok(()),
        (Caller::Known(identity), Needs::OneOf(roles)) if roles.meets(identity.roles) => Ok(()),
        (Caller::Known(identity), Needs::OneOf(roles)) => {
            let has: Vec<_> = identity.roles.iter().map(Role::as_str).collect();
            let why = format!("it needs the role {roles}, and has {}", has.join(", "));
            let name = &identity.name;
            let detail = format!(
                "this needs the role {roles}, and {name} has {}; whoever runs the agent can add one to `roles` under \
                 [callers.{name}] in config.toml and start it again",
                has.join(", ")
            );
            let needed: Vec<_> = roles.iter().map(Role::as_str).collect();
            let problem = Problem::new(403, "role", "The caller has not the role for this", detail)
                .with("needs", json!(needed))
                .with("has", json!(has));
            Err((why, problem))
        }
        (Caller::Stranger(stranger), Needs::Nothing) if stranger.is_local() => Ok(()),
        (Caller::Stranger(stranger), _) => Err(("unknown caller".to_owned(), stranger.problem())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;
    use crate::caller::Identity;

    #[test]
    fn pages_of_others_are_told_by_their_headers() {
        let table: [(&[(&str, &str)], bool); 9] = [
            (&[], false),
            (&[("host", "bursar:7420")], false),
            (&[("host", "bursar:7420"), ("origin", "https://bursar:7420")], false),
            (&[("host", "bursar:7420"), ("origin", "https://evil.example")], true),
            (&[("host", "bursar:7420"), ("origin", "null")], true),
            (&[("origin", "https://bursar:7420")], true),
            (&[("host", "bursar:7420"), ("sec-fetch-site", "cross-site")], true),
            (&[("host", "bursar:7420"), ("sec-fetch-site", "same-origin")], false),
            (&[("host", "bursar:7420"), ("sec-fetch-site", "none")], false),
        ];
        for (headers, foreign) in table {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(is_foreign_page(&map), foreign, "{headers:?}");
        }
    }

    #[test]
    fn what_is_described_is_what_there_is() {
        let described: serde_json::Value = serde_json::from_str(&openapi::text()).unwrap();
        let mut expected = BTreeSet::from(["GET /openapi.json".to_owned()]);
        for (path, methods) in described["paths"].as_object().unwrap() {
            let methods = methods.as_object().unwrap().keys();
            expected.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
        }
        let routes = routes();
        let found: BTreeSet<_> =
            routes.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
        assert_eq!(found, expected);
        assert_eq!(routes.len(), expected.len(), "each once");
    }

    #[test]
    fn case_table() {
        let with = |roles: &[Role]| {
            let roles = Roles::of(roles);
            Caller::Known(Identity { name: "anna".parse().unwrap(), roles, user: None })
        };
        let certificate = crate::tls::fingerprint::Fingerprint::of(b"");
        let may = |caller: &Caller| {
            [ANYBODY, ANY_ROLE, REQUESTER, AUDITOR, ADMINISTRATOR].map(|needs| allowed(caller, needs).is_ok())
        };
        let (t, f) = (true, false);
        for (caller, expected) in [
            (with(&[Role::Requester]), [t, t, t, f, f]),
            (with(&[Role::Approver]), [t, t, f, f, f]),
            (with(&[Role::Auditor]), [t, t, f, t, f]),
            (with(&[Role::Administrator]), [t, t, f, t, t]),
            (with(&[Role::Node]), [t, t, f, f, f]),
            (with(&[Role::Requester, Role::Auditor]), [t, t, t, t, f]),
            (Caller::Stranger(Stranger::User(1, 1)), [t, f, f, f, f]),
            (Caller::Stranger(Stranger::Certificate(certificate)), [f, f, f, f, f]),
            (Caller::Stranger(Stranger::Nobody), [f, f, f, f, f]),
        ] {
            assert_eq!(may(&caller), expected, "{caller} {caller:?}");
        }
        let (why, _) = allowed(&with(&[Role::Requester, Role::Node]), AUDITOR).unwrap_err();
        assert_eq!(why, "it needs the role auditor or administrator, and has requester, node");
    }
}
