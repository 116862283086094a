// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Octets that are never shown: whatever prints, dumps or compares them says only that they are
/// there.
public struct SecretOctets: Sendable, Equatable {
    /// The octets, for whoever makes signatures of them.
    public let octets: [UInt8]

    /// A shorter one could be guessed (RFC 8945 §8 wants as many octets as the hash has, and so
    /// does nobody who types it).
    public static let leastCount = 8
    /// No hash uses more.
    public static let mostCount = 1024

    /// These octets.
    public init(_ octets: [UInt8]) { self.octets = octets }

    /// Reads base64 (RFC 4648 §4); the text itself is in no message.
    init(base64 text: String) throws(ValueFault) {
        let trimmed = text.utf8.filter { $0 != 0x20 && $0 != 0x09 && $0 != 0x0a && $0 != 0x0d }
        guard let octets = Base64.bytes(Array(trimmed).span, .standard),
            (SecretOctets.leastCount...SecretOctets.mostCount).contains(octets.count)
        else {
            throw ValueFault(
                .badSecret,
                "this is no base64 of \(SecretOctets.leastCount) to \(SecretOctets.mostCount) octets",
                "make one by `openssl rand -base64 32`"
            )
        }
        self.octets = octets
    }

    /// The octets of a file that holds base64; nil for any other.
    public init?(file bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self),
            let secret = try? SecretOctets(base64: text)
        else { return nil }
        self = secret
    }
}

extension SecretOctets: CustomStringConvertible, CustomReflectable {
    /// That there is one.
    public var description: String { "(secret)" }
    /// The same for dumps.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
