"""Reads an attestation with libraries of others: a file of two certificates, the key's and the device's.

Verifies the key's signature with the device's key, and the device's own with itself; prints what the
key's says as JSON. The extensions: https://docs.yubico.com/hardware/oid/oid-product-arc.html
"""

import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def tagged(value, tag):
    """The content of the one DER value of this type."""
    assert value[0] == tag and value[1] < 0x80 and len(value) == 2 + value[1], value.hex()
    return value[2:]


def bits(value):
    """A bit string without unused bits, as a number."""
    content = tagged(value, 0x03)
    assert content[0] == 0, value.hex()
    return int.from_bytes(content[1:], "big")


def number(value):
    return int.from_bytes(tagged(value, 0x02), "big", signed=True)


with open(sys.argv[1], "rb") as file:
    key, device = x509.load_pem_x509_certificates(file.read())
key.verify_directly_issued_by(device)
device.verify_directly_issued_by(device)

arc = "1.3.6.1.4.1.41482.4."
found = {
    extension.oid.dotted_string.removeprefix(arc): extension.value.value
    for extension in key.extensions
    if extension.oid.dotted_string.startswith(arc)
}
public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
print(
    json.dumps(
        {
            "firmware": list(tagged(found["1"], 0x04)),
            "serial": number(found["2"]),
            "origin": bits(found["3"]),
            "domains": bits(found["4"]),
            "capabilities": bits(found["5"]),
            "id": number(found["6"]),
            "label": tagged(found["9"], 0x0C).decode(),
            "public": public.decode(),
        }
    )
)
