//! HTTP/1.1 over a Unix socket, written out by hand: one connection, one request at a time.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use bursar::book::inbox::{Inbox, Payment, Proposal};
use bursar_core::approval::{Signed, Statement, Vote};
use serde_json::{Value, json};

/// A connection to an agent.
#[derive(Debug)]
pub struct Api {
    stream: BufReader<UnixStream>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header lines.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// One header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl Api {
    /// Connects.
    pub fn connect(socket: &Path) -> std::io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { stream: BufReader::with_capacity(16 * 1024, stream) })
    }

    /// The socket itself, for a test that writes what no client would.
    pub fn raw(&mut self) -> &mut UnixStream {
        self.stream.get_mut()
    }

    /// Sends a request and reads its answer.
    pub fn send(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> std::io::Result<Answer> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: bursar\r\n{headers}").into_bytes();
        if !body.is_empty() || method == "POST" {
            request.extend_from_slice(
                format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()).as_bytes(),
            );
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request)?;
        self.read()
    }

    /// Reads one answer.
    pub fn read(&mut self) -> std::io::Result<Answer> {
        let wrong = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| wrong(&line))?;
        let (mut headers, mut length) = (Vec::new(), 0);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().map_err(|_| wrong(&line))?;
            }
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, headers, body })
    }

    /// GET, as JSON with its status.
    pub fn get(&mut self, path: &str) -> (u16, Value) {
        let answer = self.send("GET", path, "", b"").expect("an answer");
        (answer.status, answer.json())
    }

    /// POST of JSON; the status and the body.
    pub fn send_json(&mut self, path: &str, body: &str) -> (u16, Value) {
        let answer = self.send("POST", path, "", body.as_bytes()).expect("an answer");
        (answer.status, answer.json())
    }

    /// What waits for people, all of it.
    pub fn inbox(&mut self) -> Inbox {
        let mut inbox = self.inbox_page("?limit=1000");
        while let Some(after) = inbox.next {
            let more = self.inbox_page(&format!("?limit=1000&after={after}"));
            inbox.payments.extend(more.payments);
            inbox.next = more.next;
        }
        inbox
    }

    /// One page of it.
    pub fn inbox_page(&mut self, query: &str) -> Inbox {
        let answer = self.send("GET", &format!("/v1/inbox{query}"), "", b"").expect("an answer");
        serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
    }

    /// The one payment that waits under this id, or the test ends.
    pub fn waiting(&mut self, spend: u64) -> Payment {
        let mut inbox = self.inbox().payments.into_iter();
        inbox.find(|payment| payment.item.request == spend).expect("it waits")
    }

    /// Sends a decision on a payment.
    pub fn vote(&mut self, vote: &Vote) -> (u16, Value) {
        self.send_json("/v1/votes", &vote.to_json())
    }

    /// The text of the bundle in force.
    pub fn bundle(&mut self) -> String {
        let answer = self.send("GET", "/v1/policy/bundle", "", b"").expect("an answer");
        String::from_utf8(answer.body).expect("text")
    }

    /// Puts a bundle forward; its number, or the refusal.
    pub fn propose(&mut self, bundle: &str, way: &str) -> Result<Proposal, Value> {
        let body = json!({ "bundle": bundle, "way": way }).to_string();
        match self.send_json("/v1/proposals", &body) {
            (200, put) => {
                let mut inbox = self.inbox().proposals.into_iter();
                Ok(inbox.find(|known| put["proposal"] == known.proposal).expect("it is listed"))
            }
            (_, refused) => Err(refused),
        }
    }

    /// Sends a decision on a bundle.
    pub fn agree<T: Statement>(&mut self, statement: &Signed<T>) -> (u16, Value) {
        self.send_json("/v1/agreements", &statement.to_json())
    }

    /// Puts a bundle in force.
    pub fn install(&mut self, proposal: u64) -> (u16, Value) {
        self.send_json(&format!("/v1/proposals/{proposal}/install"), "")
    }

    /// Asks until a spend is in this state.
    pub fn until(&mut self, spend: u64, state: &str) -> Value {
        let begun = std::time::Instant::now();
        loop {
            let (_, found) = self.get(&format!("/v1/spends/{spend}"));
            if found["state"] == state {
                return found;
            }
            assert!(begun.elapsed() < Duration::from_secs(9), "it stays {found}");
        }
    }

    /// POST without a body.
    pub fn post(&mut self, path: &str) -> Answer {
        self.send("POST", path, "", b"").expect("an answer")
    }

    /// Asks for a payment; the status and the body.
    pub fn pay(&mut self, key: &str, from: &str, to: &str, amount: &str) -> (u16, Value) {
        let answer = self.try_pay(key, from, to, amount).expect("an answer");
        (answer.status, answer.json())
    }

    /// Asks for a payment of an agent that may die meanwhile.
    pub fn try_pay(&mut self, key: &str, from: &str, to: &str, amount: &str) -> std::io::Result<Answer> {
        let body = json!({ "from": from, "to": to, "amount": amount }).to_string();
        self.ask(key, &body)
    }

    /// Asks for an issue; the status and the body.
    pub fn issue(&mut self, key: &str, from: &str, to: &str, amount: &str) -> (u16, Value) {
        let body = json!({ "action": "issue", "from": from, "to": to, "amount": amount }).to_string();
        let answer = self.ask(key, &body).expect("an answer");
        (answer.status, answer.json())
    }

    /// Asks for a payment whose memo is its key, so that it can be found on the ledger.
    pub fn marked(&mut self, key: &str, to: &str, amount: &str) -> std::io::Result<Answer> {
        let body = json!({ "from": "expenses", "to": to, "amount": amount, "memo": key }).to_string();
        self.ask(key, &body)
    }

    /// Asks for a payment with this body, whatever it is.
    pub fn ask(&mut self, key: &str, body: &str) -> std::io::Result<Answer> {
        self.send("POST", "/v1/spends", &format!("Idempotency-Key: {key}\r\n"), body.as_bytes())
    }
}
