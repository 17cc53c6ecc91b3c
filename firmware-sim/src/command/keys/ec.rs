//! Keys on elliptic curves: the private scalar, then x and y of the public point, big-endian, each as
//! long as the curve's field.

use std::ops::Add;

use ecdsa::EcdsaCurve;
use ecdsa::der::MaxOverhead;
use ecdsa::hazmat::sign_prehashed;
use p256::elliptic_curve::array::ArraySize;
use p256::elliptic_curve::array::typenum::Unsigned;
use p256::elliptic_curve::ecdh::diffie_hellman;
use p256::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use p256::elliptic_curve::{CurveArithmetic, Generate, NonZeroScalar, PublicKey, SecretKey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::brainpool512::BrainpoolP512r1;
use crate::algorithm::Algorithm;
use crate::error::Code;

/// A key's body, wiped when dropped.
type Secret = Zeroizing<Vec<u8>>;
/// What a command answers.
type Answer = Result<Vec<u8>, Code>;

/// What can be done on one curve.
pub(in crate::command) struct Curve {
    algorithm: Algorithm,
    /// Bytes of a coordinate.
    size: usize,
    generate: fn(&mut dyn CryptoRng) -> Secret,
    import: fn(&[u8]) -> Result<Secret, Code>,
    sign: fn(&[u8], &[u8], &mut dyn CryptoRng) -> Answer,
    agree: fn(&[u8], &[u8]) -> Answer,
}

/// Every curve.
const CURVES: &[Curve] = &[
    Curve::new::<p256::NistP256>(Algorithm::EcP256),
    Curve::new::<p384::NistP384>(Algorithm::EcP384),
    Curve::new::<p521::NistP521>(Algorithm::EcP521),
    Curve::new::<k256::Secp256k1>(Algorithm::EcK256),
    Curve::new::<bp256::BrainpoolP256r1>(Algorithm::EcBp256),
    Curve::new::<bp384::BrainpoolP384r1>(Algorithm::EcBp384),
    Curve::new::<BrainpoolP512r1>(Algorithm::EcBp512),
    Curve::new::<p224::NistP224>(Algorithm::EcP224),
];

impl Curve {
    const fn new<C: Weierstrass>(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            size: C::FieldBytesSize::USIZE,
            generate: generate::<C>,
            import: import::<C>,
            sign: sign::<C>,
            agree: agree::<C>,
        }
    }

    /// The curve of an algorithm.
    ///
    /// # Errors
    /// [`Code::InvalidData`] when it has none.
    pub(in crate::command) fn of(algorithm: Algorithm) -> Result<&'static Self, Code> {
        CURVES.iter().find(|curve| curve.algorithm == algorithm).ok_or(Code::InvalidData)
    }

    /// Bytes of a coordinate.
    pub(in crate::command) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn generate(&self, rng: &mut dyn CryptoRng) -> Secret {
        (self.generate)(rng)
    }

    /// `bytes` is the scalar.
    pub(super) fn import(&self, bytes: &[u8]) -> Result<Secret, Code> {
        (self.import)(bytes)
    }

    /// x and y.
    pub(super) fn public(&self, body: &[u8]) -> Answer {
        body.get(self.size..).map(<[u8]>::to_vec).ok_or(Code::InvalidData)
    }

    /// Signs a digest, of which the leftmost bits count; the signature is DER (RFC 3279 2.2.3). Its s is
    /// not made low, on any curve: the device does not know of it.
    pub(in crate::command) fn sign(&self, body: &[u8], digest: &[u8], rng: &mut dyn CryptoRng) -> Answer {
        (self.sign)(self.scalar(body)?, digest, rng)
    }

    /// ECDH with a point (04, x, y): the x of the common one.
    pub(in crate::command) fn agree(&self, body: &[u8], point: &[u8]) -> Answer {
        (self.agree)(self.scalar(body)?, point)
    }

    fn scalar<'a>(&self, body: &'a [u8]) -> Result<&'a [u8], Code> {
        body.get(..self.size).ok_or(Code::InvalidData)
    }
}

/// A curve whose keys sign and agree.
trait Weierstrass:
    EcdsaCurve<FieldBytesSize: ModulusSize + Add<Output: ArraySize + Add<MaxOverhead, Output: ArraySize>>>
    + CurveArithmetic<AffinePoint: FromSec1Point<Self> + ToSec1Point<Self>>
{
}

impl Weierstrass for p256::NistP256 {}
impl Weierstrass for p384::NistP384 {}
impl Weierstrass for p521::NistP521 {}
impl Weierstrass for k256::Secp256k1 {}
impl Weierstrass for bp256::BrainpoolP256r1 {}
impl Weierstrass for bp384::BrainpoolP384r1 {}
impl Weierstrass for BrainpoolP512r1 {}
impl Weierstrass for p224::NistP224 {}

fn generate<C: Weierstrass>(rng: &mut dyn CryptoRng) -> Secret {
    body(&SecretKey::<C>::generate_from_rng(rng))
}

fn import<C: Weierstrass>(scalar: &[u8]) -> Result<Secret, Code> {
    if scalar.len() != C::FieldBytesSize::USIZE {
        return Err(Code::WrongLength);
    }
    secret::<C>(scalar).map(|key| body(&key))
}

fn sign<C: Weierstrass>(scalar: &[u8], digest: &[u8], rng: &mut dyn CryptoRng) -> Answer {
    let (key, nonce) = (secret::<C>(scalar)?, NonZeroScalar::<C>::generate_from_rng(rng));
    let (mut signature, _) =
        sign_prehashed(&key.to_nonzero_scalar(), &nonce, digest).map_err(|_| Code::InvalidData)?;
    if C::NORMALIZE_S && rng.next_u32() & 1 == 1 {
        // The library has made s low, by the nonce's sign: a random one takes that back.
        signature =
            ecdsa::Signature::from_scalars(*signature.r(), -*signature.s()).map_err(|_| Code::InvalidData)?;
    }
    Ok(signature.to_der().as_bytes().to_vec())
}

fn agree<C: Weierstrass>(scalar: &[u8], point: &[u8]) -> Answer {
    let point = PublicKey::<C>::from_sec1_bytes(point).map_err(|_| Code::InvalidData)?;
    let shared = diffie_hellman(secret::<C>(scalar)?.to_nonzero_scalar(), point.as_affine());
    Ok(shared.raw_secret_bytes().to_vec())
}

fn secret<C: Weierstrass>(scalar: &[u8]) -> Result<SecretKey<C>, Code> {
    SecretKey::from_slice(scalar).map_err(|_| Code::InvalidData)
}

fn body<C: Weierstrass>(key: &SecretKey<C>) -> Secret {
    let mut body = Zeroizing::new(Vec::with_capacity(3 * C::FieldBytesSize::USIZE));
    body.extend(&*Zeroizing::new(key.to_bytes()));
    // Uncompressed: 04 goes before x and y.
    body.extend(key.public_key().to_sec1_point(false).as_bytes().iter().skip(1));
    body
}

#[cfg(test)]
mod tests {
    use getrandom::SysRng;
    use getrandom::rand_core::UnwrapErr;
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::command::vectors::{Cases, Hex, vectors};

    #[derive(Deserialize)]
    struct Case {
        algorithm: Algorithm,
        scalar: Hex,
        public: Hex,
        peer: Hex,
        shared: Hex,
    }

    #[test]
    fn keys_and_secrets_are_those_of_openssl() -> Result<(), Code> {
        let Cases::<Case> { cases } = vectors(include_str!("../../../tests/vectors/ecdh.json"));
        for case in &cases {
            let (curve, scalar) = (Curve::of(case.algorithm)?, &case.scalar.0);
            let body = curve.import(scalar)?;
            assert_eq!(*body, [&scalar[..], &case.public.0].concat(), "{:?}", case.algorithm);
            assert_eq!(curve.public(&body)?, case.public.0);
            assert_eq!(curve.agree(&body, &case.peer.0)?, case.shared.0, "{:?}", case.algorithm);
        }
        assert!(CURVES.iter().all(|curve| cases.iter().any(|case| case.algorithm == curve.algorithm)));
        Ok(())
    }

    #[test]
    fn scalars_are_of_the_curves_length_and_below_its_order() {
        for curve in CURVES {
            let size = curve.size();
            assert_eq!(curve.import(&vec![1; size - 1]), Err(Code::WrongLength));
            assert_eq!(curve.import(&vec![1; size + 1]), Err(Code::WrongLength));
            assert_eq!(curve.import(&vec![0; size]), Err(Code::InvalidData));
            assert_eq!(curve.import(&vec![0xff; size]), Err(Code::InvalidData));
        }
    }

    #[test]
    fn points_must_be_on_the_curve() -> Result<(), Code> {
        let mut rng = UnwrapErr(SysRng);
        for curve in CURVES {
            let body = curve.generate(&mut rng);
            let mut point = [&[0x04], &*curve.public(&body)?].concat();
            curve.agree(&body, &point)?;
            if let Some(last) = point.last_mut() {
                *last ^= 1;
            }
            assert_eq!(curve.agree(&body, &point), Err(Code::InvalidData));
            assert_eq!(curve.agree(&body, &[0x04; 1]), Err(Code::InvalidData));
        }
        Ok(())
    }

    #[test]
    fn s_is_low_and_high_and_no_two_signatures_are_alike() -> Result<(), Code> {
        let mut rng = UnwrapErr(SysRng);
        let curve = Curve::of(Algorithm::EcK256)?;
        let body = curve.generate(&mut rng);
        let signatures: Vec<_> =
            (0..64).map(|_| curve.sign(&body, &[7; 32], &mut rng)).collect::<Result<_, _>>()?;
        let high = |der: &&Vec<u8>| {
            k256::ecdsa::Signature::from_der(der).is_ok_and(|signature| signature != signature.normalize_s())
        };
        let count = signatures.iter().filter(high).count();
        assert!((1..64).contains(&count), "{count} of 64 are high");
        assert!(signatures.windows(2).all(|two| two[0] != two[1]));
        Ok(())
    }

    proptest! {
        #[test]
        fn a_body_is_its_scalar_and_its_point(index in 0..CURVES.len(), bytes in proptest::collection::vec(any::<u8>(), 66)) {
            let curve = &CURVES[index];
            let scalar = &bytes[..curve.size()];
            if let Ok(body) = curve.import(scalar) {
                prop_assert_eq!(body.len(), 3 * curve.size());
                prop_assert_eq!(&body[..curve.size()], scalar);
                prop_assert_eq!(curve.import(&body[..curve.size()]), Ok(body));
            }
        }
    }
}
