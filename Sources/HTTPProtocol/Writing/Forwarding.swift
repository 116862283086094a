// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Which fields tell an origin who asked.
public struct ForwardingStyle: OptionSet, Sendable, BitwiseCopyable {
    /// The bits as given.
    public let rawValue: UInt8

    /// Wraps raw bits.
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
    @inlinable public static var xForwarded: ForwardingStyle { ForwardingStyle(rawValue: 1) }
    /// `Forwarded` (RFC 7239).
    @inlinable public static var standard: ForwardingStyle { ForwardingStyle(rawValue: 2) }
}

/// What an origin is told about the client of one request.
///
/// Anyone can send these fields, so they are believed only when the peer is one that the
/// operator trusts: then its own address is added behind what it said, and the scheme and host
/// it saw are kept. From anyone else they are left out and written anew.
public struct Forwarding: BitwiseCopyable, Sendable {
    /// The address of the peer.
    public var client: IPAddress
    /// True when the peer's own forwarding fields are believed.
    public var isTrusted: Bool
    /// True when the peer came by TLS.
    public var isSecure: Bool
    /// What is written.
    public var style: ForwardingStyle

    /// A policy for one request.
    public init(
        client: IPAddress,
        isTrusted: Bool,
        isSecure: Bool = false,
        style: ForwardingStyle = .xForwarded
    ) {
        self.client = client.unmapped
        self.isTrusted = isTrusted
        self.isSecure = isSecure
        self.style = style
    }

    /// The fields to leave out of what is copied, because they are written here or not believed.
    public var dropped: FieldSet {
        var fields: FieldSet = [
            .xForwardedFor, .xForwardedProto, .xForwardedHost, .forwarded, .via,
        ]
        if !isTrusted {
            fields.insert(.xForwardedPort)
            fields.insert(.xRealIP)
            // RFC 9440 §3: only who has seen the certificate may tell of it.
            fields.insert(.clientCert)
            fields.insert(.clientCertChain)
        }
        return fields
    }
}

extension OutputSpan where Element == UInt8 {
    /// Appends the forwarding fields of a request.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeForwarding(
        _ forwarding: Forwarding,
        _ head: RequestHead,
        _ fields: borrowing FieldTable,
        from bytes: Span<UInt8>
    ) -> Bool {
        let before = count
        var isWhole = true
        if forwarding.style.contains(.xForwarded) {
            isWhole = writeXForwarded(forwarding, head, fields, bytes)
        }
        if isWhole, forwarding.style.contains(.standard) {
            isWhole = write("Forwarded: " as StaticString)
            if isWhole, forwarding.isTrusted { isWhole = writeList(.forwarded, fields, bytes) }
            isWhole = isWhole && writeForwardedElement(forwarding, bytes.slice(head.authority))
        }
        if !isWhole { removeLast(count &- before) }
        return isWhole
    }

    /// Appends `Via`: what came, then the version it came by and who passes it on.
    ///
    /// RFC 9110 §7.6.3.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeVia(
        minorVersion: UInt8,
        isHTTP2: Bool = false,
        _ fields: borrowing FieldTable,
        from bytes: Span<UInt8>
    ) -> Bool {
        let before = count
        let name: StaticString =
            isHTTP2 ? "2 martlet\r\n" : minorVersion == 0 ? "1.0 martlet\r\n" : "1.1 martlet\r\n"
        let isWhole =
            write("Via: " as StaticString) && writeList(.via, fields, bytes)
            && write(name)
        if !isWhole { removeLast(count &- before) }
        return isWhole
    }

    @_lifetime(self: copy self)
    private mutating func writeXForwarded(
        _ forwarding: Forwarding,
        _ head: RequestHead,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> Bool {
        guard write("X-Forwarded-For: " as StaticString) else { return false }
        if forwarding.isTrusted, !writeList(.xForwardedFor, fields, bytes) { return false }
        guard write(address: forwarding.client), writeLineEnd() else { return false }
        if forwarding.isTrusted, let index = fields.first(.xForwardedProto) {
            guard copyField(fields[index], from: bytes) else { return false }
        } else {
            let scheme: StaticString = forwarding.isSecure ? "https" : "http"
            guard writeField("X-Forwarded-Proto", scheme) else { return false }
        }
        if forwarding.isTrusted, let index = fields.first(.xForwardedHost) {
            return copyField(fields[index], from: bytes)
        }
        guard !head.authority.isEmpty else { return true }
        return writeField("X-Forwarded-Host", bytes.slice(head.authority))
    }

    // One element of `Forwarded` (RFC 7239 §4). An IPv6 address is quoted and in brackets (§6.1).
    @_lifetime(self: copy self)
    private mutating func writeForwardedElement(
        _ forwarding: Forwarding,
        _ authority: Span<UInt8>
    ) -> Bool {
        let isIPv4 = forwarding.client.isIPv4
        guard write(isIPv4 ? "for=" : "for=\"[" as StaticString) else { return false }
        guard write(address: forwarding.client) else { return false }
        guard write(isIPv4 ? "" : "]\"" as StaticString) else { return false }
        if !authority.isEmpty {
            // Quoted always: a colon or bracket is no token octet.
            guard write(";host=\"" as StaticString), write(authority) else { return false }
            guard write("\"" as StaticString) else { return false }
        }
        let scheme: StaticString = forwarding.isSecure ? ";proto=https\r\n" : ";proto=http\r\n"
        return write(scheme)
    }

    // The values of all lines of a field, each followed by a comma.
    @_lifetime(self: copy self)
    private mutating func writeList(
        _ known: KnownField,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> Bool {
        var place = fields.first(known)
        while let index = place {
            let value = bytes.slice(fields[index].value)
            if !value.isEmpty {
                guard write(value), write(", " as StaticString) else { return false }
            }
            place = fields.next(known, from: index &+ 1)
        }
        return true
    }
}
