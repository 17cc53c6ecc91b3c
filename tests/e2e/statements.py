"""Makes the vectors of what people sign, without Bursar: agent/core/tests/vectors/{statement,vote}.

Prints one JSON object, path to content. Payloads by Python's json module, PAE by hand from the DSSE
specification, signatures by `cryptography` (ECDSA by RFC 6979, so that each run prints the same), Merkle
trees by hashlib; every envelope is verified by securesystemslib before it is printed.
To write the files: python statements.py | python -c 'import json, sys; [open(p, "w").write(t) for p, t in
json.load(sys.stdin).items()]' in agent/core/tests/vectors.
"""

import base64
import hashlib
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from envelope import ORDERS, tree, with_cryptography, with_library

HOME, LEDGER = "00112233445566778899aabbccddeeff", "11" * 32
DIGEST, POLICY, NEW = "22" * 32, "33" * 32, "44" * 32
SIGNED, EXPIRES = "2026-11-22T09:30:00Z", "2026-11-29T09:30:00Z"
WHY = 'Müller & Söhne "GmbH" \\ 17'


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def item(request, asked):
    """A waiting salary; no two have the same digest."""
    return {
        "home": HOME,
        "request": request,
        "account": "payroll",
        "ledger": LEDGER,
        "digest": hashlib.sha256(b"payment %d" % request).hexdigest(),
        "policy": POLICY,
        "expires": "2026-11-25T12:00:00.500Z",
    } | asked


def path(leaves, index):
    """RFC 6962, section 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return path(leaves[:k], index) + [tree(leaves[k:])]
    return path(leaves[k:], index - k) + [tree(leaves[:k])]


class Ed25519:
    name = "ed25519"

    def __init__(self):
        # RFC 8032, section 7.1, test 2.
        seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
        self.key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
        raw = self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.id = f"ed25519:{raw.hex()}"

    def sign(self, message):
        return self.key.sign(message)


class P256:
    name = "p256"

    def __init__(self):
        # RFC 6979, appendix A.2.5.
        secret = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
        self.key = ec.derive_private_key(secret, ec.SECP256R1())
        form = serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
        self.id = f"p256:{self.key.public_key().public_bytes(*form).hex()}"

    def sign(self, message):
        r, s = decode_dss_signature(self.key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
        return encode_dss_signature(r, min(s, ORDERS["p256"] - s))


SIGNERS = [Ed25519(), P256()]


def envelope(signer, noun, payload):
    kind = f"application/vnd.bursar.{noun}.v1+json"
    pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    made = {
        "payloadType": kind,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": signer.id, "sig": base64.b64encode(signer.sign(pae)).decode()}],
    }
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    pem = signer.key.public_key().public_bytes(*form).decode()
    with_library(signer.name, pem, made)
    with_cryptography(signer.name, pem, made)
    return pae, made


# Items of the first books said nothing of who asked; then somebody over the network, and one of a group.
ASKED = [{}, {"requester": "rita"}, {"requester": "clerks", "uid": 1001}]
LEAVES = [[compact(item(n, asked)) for n in range(1, 41)] for asked in ASKED]
DECISION = {"verdict": "refuse", "signed": SIGNED, "expires": EXPIRES, "why": WHY}
STATEMENTS = {
    "approval": {"approver": "anna", "verdict": "refuse", "count": 40, "root": tree(LEAVES[0]).hex()}
    | {"signed": SIGNED, "expires": EXPIRES, "why": WHY},
    "policy": {"version": 7, "sha256": NEW, "previous": POLICY, "home": HOME, "administrator": "anna"} | DECISION,
    "break-glass": {"version": 8, "sha256": NEW, "previous": POLICY, "home": HOME, "approver": "anna"} | DECISION,
    "freeze": {"home": HOME, "account": "payroll", "approver": "anna", "why": WHY, "signed": SIGNED}
    | {"nonce": "000102030405060708090a0b0c0d0e0f"},
    "lift": {"home": HOME, "account": "payroll", "freeze": "55" * 32, "approver": "anna", "signed": SIGNED}
    | {"expires": EXPIRES, "verdict": "refuse", "why": WHY},
}


def statement(noun, fields):
    cases = []
    for signer in SIGNERS:
        payload = compact(fields)
        pae, made = envelope(signer, noun, payload)
        cases.append(
            {
                "name": f"{noun} {signer.name}",
                "noun": noun,
                "key": signer.id,
                "payload": payload.decode(),
                "pae_sha256": hashlib.sha256(pae).hexdigest(),
                "envelope": compact(made).decode(),
            }
        )
    return {"source": "tests/e2e/statements.py: Python json, cryptography and securesystemslib", "cases": cases}


def votes():
    """Ballots on 1, 2, 3, 5 and 40 items: one vote at each end and in between."""
    cases = []
    for count, who in [(1, 0), (2, 0), (3, 0), (5, 0), (40, 0), (1, 1), (5, 1), (1, 2), (5, 2)]:
        leaves, asked = LEAVES[who][:count], ASKED[who]
        by = "".join(f" for {name}" for name in asked.values())
        for signer in SIGNERS:
            fields = STATEMENTS["approval"] | {"verdict": "approve", "count": count, "root": tree(leaves).hex(), "why": ""}
            _, made = envelope(signer, "approval", compact(fields))
            for index in sorted({0, count // 2, count - 1}):
                proof = [node.hex() for node in path(leaves, index)]
                vote = {"envelope": made, "item": item(index + 1, asked), "index": index, "proof": proof}
                cases.append(
                    {
                        "name": f"{index} of {count} {signer.name}{by}",
                        "count": count,
                        "request": index + 1,
                        "root": tree(leaves).hex(),
                        "leaf": leaves[index].decode(),
                        "vote": compact(vote).decode(),
                    }
                )
    return {"source": "tests/e2e/statements.py: Python json, hashlib, cryptography and securesystemslib", "cases": cases}


def main():
    files = {f"statement/{noun}.json": statement(noun, fields) for noun, fields in STATEMENTS.items()}
    files["vote/batch.json"] = votes()
    texts = {name: json.dumps(value, ensure_ascii=False, indent=2) + "\n" for name, value in files.items()}
    print(json.dumps(texts, ensure_ascii=False))


main()
