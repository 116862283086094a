// SPDX-License-Identifier: Apache-2.0

/// A secret that is shared with another name server, by which messages are signed (RFC 8945).
public struct TSIGKeySettings: Sendable, Equatable {
    /// What both call it: a domain name in lower case with a final dot.
    public var name: String
    /// The digest: `hmac-sha256`.
    public var algorithm: String
    /// The secret; nil when it stands in a file.
    public var secret: SecretOctets?
    /// The file with the secret in base64.
    public var secretFile: String?
    /// The fewest octets of a signature that are accepted; nil means all of them.
    public var leastMac: Int?
}
