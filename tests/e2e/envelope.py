"""Verifies what Bursar signed with libraries that are not Bursar's.

Reads one JSON object from standard input:
  {"envelopes": [{"algorithm", "pem", "envelope"}], "logs": [{"checkpoint", "pem", "leaves": [base64]}],
   "export": path, "export_pem": PEM}
and prints what it has verified, one word and number a line. Anything that does not hold ends it.

DSSE: securesystemslib (https://github.com/secure-systems-lab/dsse), for secp256k1 `cryptography` alone.
Checkpoints: https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note. Trees: RFC 6962, section 2.1.
"""

import base64
import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

CURVES = {"p256": ("secp256r1", 32), "secp256k1": ("secp256k1", 32)}
ORDERS = {
    # SEC 2, sections 2.4.2 and 2.4.1.
    "p256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp256k1": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
}


def load(pem):
    return serialization.load_pem_public_key(pem.encode())


def with_library(algorithm, pem, envelope):
    """securesystemslib reads, recomputes the PAE and verifies; a changed payload or type is refused."""
    parsed = Envelope.from_dict(json.loads(json.dumps(envelope)))
    keyid = envelope["signatures"][0]["keyid"]
    key = SSlibKey.from_crypto(load(pem), keyid=keyid)
    assert set(parsed.verify([key], 1)) == {keyid}, "not accepted"
    for member, other in (("payload", b'{"amount":"1"}'), ("payload_type", "application/json")):
        parsed = Envelope.from_dict(json.loads(json.dumps(envelope)))
        setattr(parsed, member, other)
        try:
            parsed.verify([key], 1)
        except VerificationError:
            continue
        raise SystemExit(f"{algorithm}: another {member} was accepted")


def with_cryptography(algorithm, pem, envelope):
    """The same by hand, from the text of the specification."""
    kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"], validate=True)
    pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
    key = load(pem)
    arguments = () if algorithm == "ed25519" else (ec.ECDSA(hashes.SHA256()),)
    key.verify(signature, pae, *arguments)
    try:
        key.verify(signature, pae + b" ", *arguments)
    except InvalidSignature:
        pass
    else:
        raise SystemExit(f"{algorithm}: another payload was accepted")
    if algorithm != "ed25519":
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        _, s = decode_dss_signature(signature)
        assert 0 < s <= ORDERS[algorithm] // 2, "high S"
        assert key.curve.name == CURVES[algorithm][0], key.curve.name


def tree(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return hashlib.sha256(b"\x01" + tree(leaves[:middle]) + tree(leaves[middle:])).digest()


def checkpoint(note, pem, leaves):
    """One signature line by this key over the text, and the root is that of the leaves."""
    text, lines = note.rsplit("\n\n", 1)
    text += "\n"
    origin, size, root = text.split("\n")[:3]
    assert text.count("\n") == 3, "extension lines"
    key = load(pem)
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    assert lines.endswith("\n") and lines.count("\n") == 1, "one signature"
    dash, name, encoded = lines.strip("\n").split(" ")
    assert (dash, name) == ("\u2014", origin), lines
    blob = base64.b64decode(encoded, validate=True)
    assert blob[:4] == hashlib.sha256(name.encode() + b"\n\x01" + raw).digest()[:4], "key id"
    key.verify(blob[4:], text.encode())
    assert int(size) == len(leaves), (size, len(leaves))
    assert base64.b64decode(root, validate=True) == tree(leaves), "root"


def export(path, pem):
    """Each line's record in its exact bytes, its hash, and the checkpoint at the end."""
    leaves = []
    with open(path, encoding="utf-8", newline="\n") as file:
        lines = file.read().split("\n")
    assert lines.pop() == "", "no end"
    for line in lines[:-1]:
        digest, record = json.loads(line)["hash"], line[line.index('"record":') + 9 : -1]
        leaves.append(record.encode())
        assert hashlib.sha256(b"\x00" + leaves[-1]).hexdigest() == digest, line
    checkpoint(json.loads(lines[-1])["checkpoint"], pem, leaves)
    return len(leaves)


def main():
    given = json.load(sys.stdin)
    for one in given["envelopes"]:
        if one["algorithm"] != "secp256k1":
            with_library(one["algorithm"], one["pem"], one["envelope"])
        with_cryptography(one["algorithm"], one["pem"], one["envelope"])
        print("envelope", one["algorithm"])
    for log in given["logs"]:
        leaves = [base64.b64decode(leaf, validate=True) for leaf in log["leaves"]]
        checkpoint(log["checkpoint"], log["pem"], leaves)
        print("log", len(leaves))
    print("export", export(given["export"], given["export_pem"]))


if __name__ == "__main__":
    main()
