//! PKCS#11.
