"""Verifies the approvals of a payment without Bursar: {"votes": …} of GET /v1/spends/ID/approvals.

Reads the list of votes as JSON from standard input and prints `NAME VERDICT DIGEST` for each. Envelopes by
securesystemslib and `cryptography` (see envelope.py), the proof by RFC 9162, section 2.1.3.2.
"""

import base64
import hashlib
import json
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from envelope import with_cryptography, with_library


def public(keyid):
    algorithm, raw = keyid.split(":")
    raw = bytes.fromhex(raw)
    if algorithm == "ed25519":
        key = ed25519.Ed25519PublicKey.from_public_bytes(raw)
    else:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return algorithm, key.public_bytes(*form).decode()


def root(leaf, index, size, proof):
    fn, sn, value = index, size - 1, hashlib.sha256(b"\x00" + leaf).digest()
    for node in proof:
        assert sn > 0, "too long"
        if fn & 1 or fn == sn:
            value = hashlib.sha256(b"\x01" + node + value).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            value = hashlib.sha256(b"\x01" + value + node).digest()
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0, "too short"
    return value


for vote in json.load(sys.stdin):
    envelope, item = vote["envelope"], vote["item"]
    algorithm, pem = public(envelope["signatures"][0]["keyid"])
    with_library(algorithm, pem, envelope)
    with_cryptography(algorithm, pem, envelope)
    assert envelope["payloadType"] == "application/vnd.bursar.approval.v1+json", envelope
    ballot = json.loads(base64.b64decode(envelope["payload"]))
    order = ["home", "request", "account", "ledger", "digest", "policy", "expires", "requester", "uid"]
    leaf = json.dumps({name: item[name] for name in order if name in item}, ensure_ascii=False, separators=(",", ":")).encode()
    proof = [bytes.fromhex(node) for node in vote["proof"]]
    assert root(leaf, vote["index"], ballot["count"], proof).hex() == ballot["root"], "root"
    print(ballot["approver"], ballot["verdict"], item["digest"])
