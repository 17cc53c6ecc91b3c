"""Checks wrapped objects byte by byte against a running simulator, with none of its code.

Needs the packages `yubihsm[http]` and `cryptography`:

    python wrapped_objects.py http://127.0.0.1:12345     checks; everything in the device is deleted
    python wrapped_objects.py --vectors FILE             writes objects that Python wrapped

The layout is that of Yubico's yubihsm-wrap.
"""

import hashlib
import json
import os
import struct
import sys

from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.serialization import (
    Encoding, NoEncryption, PrivateFormat, PublicFormat, load_der_private_key,
)

HEADER = "!B Q HHH BBBB 40s"
FIELDS = "wrapping capabilities id length domains kind algorithm sequence origin label".split()
CCM = {16: 29, 24: 41, 32: 42}


def wrap(key, capabilities, id, domains, kind, algorithm, label, body, sequence=0, origin=2):
    header = struct.pack(
        HEADER, CCM[len(key)], capabilities, id, len(body), domains, kind, algorithm, sequence, origin, label
    )
    nonce = os.urandom(13)
    return nonce + AESCCM(key).encrypt(nonce, header + body, None)


def unwrap(key, wrapped):
    plain = AESCCM(key).decrypt(wrapped[:13], wrapped[13:], None)
    size = struct.calcsize(HEADER)
    assert size == 59
    return dict(zip(FIELDS, struct.unpack(HEADER, plain[:size]))), plain[size:]


def expanded(seed):
    """Of an Ed25519 key: clamped scalar, big-endian; prefix; public key."""
    digest = bytearray(hashlib.sha512(seed).digest())
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    public = ed25519.Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return bytes(digest[31::-1] + digest[32:]) + public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def hmac_body(key, block):
    key = key.ljust(block, b"\0")
    return bytes(k ^ 0x36 for k in key) + bytes(k ^ 0x5C for k in key)


def vectors():
    seed = os.urandom(32)
    objects = [
        (3, 46, expanded(seed)),
        (3, 46, expanded(seed) + seed),
        (5, 20, hmac_body(os.urandom(20), 64)),
        (2, 38, struct.pack("!Q", 0x1122334455667788) + os.urandom(32)),
        (4, 42, struct.pack("!Q", 0x10000) + os.urandom(32)),
        (1, 30, os.urandom(100)),
        (7, 40, os.urandom(36)),
        (8, 52, os.urandom(32)),
    ]
    for number, (kind, algorithm, body) in enumerate(objects):
        key = os.urandom((16, 24, 32)[number % 3])
        fields = dict(
            capabilities=0x10100, id=0x1234 + number, domains=0x8001, kind=kind, algorithm=algorithm,
            label=(b"vector %d" % number).ljust(40, b"\0"), sequence=number, origin=1 + number % 2,
        )
        wrapped = wrap(key, body=body, **fields)
        fields["label"] = fields["label"].hex()
        yield dict(key=key.hex(), wrapped=wrapped.hex(), body=body.hex(), **fields)


def check(url):
    from yubihsm import YubiHsm
    from yubihsm.defs import ALGORITHM, CAPABILITY, ERROR, OBJECT
    from yubihsm.exceptions import YubiHsmDeviceError
    from yubihsm.objects import (
        AsymmetricKey, AuthenticationKey, HmacKey, Opaque, OtpAeadKey, SymmetricKey, WrapKey,
    )

    def refused(code, call, *arguments):
        try:
            call(*arguments)
        except YubiHsmDeviceError as error:
            assert error.code == code, error
        else:
            raise AssertionError("not refused")

    hsm = YubiHsm.connect(url)
    session = hsm.create_session_derived(1, "password")
    session.reset_device()
    hsm.close()
    hsm = YubiHsm.connect(url)
    session = hsm.create_session_derived(1, "password")

    every = CAPABILITY((1 << 56) - 1)
    exportable = CAPABILITY.EXPORTABLE_UNDER_WRAP
    for size, algorithm in ((16, ALGORITHM.AES128_CCM_WRAP), (24, ALGORITHM.AES192_CCM_WRAP),
                            (32, ALGORITHM.AES256_CCM_WRAP)):
        raw = os.urandom(size)
        key = WrapKey.put(session, 100, "wrap", 1, every, algorithm, every, raw)
        check_objects(session, key, raw, exportable)
        check_data(key, raw)
        key.delete()
    check_rules(session, every, exportable, refused)
    check_rsa(session, every, exportable, refused)
    hsm.close()
    print("wrapped objects: every field is right")


def check_objects(session, key, raw, exportable):
    from yubihsm.defs import ALGORITHM, CAPABILITY, OBJECT
    from yubihsm.objects import (
        AsymmetricKey, AuthenticationKey, HmacKey, Opaque, OtpAeadKey, SymmetricKey, WrapKey,
    )

    ed = ed25519.Ed25519PrivateKey.generate()
    seed = ed.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    p384 = ec.generate_private_key(ec.SECP384R1())
    numbers = p384.private_numbers()
    point = numbers.public_numbers
    eddsa, ecdsa = exportable | CAPABILITY.SIGN_EDDSA, exportable | CAPABILITY.SIGN_ECDSA
    sign = exportable | CAPABILITY.SIGN_HMAC
    opaque, aes, secret = os.urandom(77), os.urandom(24), os.urandom(16)
    delegated = CAPABILITY.SIGN_ECDSA | CAPABILITY.GET_OPAQUE
    d = struct.pack("!Q", delegated)
    objects = [
        (AsymmetricKey.put(session, 7, "ed", 0x8001, eddsa, ed), 46, expanded(seed)),
        (AsymmetricKey.put(session, 8, "p384", 0x8001, ecdsa, p384), 13,
         b"".join(n.to_bytes(48, "big") for n in (numbers.private_value, point.x, point.y))),
        (HmacKey.put(session, 9, "hmac", 0x8001, sign, secret, ALGORITHM.HMAC_SHA512), 22,
         hmac_body(secret, 128)),
        (Opaque.put(session, 10, "opaque", 0x8001, exportable, ALGORITHM.OPAQUE_DATA, opaque), 30, opaque),
        (SymmetricKey.put(session, 11, "aes", 0x8001, exportable, ALGORITHM.AES192, aes), 51, aes),
        (OtpAeadKey.put(session, 12, "otp", 0x8001, exportable, ALGORITHM.AES192_YUBICO_OTP, 0x01020304, aes),
         39, b"\4\3\2\1" + aes),
        (WrapKey.put(session, 13, "wrap", 0x8001, exportable, ALGORITHM.AES192_CCM_WRAP, delegated, aes), 41,
         d + aes),
        (AuthenticationKey.put(session, 14, "auth", 0x8001, exportable, delegated, secret, secret[::-1]), 38,
         d + secret + secret[::-1]),
    ]
    for obj, algorithm, body in objects:
        info = obj.get_info()
        wrapped = key.export_wrapped(obj)
        assert wrapped != key.export_wrapped(obj)
        header, got = unwrap(raw, wrapped)
        assert got == body, obj
        assert header == dict(
            wrapping=CCM[len(raw)], capabilities=info.capabilities, id=obj.id, length=len(body), domains=0x8001,
            kind=obj.object_type, algorithm=algorithm, sequence=info.sequence, origin=2,
            label=info.label.encode().ljust(40, b"\0"),
        ), (obj, header)
        obj.delete()
        again = key.import_wrapped(wrapped)
        back = again.get_info()
        assert (back.origin, back.delegated_capabilities) == (0x12, info.delegated_capabilities)
        again.delete()
        # One that Python made is taken as well, and comes out as it went in.
        fields = dict(capabilities=int(info.capabilities), id=obj.id, domains=1, kind=obj.object_type,
                      algorithm=algorithm, label=b"from Python".ljust(40, b"\0"))
        made = key.import_wrapped(wrap(raw, body=body, **fields))
        assert made.get_info().label == "from Python"
        header, got = unwrap(raw, key.export_wrapped(made))
        assert (got, header["origin"], header["domains"]) == (body, 0x12, 1)
        made.delete()

    with_seed = AsymmetricKey.put(session, 7, "ed", 1, eddsa, ed)
    assert with_seed.get_info().size == 128
    wrapped = key.export_wrapped(with_seed, True)
    assert unwrap(raw, wrapped)[1] == expanded(seed) + seed
    with_seed.delete()
    seedless = key.import_wrapped(
        wrap(raw, int(eddsa), 7, 1, OBJECT.ASYMMETRIC_KEY, 46, bytes(40), expanded(seed)))
    ed.public_key().verify(seedless.sign_eddsa(b"message"), b"message")
    assert seedless.sign_eddsa(b"message") == ed.sign(b"message")
    seedless.delete()


def check_data(key, raw):
    for size in (1, 15, 16, 1989):
        data = os.urandom(size)
        wrapped = key.wrap_data(data)
        assert len(wrapped) == 1 + 13 + 16 + size
        assert AESCCM(raw).decrypt(wrapped[:13], wrapped[13:], None)[1:] == data
        assert key.unwrap_data(wrapped) == data


def check_rules(session, every, exportable, refused):
    from yubihsm.defs import ALGORITHM, CAPABILITY, ERROR
    from yubihsm.objects import Opaque, WrapKey

    raw = os.urandom(32)
    key = WrapKey.put(session, 100, "wrap", 1, every, ALGORITHM.AES256_CCM_WRAP, exportable, raw)
    fields = dict(id=5, domains=1, kind=1, algorithm=30, label=bytes(40))
    good = wrap(raw, int(exportable), body=b"data", **fields)
    for at in range(len(good)):
        bad = bytearray(good)
        bad[at] ^= 1
        refused(ERROR.INVALID_DATA, key.import_wrapped, bytes(bad))
    for cut in (0, 5, 13, 28, len(good) - 1):
        try:
            key.import_wrapped(good[:cut])
        except Exception:
            continue
        raise AssertionError("a cut object is taken")
    more = int(exportable | CAPABILITY.SIGN_EDDSA)
    refused(ERROR.INSUFFICIENT_PERMISSIONS, key.import_wrapped, wrap(raw, more, body=b"data", **fields))
    for name, value in dict(kind=0, algorithm=46, id=0xFFFF).items():
        code = ERROR.INVALID_ID if name == "id" else ERROR.INVALID_DATA
        wrong = wrap(raw, int(exportable), body=b"data", **{**fields, name: value})
        refused(code, key.import_wrapped, wrong)
    for kind, algorithm, size in ((3, 46, 95), (3, 46, 97), (3, 12, 95), (5, 20, 127), (8, 50, 24), (2, 38, 47),
                                  (7, 37, 16), (4, 29, 16), (9, 9, 264), (1, 30, 0),
                                  (3, 12, 96), (3, 9, 896)):
        wrong = wrap(raw, int(exportable), body=bytes(size), **{**fields, "kind": kind, "algorithm": algorithm})
        refused(ERROR.INVALID_DATA, key.import_wrapped, wrong)
    other = WrapKey.put(session, 101, "wrap", 2, every, ALGORITHM.AES256_CCM_WRAP, exportable, raw)
    refused(ERROR.INSUFFICIENT_PERMISSIONS, other.import_wrapped, good)
    obj = key.import_wrapped(good)
    refused(ERROR.OBJECT_EXISTS, key.import_wrapped, good)
    refused(ERROR.INSUFFICIENT_PERMISSIONS, other.export_wrapped, obj)
    assert obj.get() == b"data"
    kept = Opaque.put(session, 6, "kept", 1, CAPABILITY.NONE, ALGORITHM.OPAQUE_DATA, b"data")
    refused(ERROR.INSUFFICIENT_PERMISSIONS, key.export_wrapped, kept)
    kept.id = 77
    refused(ERROR.OBJECT_NOT_FOUND, key.export_wrapped, kept)


def check_rsa(session, every, exportable, refused):
    from yubihsm.defs import ALGORITHM, CAPABILITY, ERROR, OBJECT
    from yubihsm.objects import AsymmetricKey, PublicWrapKey, SymmetricKey, WrapKey

    def oaep(hash, mgf, label):
        return padding.OAEP(padding.MGF1(mgf), hash, label)

    der = Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    curves = [ec.SECP224R1, ec.SECP256R1, ec.SECP384R1, ec.SECP521R1, ec.SECP256K1, ec.BrainpoolP256R1,
              ec.BrainpoolP384R1, ec.BrainpoolP512R1]
    keys = [ec.generate_private_key(curve()) for curve in curves]
    keys += [ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048), os.urandom(24)]
    ways = [(hashes.SHA256(), hashes.SHA256(), b"", ALGORITHM.AES256),
            (hashes.SHA1(), hashes.SHA512(), b"label", ALGORITHM.AES128),
            (hashes.SHA384(), hashes.SHA1(), b"", ALGORITHM.AES192)]
    for bits, way in ((2048, ways[0]), (3072, ways[1]), (4096, ways[2])):
        hash, mgf, label, aes = way
        private = rsa.generate_private_key(65537, bits)
        algorithm = ALGORITHM["RSA_%d" % bits]
        outward = PublicWrapKey.put(session, 200, "out", 1, every, every, private.public_key())
        inward = WrapKey.put(session, 200, "in", 1, every, algorithm, every, private)
        assert (outward.get_info().size, inward.get_info().size) == (bits // 8 + 8, bits // 16 * 7 + 8)

        def opened(wrapped):
            key = private.decrypt(wrapped[: bits // 8], oaep(hash, mgf, label))
            assert len(key) == aes.to_key_size()
            return keywrap.aes_key_unwrap_with_padding(key, wrapped[bits // 8 :])

        def sealed(plain):
            key = os.urandom(aes.to_key_size())
            return private.public_key().encrypt(key, oaep(hash, mgf, label)) + keywrap.aes_key_wrap_with_padding(
                key, plain)

        for number, key in enumerate(keys):
            if isinstance(key, bytes):
                obj = SymmetricKey.put(session, 300, "key", 1, exportable, ALGORITHM.AES192, key)
                expected = key
            else:
                obj = AsymmetricKey.put(session, 300, "key", 1, exportable, key)
                expected = key.private_bytes(*der)
            info = obj.get_info()
            raw = opened(outward.export_raw_key(obj, aes, hash, mgf, label))
            if isinstance(key, bytes):
                assert raw == expected
            else:
                # Not all tools write a curve's name and the public key alike: the key itself counts.
                assert load_der_private_key(raw, None).private_bytes(*der) == expected, key
            whole = opened(outward.export_wrapped_rsa(obj, aes, hash, mgf, label))
            header = dict(zip(FIELDS, struct.unpack(HEADER, whole[:59])))
            assert header["id"] == 300 and header["length"] == len(whole) - 59 == info.size
            obj.delete()
            made = inward.import_raw_key(300, info.object_type, "made", 1, exportable, info.algorithm,
                                         sealed(expected), hash, mgf, label)
            assert (made.get_info().size, made.get_info().origin) == (info.size, 0x12)
            assert opened(outward.export_wrapped_rsa(made, aes, hash, mgf, label))[59:] == whole[59:]
            made.delete()
            back = inward.import_wrapped_rsa(sealed(whole), hash, mgf, label)
            assert opened(outward.export_wrapped_rsa(back, aes, hash, mgf, label))[59:] == whole[59:]
            back.delete()
            wrong = ALGORITHM.EC_P256 if info.algorithm != ALGORITHM.EC_P256 else ALGORITHM.EC_K256
            refused(ERROR.INVALID_DATA, inward.import_raw_key, 300, OBJECT.ASYMMETRIC_KEY, "made", 1, exportable,
                    wrong, sealed(expected), hash, mgf, label)
        good = sealed(whole)
        for at in (0, 1, bits // 8 - 1, bits // 8, len(good) - 1):
            bad = bytearray(good)
            bad[at] ^= 1
            refused(ERROR.INVALID_DATA, inward.import_wrapped_rsa, bytes(bad), hash, mgf, label)
        refused(ERROR.INVALID_DATA, inward.import_wrapped_rsa, good, hash, mgf, b"another")
        inward.delete()
        outward.delete()
        made = WrapKey.generate(session, 201, "made", 1, every, algorithm, every)
        assert made.get_public_key().key_size == bits
        made.delete()


if __name__ == "__main__":
    if sys.argv[1] == "--vectors":
        with open(sys.argv[2], "w") as file:
            json.dump(list(vectors()), file, indent=1)
            file.write("\n")
    else:
        check(sys.argv[1])
