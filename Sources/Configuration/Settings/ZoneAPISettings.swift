// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// The API for zones.
public struct ZoneAPISettings: Sendable, Equatable {
    /// Where it listens; nil without a key.
    public var listen: ListenAddress?
    /// What requests must show; nil turns the API off.
    public var key: SecretOctets?
    /// What checks the addresses of dynamic records; nil for nothing.
    public var probe: String?

    /// An API that is off.
    public init() {}

    /// The address of the socket; nil while the API is off.
    public var address: SocketAddress? {
        listen.map { SocketAddress($0.ip ?? IPAddress(v6: 0), port: $0.port) }
    }
}

extension SecretOctets {
    /// True when a text is the base64 of these octets: in a time that does not depend on where they
    /// differ.
    public func isSame(asText text: String) -> Bool {
        guard let other = Base64.bytes(Array(text.utf8).span, .standard),
            other.count == octets.count
        else { return false }
        var difference: UInt8 = 0
        for index in octets.indices { difference |= octets[index] ^ other[index] }
        return difference == 0
    }
}
