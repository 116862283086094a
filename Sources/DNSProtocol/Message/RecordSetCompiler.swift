// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Turns record sets into bytes that an answer only copies: all name compression is in this file.
///
/// Compression as usually done searches the message under construction for every name, per answer.
/// Here it is done once, when a zone is built. A compiled record is
///
///     C0 0C | type | class | TTL | length | data
///
/// with the owner as a pointer to offset 12: in nearly every answer the owner is the question's
/// name. Names inside the data end in a pointer wherever they share a suffix with
///
/// - the owner of the set,
/// - the apex of the zone (the question's name ends with it, so it is in every answer), or
/// - a name earlier in the same set.
///
/// Where these stand is known only in the answer, so each such pointer is listed as a reference of
/// four octets: where the pointer is, and what it means. `ResponseWriter.place` fills them in: two
/// stores each, and none at all for addresses and texts.
public struct RecordSetCompiler {
    /// The records in wire form.
    public private(set) var wire: [UInt8] = []
    /// The references in their stored form, four octets each.
    public private(set) var references: [UInt8] = []
    /// Records so far.
    public private(set) var count = 0
    private var owner: [UInt8] = []
    private var apexLength = 0
    private var type = RecordType(0)
    private var ttl: UInt32 = 0
    // Suffixes written earlier in the set: where in `wire`, and their full form.
    private var suffixes: [(offset: Int, name: [UInt8])] = []

    enum Kind: UInt16 {
        case owner, apex, relative
    }

    // Relative pointers aim at the first 4 KiB of a set, so that 14 bits always reach.
    static let relativeLimit = 4096
    static let referenceLimit = 255
    static let suffixLimit = 64
    /// The most octets of a compiled set: it must fit a TCP message beside its question.
    public static let lengthLimit = 65_000

    /// A compiler that is used for one set after another.
    public init() {}

    /// Begins a set; the owner ends with the apex.
    public mutating func begin(
        owner: [UInt8],
        apexLength: Int,
        type: RecordType,
        ttl: UInt32
    ) {
        wire.removeAll(keepingCapacity: true)
        references.removeAll(keepingCapacity: true)
        suffixes.removeAll(keepingCapacity: true)
        count = 0
        self.owner = owner
        self.apexLength = apexLength
        self.type = type
        self.ttl = ttl
    }

    /// Adds a record whose data is in uncompressed wire form; false when the set becomes too large.
    ///
    /// `own` is for a record with a TTL of its own: signatures have that of what they sign.
    public mutating func append(_ data: Span<UInt8>, ttl own: UInt32? = nil) -> Bool {
        let ttl = own ?? ttl
        guard wire.count + data.count + 12 <= RecordSetCompiler.lengthLimit else { return false }
        wire += [0xc0, 0x0c, UInt8(type.rawValue >> 8), UInt8(type.rawValue & 255), 0, 1]
        wire += [
            UInt8(ttl >> 24), UInt8(ttl >> 16 & 255), UInt8(ttl >> 8 & 255), UInt8(ttl & 255),
        ]
        let lengthPlace = wire.count
        wire += [0, 0]
        appendData(data)
        let length = wire.count - lengthPlace - 2
        wire[lengthPlace] = UInt8(length >> 8)
        wire[lengthPlace + 1] = UInt8(length & 255)
        count += 1
        return true
    }

    private mutating func appendData(_ data: Span<UInt8>) {
        // RFC 3597 §4: only the types of RFC 1035 may be compressed.
        guard type.hasCompressibleNames else { return copy(data, from: 0) }
        var position = 0
        if type == .MX {
            for index in 0..<min(2, data.count) { wire.append(data[index]) }
            position = 2
        }
        for _ in 0..<(type == .SOA || type == .MINFO ? 2 : 1) {
            guard let length = WireName.length(in: data, at: position) else { break }
            appendName(data.extracting(position..<position + length))
            position += length
        }
        copy(data, from: position)
    }

    private mutating func copy(_ data: Span<UInt8>, from start: Int) {
        var position = start
        while position < data.count {
            wire.append(data[position])
            position += 1
        }
    }

    private mutating func appendName(_ name: Span<UInt8>) {
        var position = 0
        while position < name.count, name[position] != 0 {
            let suffix = name.extracting(position..<name.count)
            if let (kind, value) = reference(for: suffix) {
                for word in [UInt16(truncatingIfNeeded: wire.count), kind.rawValue << 14 | value] {
                    references.append(UInt8(word >> 8))
                    references.append(UInt8(word & 255))
                }
                wire += [0xc0, 0]
                return
            }
            remember(suffix)
            let end = min(position + Int(name[position]) + 1, name.count)
            while position < end {
                wire.append(name[position])
                position += 1
            }
        }
        wire.append(0)
    }

    private mutating func remember(_ suffix: Span<UInt8>) {
        guard wire.count < RecordSetCompiler.relativeLimit,
            suffixes.count < RecordSetCompiler.suffixLimit, type != .CNAME
        else { return }
        suffixes.append((wire.count, Array(copying: suffix)))
    }

    private func reference(for suffix: Span<UInt8>) -> (Kind, UInt16)? {
        // Two octets are not saved on a one-letter name, but neither are they lost.
        guard suffix.count > 2, references.count / 4 < RecordSetCompiler.referenceLimit,
            wire.count <= Int(UInt16.max)
        else { return nil }
        // A name of another case is written out, and so keeps it (RFC 5936 §3.4).
        func equals(_ other: Span<UInt8>) -> Bool {
            guard other.count == suffix.count else { return false }
            for index in other.indices where other[index] != suffix[index] { return false }
            return true
        }
        // In an answer made from a wildcard the owner is another name (RFC 4592 §3.3.1).
        let isWildcard = owner.count > 2 && owner[0] == 1 && owner[1] == UInt8(ascii: "*")
        let apexStart = owner.count - apexLength
        if !isWildcard, equals(owner.span) { return (.owner, 0) }
        if apexStart >= 0, equals(owner.span.extracting(apexStart..<owner.count)) {
            return (.apex, 0)
        }
        guard let earlier = suffixes.first(where: { equals($0.name.span) }) else { return nil }
        return (.relative, UInt16(truncatingIfNeeded: earlier.offset))
    }
}

extension Array where Element == UInt8 {
    init(copying span: Span<UInt8>) {
        self = []
        reserveCapacity(span.count)
        for index in span.indices { append(span[index]) }
    }
}

/// Where a compiled record set lies in a blob of bytes: its references first, then its records.
public struct CompiledSet: BitwiseCopyable, Sendable {
    /// Offset of the first record; the references end there.
    public var offset: UInt32
    /// Octets of all records.
    public var length: UInt16
    /// Number of records.
    public var count: UInt16
    /// Number of references.
    public var referenceCount: UInt8

    /// Names a place in a blob.
    @inlinable public init(offset: UInt32, length: UInt16, count: UInt16, referenceCount: UInt8) {
        self.offset = offset
        self.length = length
        self.count = count
        self.referenceCount = referenceCount
    }
}

/// The part of a message that a record goes to.
public enum MessageSection: Sendable {
    /// What was asked for.
    case answer
    /// Who is responsible, or why there is nothing.
    case authority
    /// What will be asked next.
    case additional
}

extension ResponseWriter {
    /// Copies a compiled set into the message; false, with nothing written, when it does not fit.
    ///
    /// `owner` and `apex` are offsets in the message. `rotation` says which record comes first; it
    /// counts only where all records have one length, as addresses have.
    @inlinable @_lifetime(output: copy output)
    public mutating func place(
        _ set: CompiledSet,
        of blob: Span<UInt8>,
        owner: Int,
        apex: Int,
        rotation: Int = 0,
        section: MessageSection,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let from = Int(set.offset)
        let length = Int(set.length)
        let base = output.count
        guard length <= room(output), from &+ length <= blob.count else { return false }
        if rotation == 0 || set.count == 0 {
            output.write(blob.extracting(from..<from &+ length))
        } else {
            let turn = rotation % Int(set.count) &* (length / Int(set.count))
            output.write(blob.extracting(from &+ turn..<from &+ length))
            output.write(blob.extracting(from..<from &+ turn))
        }
        if owner != DNSQuery.headerLength || set.referenceCount > 0 {
            let done = resolve(set, of: blob, base: base, owner, apex, into: &output)
            guard done else {
                output.removeLast(output.count &- base)
                return false
            }
        }
        add(set.count, to: section)
        return true
    }

    /// Counts records that were written into a section.
    @inlinable public mutating func add(_ count: UInt16, to section: MessageSection) {
        switch section {
        case .answer: answerCount &+= count
        case .authority: authorityCount &+= count
        case .additional: additionalCount &+= count
        }
    }

    // Fills in the pointers that depend on the message; false when one would not reach (14 bits).
    @usableFromInline @_lifetime(output: copy output)
    func resolve(
        _ set: CompiledSet,
        of blob: Span<UInt8>,
        base: Int,
        _ owner: Int,
        _ apex: Int,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let reach = 0x3fff
        let references = Int(set.referenceCount) &* 4
        let first = Int(set.offset) &- references
        guard max(owner, apex) <= reach, min(owner, apex) >= 0, first >= 0 else { return false }
        // Only what points into itself has to stand where pointers reach: addresses need not.
        guard references == 0 || base &- start <= reach &- RecordSetCompiler.relativeLimit else {
            return false
        }
        if owner != DNSQuery.headerLength { setOwners(set, base: base, owner, into: &output) }
        var index = first
        while index < first &+ references {
            let place = base &+ DNSQuery.word(blob, index)
            let meaning = DNSQuery.word(blob, index &+ 2)
            let target =
                switch meaning >> 14 {
                case 0: owner
                case 1: apex
                default: base &- start &+ meaning & 0x3fff
                }
            guard place &+ 1 < output.count else { return false }
            output[place] = 0xc0 | UInt8(truncatingIfNeeded: target >> 8)
            output[place &+ 1] = UInt8(truncatingIfNeeded: target)
            index &+= 4
        }
        return true
    }

    @_lifetime(output: copy output)
    private func setOwners(
        _ set: CompiledSet,
        base: Int,
        _ owner: Int,
        into output: inout OutputSpan<UInt8>
    ) {
        var position = base
        while position &+ 12 <= output.count {
            output[position] = 0xc0 | UInt8(truncatingIfNeeded: owner >> 8)
            output[position &+ 1] = UInt8(truncatingIfNeeded: owner)
            let length = Int(output[position &+ 10]) << 8 | Int(output[position &+ 11])
            position &+= 12 &+ length
        }
    }
}
