//! Verifies `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]`, the HMAC-SHA256 of `<t>.<body>`, as described in
//! <https://docs.stripe.com/webhooks#verify-manually>. While a secret is rotated, there is one `v1` for each secret.

use hmac::{Hmac, KeyInit, Mac};
use kernel::Timestamp;
use sha2::Sha256;

/// How far the signature's time may be from ours in either direction, in seconds. An older request may be a replay.
const TOLERANCE_SECONDS: i64 = 300;

/// Why a signature is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureError {
    /// There is no signature of the body with the secret.
    Invalid,
    /// The signature is too old, or from the future.
    OutsideTolerance,
}

/// Verifies that `header` is the signature of `body` with `secret`.
///
/// # Errors
/// If there is no valid signature, or its time is outside the tolerance.
pub(crate) fn verify(header: &str, body: &[u8], secret: &str, now: Timestamp) -> Result<(), SignatureError> {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let text = parts().find(|(name, _)| *name == "t").map(|(_, value)| value).ok_or(SignatureError::Invalid)?;
    let time: i64 = text.parse().map_err(|_| SignatureError::Invalid)?;
    let mut signed = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| SignatureError::Invalid)?;
    signed.update(text.as_bytes());
    signed.update(b".");
    signed.update(body);
    let mut signatures = parts().filter(|(name, _)| *name == "v1").filter_map(|(_, value)| decode_hex(value));
    // `verify_slice` compares in constant time.
    if !signatures.any(|signature| signed.clone().verify_slice(&signature).is_ok()) {
        return Err(SignatureError::Invalid);
    }
    let is_near = now.as_seconds().checked_sub(time).is_some_and(|age| age.abs() <= TOLERANCE_SECONDS);
    if is_near { Ok(()) } else { Err(SignatureError::OutsideTolerance) }
}

/// Decodes hexadecimal digits.
fn decode_hex(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "whsec_test";
    const BODY: &[u8] = br#"{"id": "evt_1", "type": "payment_intent.succeeded", "note": "gr\u00fc\u00df"}"#;
    const TIME: i64 = 1_795_242_631;

    // Computed in Python: hmac.new(secret, b"1795242631." + body, "sha256").hexdigest()
    const SIGNATURE: &str = "35974e8be939ed1e3978263fce3138c863ce8e76df9d053c253cdf05889c416e";
    const SIGNATURE_OF_EMPTY_BODY: &str = "f04df5001f380572390278fb8d5a33109f1f1ebba2c3269fd77103821197afb3";
    const SIGNATURE_WITH_OTHER_SECRET: &str = "9373cc85ba8fdacdc144e326679f9bc55475d18d99a9b5ee52d49a9afb702d85";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn verified(header: &str) -> Result<(), SignatureError> {
        verify(header, BODY, SECRET, at(TIME))
    }

    #[test]
    fn a_genuine_signature_is_accepted() {
        assert_eq!(verified(&format!("t={TIME},v1={SIGNATURE}")), Ok(()));
        assert_eq!(verified(&format!("t={TIME}, v0=00, v1={SIGNATURE_WITH_OTHER_SECRET}, v1={SIGNATURE}")), Ok(()));
        assert_eq!(verify(&format!("t={TIME},v1={SIGNATURE_OF_EMPTY_BODY}"), b"", SECRET, at(TIME)), Ok(()));
    }

    #[test]
    fn any_other_signature_is_refused() {
        let tampered = SIGNATURE.replace(&SIGNATURE[..2], if SIGNATURE.starts_with("00") { "01" } else { "00" });
        let headers = [
            String::new(),
            "nonsense".to_owned(),
            format!("t={TIME}"),
            format!("v1={SIGNATURE}"),
            format!("t={TIME},v0={SIGNATURE}"),
            format!("t={TIME},v1="),
            format!("t={TIME},v1={}", &SIGNATURE[..62]),
            format!("t={TIME},v1={}", &SIGNATURE[..63]),
            format!("t={TIME},v1={SIGNATURE}00"),
            format!("t={TIME},v1={tampered}"),
            format!("t={TIME},v1={SIGNATURE_WITH_OTHER_SECRET}"),
            format!("t={TIME},v1={}", "é".repeat(32)),
            format!("t={},v1={SIGNATURE}", TIME + 1),
            format!("t=soon,v1={SIGNATURE}"),
        ];
        for header in headers {
            assert_eq!(verified(&header), Err(SignatureError::Invalid), "{header}");
        }
        assert_eq!(verify(&format!("t={TIME},v1={SIGNATURE}"), b"{}", SECRET, at(TIME)), Err(SignatureError::Invalid));
    }

    #[test]
    fn a_signature_is_valid_for_five_minutes_in_either_direction() {
        let header = format!("t={TIME},v1={SIGNATURE}");
        for (now, expected) in [
            (TIME + 300, Ok(())),
            (TIME - 300, Ok(())),
            (TIME + 301, Err(SignatureError::OutsideTolerance)),
            (TIME - 301, Err(SignatureError::OutsideTolerance)),
        ] {
            assert_eq!(verify(&header, BODY, SECRET, at(now)), expected, "{now}");
        }
    }

    fn signed(body: &[u8], secret: &str, time: i64) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
        mac.update(time.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={time},v1={hex}")
    }

    proptest! {
        #[test]
        fn any_signed_body_is_accepted(body in prop::collection::vec(any::<u8>(), 0..200), secret in ".{1,40}") {
            prop_assert_eq!(verify(&signed(&body, &secret, TIME), &body, &secret, at(TIME)), Ok(()));
        }

        #[test]
        fn any_header_without_a_signature_is_refused(header in prop_oneof![".{0,120}", "(t=[0-9-]{0,20},?|v[01]=[0-9a-f]{0,66},?| ){0,6}"]) {
            prop_assert_eq!(verified(&header), Err(SignatureError::Invalid));
        }

        #[test]
        fn a_body_with_one_changed_byte_is_refused(body in prop::collection::vec(any::<u8>(), 1..200), index in any::<prop::sample::Index>(), byte in 1..=255_u8) {
            let header = signed(&body, SECRET, TIME);
            let mut other = body;
            let index = index.index(other.len());
            other[index] ^= byte;
            prop_assert_eq!(verify(&header, &other, SECRET, at(TIME)), Err(SignatureError::Invalid));
        }

        #[test]
        fn a_signature_with_one_changed_digit_is_refused(index in 0..64_usize, digit in "[0-9a-fg-z]") {
            let other = format!("{}{digit}{}", &SIGNATURE[..index], &SIGNATURE[index + 1..]);
            prop_assume!(other != SIGNATURE);
            prop_assert_eq!(verified(&format!("t={TIME},v1={other}")), Err(SignatureError::Invalid));
        }

        #[test]
        fn any_time_can_be_compared(time in any::<i64>()) {
            let is_near = time.checked_sub(TIME).is_some_and(|age| (-300..=300).contains(&age));
            let expected = if is_near { Ok(()) } else { Err(SignatureError::OutsideTolerance) };
            prop_assert_eq!(verify(&signed(BODY, SECRET, time), BODY, SECRET, at(TIME)), expected);
        }
    }
}
