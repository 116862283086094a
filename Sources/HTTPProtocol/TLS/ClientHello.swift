// SPDX-License-Identifier: Apache-2.0
internal import Essentials

// struct {                                     RFC 8446 §5.1, once or more: the hello may be cut
//     ContentType type = 22;                   anywhere
//     ProtocolVersion legacy_record_version;
//     uint16 length = 1...2^14;
// } TLSPlaintext;
// struct {                                     §4
//     HandshakeType msg_type = 1;
//     uint24 length;
// } Handshake;
// struct {                                     §4.1.2
//     ProtocolVersion legacy_version = 0x0303;
//     Random random;                           32 octets
//     opaque legacy_session_id<0..32>;
//     CipherSuite cipher_suites<2..2^16-2>;
//     opaque legacy_compression_methods<1..2^8-1>;
//     Extension extensions<8..2^16-1>;         absent from old clients of TLS 1.2
// } ClientHello;

/// Why bytes are no client hello that can be passed on by its name.
public enum ClientHelloFault: UInt8, Error, Equatable, Sendable, BitwiseCopyable {
    /// They look like a request of HTTP.
    case plainText
    /// They are no record of TLS with a client hello.
    case notTLS
    /// A length or a name in it cannot be.
    case malformed
    /// It is longer than ``ClientHello/limit``.
    case tooLarge
}

/// What the beginning of a connection says.
public enum ClientHelloResult: Equatable, Sendable, BitwiseCopyable {
    /// The hello has not come whole.
    case needMore
    /// It asks for this name, or for none.
    case name(ServerName)
    /// It is none.
    case refused(ClientHelloFault)
}

/// Reads which server a client of TLS asks for, from bytes that are not taken.
public enum ClientHello {
    /// Octets of a hello with its records.
    ///
    /// Those of browsers have 500 to 1,900, also with the keys of ML-KEM; each is looked at again
    /// whenever more has come.
    public static let limit = 16_384

    /// Looks at the bytes that have come; more of them never change a verdict.
    public static func read(_ bytes: Span<UInt8>) -> ClientHelloResult {
        var cursor = HelloCursor()
        do throws(HelloStop) {
            return .name(try cursor.hello(bytes))
        } catch {
            switch error {
            case .needMore:
                return bytes.count >= limit ? .refused(.tooLarge) : .needMore
            case .refused(let fault): return .refused(fault)
            }
        }
    }
}

private enum HelloStop: Error {
    case needMore
    case refused(ClientHelloFault)
}

/// A place in a hello, on whichever record it is.
private struct HelloCursor {
    private var index = 0
    /// Octets of the present record that are still to come.
    private var record = 0
    /// Octets of the message that are still to come.
    private var message = 4

    mutating func hello(_ bytes: Span<UInt8>) throws(HelloStop) -> ServerName {
        guard try octet(bytes) == 1 else { throw .refused(.notTLS) }
        let length = try number(bytes, octets: 3)
        guard length <= ClientHello.limit else { throw .refused(.tooLarge) }
        message = length
        guard try octet(bytes) == 3 else { throw .refused(.notTLS) }
        try skip(bytes, 33)
        let session = try number(bytes, octets: 1)
        guard session <= 32 else { throw .refused(.malformed) }
        try skip(bytes, session)
        let ciphers = try number(bytes, octets: 2)
        guard ciphers >= 2, ciphers & 1 == 0 else { throw .refused(.malformed) }
        try skip(bytes, ciphers)
        let methods = try number(bytes, octets: 1)
        guard methods >= 1 else { throw .refused(.malformed) }
        try skip(bytes, methods)
        return message == 0 ? ServerName() : try extensions(bytes)
    }

    private mutating func extensions(_ bytes: Span<UInt8>) throws(HelloStop) -> ServerName {
        guard try number(bytes, octets: 2) == message else { throw .refused(.malformed) }
        var name = ServerName()
        var isNamed = false
        while message > 0 {
            let type = try number(bytes, octets: 2)
            let length = try number(bytes, octets: 2)
            guard length <= message else { throw .refused(.malformed) }
            guard type == 0 else {
                try skip(bytes, length)
                continue
            }
            // RFC 8446 §4.2: no extension twice; two readers might take different ones.
            guard !isNamed else { throw .refused(.malformed) }
            isNamed = true
            name = try serverName(bytes, length)
        }
        return name
    }

    /// RFC 6066 §3: a list with one entry, of type host_name.
    private mutating func serverName(
        _ bytes: Span<UInt8>,
        _ length: Int
    ) throws(HelloStop) -> ServerName {
        guard length >= 6, try number(bytes, octets: 2) == length &- 2,
            try octet(bytes) == 0, try number(bytes, octets: 2) == length &- 5
        else { throw .refused(.malformed) }
        var name = ServerName()
        for _ in 0..<(length &- 5) {
            guard name.append(try octet(bytes)) else { throw .refused(.malformed) }
        }
        name.dropDot()
        return name
    }

    // MARK: Octets

    private mutating func octet(_ bytes: Span<UInt8>) throws(HelloStop) -> UInt8 {
        guard message > 0 else { throw .refused(.malformed) }
        if record == 0 { try beginRecord(bytes) }
        let octet = try raw(bytes)
        record &-= 1
        message &-= 1
        return octet
    }

    private mutating func number(_ bytes: Span<UInt8>, octets: Int) throws(HelloStop) -> Int {
        var number = 0
        for _ in 0..<octets { number = number &<< 8 | Int(try octet(bytes)) }
        return number
    }

    private mutating func skip(_ bytes: Span<UInt8>, _ count: Int) throws(HelloStop) {
        guard count <= message else { throw .refused(.malformed) }
        var left = count
        while left > 0 {
            if record == 0 { try beginRecord(bytes) }
            let step = min(left, record, bytes.count &- index)
            guard step > 0 else { throw .needMore }
            index &+= step
            record &-= step
            message &-= step
            left &-= step
        }
    }

    private mutating func beginRecord(_ bytes: Span<UInt8>) throws(HelloStop) {
        let isFirst = index == 0
        let type = try raw(bytes)
        guard type == 22 else {
            let isLetter = type >= UInt8(ascii: "A") && type <= UInt8(ascii: "Z")
            throw .refused(isFirst && isLetter ? .plainText : isFirst ? .notTLS : .malformed)
        }
        // RFC 8446 §5.1: the rest of the version says nothing.
        guard try raw(bytes) == 3 else { throw .refused(isFirst ? .notTLS : .malformed) }
        _ = try raw(bytes)
        record = Int(try raw(bytes)) &<< 8
        record |= Int(try raw(bytes))
        // §5.1: no handshake fragment is empty, and none is longer.
        guard record > 0, record <= 16_384 else { throw .refused(.malformed) }
    }

    private mutating func raw(_ bytes: Span<UInt8>) throws(HelloStop) -> UInt8 {
        guard index < bytes.count else { throw .needMore }
        let octet = bytes[index]
        index &+= 1
        return octet
    }
}
