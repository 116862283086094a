// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// A name that a client hello asks for, in lower case and without a dot at its end.
public struct ServerName: BitwiseCopyable, Sendable {
    /// A name of DNS is no longer (RFC 1035 §3.1).
    public static let limit = 255

    private var octets = InlineArray<255, UInt8>(repeating: 0)
    /// Octets of the name; 0 for none.
    public private(set) var count = 0

    /// No name.
    public init() {}

    /// Nobody in particular was asked for.
    public var isEmpty: Bool { count == 0 }

    /// Adds an octet; false when it cannot be part of a host, or there is no room.
    mutating func append(_ octet: UInt8) -> Bool {
        let lower = ASCII.lowercased(octet)
        let isPlain =
            lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z")
            || lower >= UInt8(ascii: "0") && lower <= UInt8(ascii: "9")
            || lower == UInt8(ascii: "-") || lower == UInt8(ascii: ".")
            || lower == UInt8(ascii: "_")
        guard isPlain, count < ServerName.limit else { return false }
        octets[count] = lower
        count &+= 1
        return true
    }

    /// RFC 6066 §3: without the trailing dot; some send it.
    mutating func dropDot() {
        if count > 0, octets[count &- 1] == UInt8(ascii: ".") { count &-= 1 }
    }

    /// Appends the name; nothing, and false, when it does not fit.
    @discardableResult @_lifetime(output: copy output)
    public func write(into output: inout OutputSpan<UInt8>) -> Bool {
        guard output.freeCapacity >= count else { return false }
        for index in 0..<count { output.append(octets[index]) }
        return true
    }
}

extension ServerName: Equatable {
    /// The same octets.
    public static func == (a: ServerName, b: ServerName) -> Bool {
        guard a.count == b.count else { return false }
        for index in 0..<a.count where a.octets[index] != b.octets[index] { return false }
        return true
    }
}

extension ServerName: CustomStringConvertible {
    /// The name; empty for none.
    public var description: String {
        var bytes: [UInt8] = []
        for index in 0..<count { bytes.append(octets[index]) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
