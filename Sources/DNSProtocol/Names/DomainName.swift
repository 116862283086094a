// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// A complete domain name as a value, in uncompressed wire form with its case kept.
///
/// For building zones, settings and texts; the data path works on spans and never makes one.
public struct DomainName: Sendable {
    /// Length octets, labels and the final zero octet.
    public let wire: [UInt8]

    /// The root of the tree.
    public static let root = DomainName(unchecked: [0])

    init(unchecked wire: [UInt8]) { self.wire = wire }

    /// The name whose wire form is exactly these bytes; nil when they are no uncompressed name.
    public init?(wire: [UInt8]) {
        guard WireName.length(in: wire.span, at: 0) == wire.count else { return nil }
        self.wire = wire
    }

    /// Reads the text form, relative to the root: the final dot may be missing.
    ///
    /// Escapes `\.` and `\123` are read as in zone files (RFC 1035 §5.1). Nil for empty labels, and
    /// for labels or names that are too long.
    public init?(_ text: some StringProtocol) {
        var name: [UInt8] = []
        let bytes = Array(text.utf8)
        guard NameText.append(bytes.span, origin: [0].span, to: &name) == .complete else {
            return nil
        }
        self.init(unchecked: name)
    }

    /// Number of labels, the root not counted.
    public var labelCount: Int { WireName.scan(wire.span, at: 0)?.labelCount ?? 0 }
    /// True for the root.
    public var isRoot: Bool { wire.count == 1 }
    /// The name without its first label; the root stays the root.
    public var parent: DomainName {
        guard !isRoot else { return self }
        return DomainName(unchecked: Array(wire.dropFirst(Int(wire[0]) + 1)))
    }
    /// The name in lower case: equal names have the same bytes here.
    public var lowercased: DomainName { DomainName(unchecked: wire.map(ASCII.lowercased)) }

    /// True when this name is `other` or lies below it.
    public func isWithin(_ other: DomainName) -> Bool {
        var rest = self
        while rest.wire.count > other.wire.count { rest = rest.parent }
        return rest == other
    }

    /// This name placed below `suffix`; nil when the result is too long.
    public func appending(_ suffix: DomainName) -> DomainName? {
        DomainName(wire: wire.dropLast() + suffix.wire)
    }
}

extension DomainName: Hashable {
    /// Equal but for ASCII case (RFC 4343).
    public static func == (a: DomainName, b: DomainName) -> Bool {
        a.wire.count == b.wire.count
            && WireName.matches(a.wire.span, at: 0, b.wire.span, at: 0, length: a.wire.count)
    }
    /// Case does not change the hash.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(WireName.scan(wire.span, at: 0)?.hash.value ?? 0)
    }
}

extension DomainName: CustomStringConvertible {
    /// The text form with the final dot; odd octets are escaped.
    public var description: String { NameText.text(of: wire.span, at: 0) }
}
