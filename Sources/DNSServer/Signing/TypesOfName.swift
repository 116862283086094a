// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// The types that a proof says a name has (RFC 4034 §4.1.2).
struct TypesOfName: BitwiseCopyable {
    /// What the name is.
    enum Kind: BitwiseCopyable {
        /// It does not exist.
        case missing
        /// It has the sets of a node, or none.
        case name
        /// It is a delegation: the zone has NS and DS there, and nothing else (RFC 4035 §2.3).
        case delegation
    }

    let kind: Kind
    /// The node; of a name that is made from a wildcard that of the wildcard.
    let node: ZoneNode
    /// The top of the zone, where its keys stand.
    let isApex: Bool

    /// What is known of a name that was looked up.
    init(_ match: ZoneMatch, _ view: ZoneView) {
        node = view.nodes[match.node]
        isApex = node.flags.contains(.apex) && Int(node.zone) == match.zone && match.kind == .exact
        if match.kind == .missing {
            kind = .missing
        } else if node.flags.contains(.apex), Int(node.zone) != match.zone {
            kind = .delegation
        } else {
            kind = Int(node.cut) == match.node ? .delegation : .name
        }
    }

    /// What is known of a delegation.
    init(delegation node: ZoneNode) {
        self.node = node
        kind = .delegation
        isApex = false
    }

    /// Appends the bitmap: without `denied`, of which a policy may say now that there is none.
    ///
    /// Of a delegation no type is denied that it has.
    @_lifetime(output: copy output)
    func write(
        without denied: RecordType,
        _ zone: SignedZone,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        var window = BitmapWindow()
        let isNSEC = zone.denial == .compact
        if isNSEC { window.insert(.NSEC) }
        if kind == .missing { window.insert(RecordType(128)) }
        var index = Int(node.firstSet)
        let end = kind == .missing ? index : index &+ Int(node.setCount)
        var isSigned = isNSEC
        while index < end, view.sets[index].type.rawValue < 256 {
            let type = view.sets[index].type
            index &+= 1
            guard has(type), type != denied || kind == .delegation else { continue }
            window.insert(type)
            // Name servers of a delegation are not signed.
            if !(kind == .delegation && type == .NS) { isSigned = true }
        }
        if kind == .name, node.setCount > 0 { isSigned = true }
        if isSigned { window.insert(.RRSIG) }
        if isApex {
            window.insert(.DNSKEY)
            if zone.cds.count > 0 { window.insert(.CDS) }
            if zone.cdnskey.count > 0 { window.insert(.CDNSKEY) }
            if zone.nsec3param.count > 0 { window.insert(.NSEC3PARAM) }
        }
        guard window.write(0, into: &output) else { return false }
        while index < end {
            let number = view.sets[index].type.rawValue >> 8
            var window = BitmapWindow()
            while index < end, view.sets[index].type.rawValue >> 8 == number {
                let type = view.sets[index].type
                if has(type), type != denied { window.insert(type) }
                index &+= 1
            }
            guard window.write(UInt8(truncatingIfNeeded: number), into: &output) else {
                return false
            }
        }
        return true
    }

    // What a file may hold of signing is not served when the zone is signed here.
    private func has(_ type: RecordType) -> Bool {
        switch type {
        case .RRSIG, .NSEC, .NSEC3, .NSEC3PARAM, .DNSKEY, .CDS, .CDNSKEY: false
        // What steers an alias is no data of its name: an alias stands alone.
        case .LUA: kind != .delegation && !node.flags.contains(.cname)
        case .NS, .DS: kind == .delegation || type == .NS || !isApex
        default: kind != .delegation
        }
    }
}

/// One window of 256 types.
private struct BitmapWindow {
    private var bits = InlineArray<32, UInt8>(repeating: 0)
    private var length = 0

    mutating func insert(_ type: RecordType) {
        let low = Int(type.rawValue & 255)
        bits[low / 8] |= 0x80 &>> UInt8(low % 8)
        length = max(length, low / 8 &+ 1)
    }

    @_lifetime(output: copy output)
    func write(_ number: UInt8, into output: inout OutputSpan<UInt8>) -> Bool {
        guard length > 0 else { return true }
        guard output.freeCapacity >= 2 &+ length else { return false }
        output.write(number)
        output.write(UInt8(truncatingIfNeeded: length))
        return output.write(bits.span.extracting(0..<length))
    }
}
