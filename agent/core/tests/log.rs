//! The Merkle log against the Certificate Transparency vectors, RFC 6962 written out, and damage.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/vectors.rs"]
#[allow(dead_code)]
mod vectors;

use std::collections::HashMap;

use bursar_core::key::{PublicKey, Signature};
use bursar_core::log::{
    Checkpoint, CheckpointError, Frontier, Hash, Origin, ProofError, STORED_EVERY, SignedCheckpoint,
    consistency_proof, inclusion_proof, leaf_hash, node_from_stored, note, verify_consistency,
    verify_inclusion,
};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use vectors::{bytes, folder, hex, text};

/// RFC 6962, section 2.1, word for word: MTH(D[n]).
fn naive_root(leaves: &[Vec<u8>]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => Sha256::digest([&[0][..], leaf].concat()).into(),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            Sha256::digest([&[1][..], &naive_root(left), &naive_root(right)].concat()).into()
        }
    }
}

fn split(n: usize) -> usize {
    (0..).map(|bits| 1 << bits).take_while(|k| *k < n).last().unwrap()
}

/// RFC 6962, section 2.1.1: PATH(m, D[n]).
fn naive_path(m: usize, leaves: &[Vec<u8>]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if m < left.len() {
        [naive_path(m, left), vec![naive_root(right)]].concat()
    } else {
        [naive_path(m - left.len(), right), vec![naive_root(left)]].concat()
    }
}

/// RFC 6962, section 2.1.2: SUBPROOF(m, D[n], b).
fn naive_subproof(m: usize, leaves: &[Vec<u8>], whole: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if m <= left.len() {
        [naive_subproof(m, left, whole), vec![naive_root(right)]].concat()
    } else {
        [naive_subproof(m - left.len(), right, false), vec![naive_root(left)]].concat()
    }
}

struct Tree {
    nodes: HashMap<(u8, u64), Hash>,
    frontier: Frontier,
}

impl Tree {
    fn of(leaves: &[Vec<u8>]) -> Self {
        let mut tree = Self { nodes: HashMap::new(), frontier: Frontier::empty() };
        for leaf in leaves {
            for node in tree.frontier.push(leaf_hash(leaf)) {
                assert_eq!(tree.nodes.insert((node.level, node.index), node.hash), None);
            }
        }
        tree
    }

    /// Only what an outer store keeps.
    fn stored(&self, level: u8, index: u64) -> Result<Hash, ProofError> {
        node_from_stored(level, index, &mut |level, index| {
            assert_eq!(level % STORED_EVERY, 0);
            Ok(self.nodes[&(level, index)])
        })
    }
}

fn leaves(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|i| format!("entry {i}").into_bytes()).collect()
}

fn size(n: usize) -> u64 {
    u64::try_from(n).unwrap()
}

fn hash(text: &str) -> Hash {
    bytes(text).try_into().unwrap()
}

fn hashes(value: &serde_json::Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(|h| hash(h.as_str().unwrap())).collect()
}

#[test]
fn agrees_with_certificate_transparency() {
    for file in folder("tree") {
        let leaves: Vec<_> =
            file["leaves"].as_array().unwrap().iter().map(|l| bytes(l.as_str().unwrap())).collect();
        let roots = hashes(&file["roots"]);
        let mut frontier = Frontier::empty();
        assert_eq!(frontier.root(), roots[0]);
        for (leaf, root) in leaves.iter().zip(&roots[1..]) {
            frontier.push(leaf_hash(leaf));
            assert_eq!(frontier.root(), *root);
        }
        let tree = Tree::of(&leaves);
        for case in file["inclusion"].as_array().unwrap() {
            let (index, size) = (case["index"].as_u64().unwrap(), case["size"].as_u64().unwrap());
            let proof = hashes(&case["proof"]);
            assert_eq!(inclusion_proof(index, size, |l, i| tree.stored(l, i)), Ok(proof.clone()));
            let leaf = leaf_hash(&leaves[usize::try_from(index).unwrap()]);
            let root = roots[usize::try_from(size).unwrap()];
            assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()));
        }
        for case in file["consistency"].as_array().unwrap() {
            let (old, new) = (case["old_size"].as_u64().unwrap(), case["size"].as_u64().unwrap());
            let proof = hashes(&case["proof"]);
            assert_eq!(consistency_proof(old, new, |l, i| tree.stored(l, i)), Ok(proof.clone()));
            let root = |n| roots[usize::try_from(n).unwrap()];
            assert_eq!(verify_consistency(old, &root(old), new, &root(new), &proof), Ok(()));
        }
    }
}

#[test]
fn agrees_with_rfc_6962_for_every_size_up_to_64() {
    let leaves = leaves(64);
    let tree = Tree::of(&leaves);
    let roots: Vec<_> = (0..=64).map(|n| naive_root(&leaves[..n])).collect();
    for n in 0..=64 {
        assert_eq!(Tree::of(&leaves[..n]).frontier.root(), roots[n]);
        let restored = Frontier::restore(size(n), |level, index| tree.stored(level, index)).unwrap();
        assert_eq!(restored, Tree::of(&leaves[..n]).frontier);
        assert_eq!(Frontier::from_peaks(size(n), restored.peaks().to_vec()), Some(restored));
        for m in 0..n {
            let proof = inclusion_proof(size(m), size(n), |l, i| tree.stored(l, i)).unwrap();
            assert_eq!(proof, naive_path(m, &leaves[..n]), "{m} in {n}");
            let verify = |leaf: usize, index: usize, root: &Hash, proof: &[Hash]| {
                verify_inclusion(&leaf_hash(&leaves[leaf]), size(index), size(n), proof, root)
            };
            assert_eq!(verify(m, m, &roots[n], &proof), Ok(()));
            assert!(verify((m + 1) % 64, m, &roots[n], &proof).is_err());
            assert!(verify(m, m, &roots[n - 1], &proof).is_err());
            assert_eq!(
                verify(m, m, &roots[n], &[proof.clone(), vec![roots[n]]].concat()),
                Err(ProofError::Length)
            );
            if let Some((_, fewer)) = proof.split_last() {
                assert_eq!(verify(m, m, &roots[n], fewer), Err(ProofError::Length));
            }
            for other in (0..n).filter(|other| *other != m) {
                assert!(verify(m, other, &roots[n], &proof).is_err(), "{m} as {other} in {n}");
            }
        }
        for m in 0..=n {
            let proof = consistency_proof(size(m), size(n), |l, i| tree.stored(l, i)).unwrap();
            let expected = if m == 0 { Vec::new() } else { naive_subproof(m, &leaves[..n], true) };
            assert_eq!(proof, expected, "{m} to {n}");
            let verify = |old: &Hash, new: &Hash, proof: &[Hash]| {
                verify_consistency(size(m), old, size(n), new, proof)
            };
            assert_eq!(verify(&roots[m], &roots[n], &proof), Ok(()));
            let wrong = leaf_hash(b"wrong");
            assert!(verify(&wrong, &roots[n], &proof).is_err());
            assert!(m == 0 || verify(&roots[m], &wrong, &proof).is_err());
            assert_eq!(
                verify(&roots[m], &roots[n], &[proof.clone(), vec![wrong]].concat()),
                Err(ProofError::Length)
            );
            for at in 0..proof.len() {
                let mut damaged = proof.clone();
                damaged[at][0] ^= 1;
                assert!(verify(&roots[m], &roots[n], &damaged).is_err(), "{m} to {n}");
            }
        }
    }
}

#[test]
fn sparse_storage_answers_every_node_of_a_larger_tree() {
    let leaves = leaves(700);
    let tree = Tree::of(&leaves);
    for (node, hash) in &tree.nodes {
        assert_eq!(tree.stored(node.0, node.1), Ok(*hash));
    }
    for (index, n) in [(0, 700), (255, 700), (256, 512), (511, 513), (699, 700)] {
        let proof = inclusion_proof(index, n, |l, i| tree.stored(l, i)).unwrap();
        let at = usize::try_from(index).unwrap();
        assert_eq!(proof, naive_path(at, &leaves[..usize::try_from(n).unwrap()]));
    }
}

#[test]
fn proofs_beyond_the_tree_are_refused() {
    let none = |_, _| -> Result<Hash, ProofError> { panic!("no node is needed") };
    assert_eq!(inclusion_proof(3, 3, none), Err(ProofError::Range { position: 3, size: 3 }));
    assert_eq!(inclusion_proof(0, 0, none), Err(ProofError::Range { position: 0, size: 0 }));
    assert_eq!(consistency_proof(4, 3, none), Err(ProofError::Range { position: 4, size: 3 }));
    let h = leaf_hash(b"");
    assert!(verify_inclusion(&h, u64::MAX, u64::MAX, &[], &h).is_err());
    assert_eq!(verify_inclusion(&h, u64::MAX - 1, u64::MAX, &[h; 64], &h), Err(ProofError::Length));
    assert!(verify_consistency(u64::MAX, &h, 1, &h, &[]).is_err());
    assert!(verify_consistency(1, &h, u64::MAX, &h, &[h; 70]).is_err());
    assert_eq!(Frontier::from_peaks(3, vec![h]), None);
    assert_eq!(Frontier::from_peaks(0, vec![h]), None);
}

fn note_vector(with: &str) -> serde_json::Value {
    folder("note").into_iter().find(|v| v[with].is_string()).unwrap()
}

#[test]
fn reads_the_reference_implementations_note() {
    let case = note_vector("text");
    let key: PublicKey = text(&case, "key").parse().unwrap();
    assert_eq!(note::open(text(&case, "note"), text(&case, "name"), &key), Ok(text(&case, "text")));
    assert_eq!(note::open(text(&case, "note"), "Another", &key), Err(CheckpointError::Unsigned));
    // A signature by an unknown key beside it is passed over, as the specification demands.
    let stranger = "\u{2014} Stranger AAAAAAAA\n";
    let (body, lines) = text(&case, "note").split_once("\n\n").unwrap();
    for both in [format!("{body}\n\n{stranger}{lines}"), format!("{body}\n\n{lines}{stranger}")] {
        assert_eq!(note::open(&both, text(&case, "name"), &key), Ok(text(&case, "text")));
    }
}

struct Signed {
    checkpoint: Checkpoint,
    origin: Origin,
    key: PublicKey,
    note: String,
}

fn signed() -> Signed {
    let case = note_vector("body");
    let origin: Origin = text(&case, "origin").parse().unwrap();
    let root = hex(&case, "root").try_into().unwrap();
    let checkpoint = Checkpoint { origin: origin.clone(), size: case["size"].as_u64().unwrap(), root };
    assert_eq!(checkpoint.text_to_sign(), text(&case, "body"));
    let key: PublicKey = text(&case, "key").parse().unwrap();
    let signature = Signature(hex(&case, "signature").try_into().unwrap());
    let signed = checkpoint.clone().attach(&key, &signature).unwrap();
    assert_eq!((signed.as_str(), signed.checkpoint()), (text(&case, "note"), &checkpoint));
    let mut wrong = signature;
    wrong.0[3] ^= 1;
    assert_eq!(checkpoint.clone().attach(&key, &wrong), Err(CheckpointError::Signature));
    Signed { checkpoint, origin, key, note: signed.as_str().to_owned() }
}

#[test]
fn writes_and_reads_the_specified_checkpoint() {
    let Signed { checkpoint, origin, key, note } = signed();
    let parsed = SignedCheckpoint::parse(&note, &origin, &key).unwrap();
    assert_eq!((parsed.checkpoint(), parsed.as_str()), (&checkpoint, note.as_str()));
    let p256 = "p256:032927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c732838".parse().unwrap();
    assert_eq!(SignedCheckpoint::parse(&note, &origin, &p256), Err(CheckpointError::Algorithm));
    assert_eq!(checkpoint.attach(&p256, &Signature([0; 64])), Err(CheckpointError::Algorithm));
}

#[test]
fn every_flipped_byte_of_a_checkpoint_is_refused() {
    let Signed { origin, key, note, .. } = signed();
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert!(SignedCheckpoint::parse(&changed, &origin, &key).is_err(), "byte {at} bit {bit}");
        }
    }
}

/// Well signed, but not the one form of a checkpoint.
#[test]
fn a_good_signature_does_not_excuse_another_form() {
    let secret = SigningKey::from_bytes(&[9; 32]);
    let key = PublicKey::ed25519(*secret.verifying_key().as_bytes()).unwrap();
    let origin: Origin = "example.com/log".parse().unwrap();
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let note = |body: &str| {
        let id =
            &Sha256::digest([b"example.com/log\n\x01", &secret.verifying_key().as_bytes()[..]].concat())[..4];
        let line = data_encoding::BASE64.encode(&[id, &secret.sign(body.as_bytes()).to_bytes()[..]].concat());
        format!("{body}\n\u{2014} example.com/log {line}\n")
    };
    let parse = |body: &str| SignedCheckpoint::parse(&note(body), &origin, &key);
    assert_eq!(parse(&format!("example.com/log\n7\n{root}\n")).unwrap().checkpoint().size, 7);
    assert_eq!(
        parse(&format!("example.com/other\n7\n{root}\n")),
        Err(CheckpointError::OtherLog("example.com/other".into()))
    );
    for (what, body) in [
        ("leading zero", format!("example.com/log\n07\n{root}\n")),
        ("sign", format!("example.com/log\n+7\n{root}\n")),
        ("beyond 64 bits", format!("example.com/log\n18446744073709551616\n{root}\n")),
        ("short root", "example.com/log\n7\nAAAA\n".to_owned()),
        ("base64 without padding", format!("example.com/log\n7\n{}\n", &root[..43])),
        ("extension line", format!("example.com/log\n7\n{root}\nmore\n")),
        ("empty line", format!("example.com/log\n7\n{root}\n\n")),
        ("no root", "example.com/log\n7\n".to_owned()),
    ] {
        assert_eq!(parse(&body), Err(CheckpointError::Form), "{what}");
    }
    let good = note(&format!("example.com/log\n7\n{root}\n"));
    for (what, text) in [
        ("carriage return", good.replace('\n', "\r\n")),
        ("no last newline", good.trim_end().to_owned()),
        ("hyphen for the dash", good.replace('\u{2014}', "-")),
        ("no signature", format!("example.com/log\n7\n{root}\n")),
        ("a line that is none", format!("{good}something\n")),
        ("too long", format!("{good}{}", "\u{2014} x AAAAAAAA\n".repeat(2000))),
    ] {
        assert!(SignedCheckpoint::parse(&text, &origin, &key).is_err(), "{what}");
    }
    for name in ["", "a b", "a+b", "a\nb", "é", &"a".repeat(129)] {
        assert!(name.parse::<Origin>().is_err(), "{name:?}");
    }
}

proptest! {
    #[test]
    fn the_parser_survives_mutations(edits in prop::collection::vec((0usize..400, any::<char>()), 1..8), cut in 1usize..400) {
        let Signed { origin, key, note, .. } = signed();
        let mut chars: Vec<char> = note.chars().collect();
        for (at, to) in edits {
            let at = at % chars.len();
            chars[at] = to;
        }
        chars.truncate(cut);
        let changed: String = chars.into_iter().collect();
        prop_assert_eq!(SignedCheckpoint::parse(&changed, &origin, &key).is_ok(), changed == note);
    }

    #[test]
    fn the_parser_survives_anything(text in ".{0,200}", lines in "(\n|\u{2014} |[a-z0-9=]{0,9}){0,40}") {
        let Signed { origin, key, .. } = signed();
        prop_assert!(SignedCheckpoint::parse(&text, &origin, &key).is_err());
        prop_assert!(SignedCheckpoint::parse(&lines, &origin, &key).is_err());
    }
}
