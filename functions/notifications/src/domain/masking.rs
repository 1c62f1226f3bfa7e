//! Masks addresses: the owner can recognize one, and nobody else can use it.

/// Masks an email address as `a***@example.com`, whatever the length of the local part.
pub(crate) fn email(address: &str) -> String {
    let (local, host) = address.split_once('@').unwrap_or((address, ""));
    let first: String = local.chars().take(1).collect();
    format!("{first}***@{host}")
}

/// Masks a phone number as `+49*****67`, whatever its length.
pub(crate) fn phone_number(number: &str) -> String {
    let (begin, end) = (number.get(..3).unwrap_or_default(), number.get(number.len().saturating_sub(2)..));
    format!("{begin}*****{}", end.unwrap_or_default())
}

/// Masks the token of a device as `****aB3x`.
pub(crate) fn token(token: &str) -> String {
    format!("****{}", token.get(token.len().saturating_sub(4)..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_masked() {
        assert_eq!(email("ada.lovelace@example.com"), "a***@example.com");
        assert_eq!(email("a@example.com"), "a***@example.com");
        assert_eq!(phone_number("+491511234567"), "+49*****67");
        assert_eq!(phone_number("+1234567"), "+12*****67");
        assert_eq!(token("fcm:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx"), "****RYqx");
    }
}
