//! The control endpoint: `POST /control/FAULT` lets a fault happen, `GET /control` tells how the device is.

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};

use super::answer::{Answer, json, not_allowed, plain};
use super::body;
use crate::control::{Condition, ControlError};
use crate::fault::{Fault, Number};
use crate::unit::Unit;

pub(super) const PATH: &str = "/control";
/// What a fault's name comes after.
pub(super) const FAULTS: &str = "/control/";
/// Largest body in bytes.
const BODY: usize = 1024;

pub(super) fn is_off() -> Answer {
    plain(StatusCode::NOT_FOUND, "there is no control endpoint; start firmware-sim with --control\n")
}

/// The body is empty, or JSON: `{"times": 3}` or `{"seconds": 31}`.
pub(super) async fn answer(request: Request<Incoming>, unit: Unit) -> Answer {
    let name = request.uri().path().strip_prefix(FAULTS).map(str::to_owned);
    match (request.method(), name) {
        (&Method::GET, None) => told(*unit.condition().borrow()),
        (&Method::POST, Some(name)) => match body(request.into_body(), BODY).await {
            Ok(body) => inject(&name, &body, &unit).await,
            Err(refused) => refused,
        },
        (_, None) => not_allowed("GET"),
        (_, Some(_)) => not_allowed("POST"),
    }
}

async fn inject(name: &str, body: &[u8], unit: &Unit) -> Answer {
    let number =
        if body.trim_ascii().is_empty() { Ok(Number::default()) } else { serde_json::from_slice(body) };
    let number = match number {
        Ok(number) => number,
        Err(why) => {
            let text = format!("the body is not {{\"times\": 3}} or {{\"seconds\": 31}}: {why}\n");
            return plain(StatusCode::BAD_REQUEST, text);
        }
    };
    let fault = match Fault::named(name, number) {
        Ok(fault) => fault,
        Err(why) => return plain(StatusCode::BAD_REQUEST, format!("{why}\n")),
    };
    match unit.inject(fault).await {
        Ok(condition) => told(condition),
        Err(why @ ControlError::Unplugged) => plain(StatusCode::CONFLICT, format!("{why}\n")),
        Err(why) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{why}\n")),
    }
}

fn told(condition: Condition) -> Answer {
    match serde_json::to_string(&condition) {
        Ok(text) => json(text + "\n"),
        Err(why) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{why}\n")),
    }
}
