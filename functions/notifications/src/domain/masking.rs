//! What may be shown of an address: enough for its owner to know it, too little for anybody else to use it.

/// `a***@example.com`: however long the part before the `@` is.
pub(crate) fn email(address: &str) -> String {
    let (local, host) = address.split_once('@').unwrap_or((address, ""));
    let first: String = local.chars().take(1).collect();
    format!("{first}***@{host}")
}

/// `+49*****67`: however long the number is.
pub(crate) fn phone_number(number: &str) -> String {
    let (begin, end) = (number.get(..3).unwrap_or_default(), number.get(number.len().saturating_sub(2)..));
    format!("{begin}*****{}", end.unwrap_or_default())
}

/// `****aB3x`: the end of a device's token.
pub(crate) fn token(token: &str) -> String {
    format!("****{}", token.get(token.len().saturating_sub(4)..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_is_left_of_each() {
        assert_eq!(email("ada.lovelace@example.com"), "a***@example.com");
        assert_eq!(email("a@example.com"), "a***@example.com");
        assert_eq!(phone_number("+491511234567"), "+49*****67");
        assert_eq!(phone_number("+1234567"), "+12*****67");
        assert_eq!(token("fcm:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx"), "****RYqx");
    }
}
