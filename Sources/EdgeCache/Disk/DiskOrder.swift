// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// An order to forget something of what was asked for before it.
struct DiskOrder: Sendable, Equatable {
    /// What is meant.
    enum Target: Sendable, Equatable {
        /// A key, by its hash.
        case key(UInt64)
        /// A tag, by its digest.
        case tag(UInt64)
        /// What is told by its key's text: ``StoredSelection/beginning(_:)`` or ``StoredSelection/host(_:)``.
        case text(StoredSelection)
        /// Everything.
        case all
    }

    /// Orders are counted: an object knows how many there had been when it was asked for.
    var number: UInt64
    var mode: PurgeMode
    var target: Target

    /// True for an object that is meant, whenever it was asked for.
    func isMeant(_ key: Span<UInt8>, _ hash: UInt64, hasTag: (UInt64) -> Bool) -> Bool {
        switch target {
        case .key(let meant): meant == hash
        case .tag(let tag): hasTag(tag)
        case .text(let selection): selection.isMeant(key, Span())
        case .all: true
        }
    }

    // MARK: As octets

    // Digest, number, kind with mode and count, and what is meant.
    private static let fixedCount = 24

    /// What stands in the log.
    func octets(_ key: SipKey) -> [UInt8] {
        let (kind, payload) = parts
        let count = DiskOrder.fixedCount + payload.count
        let flags = UInt64(kind) | (mode == .soft ? 1 << 8 : 0) | UInt64(payload.count) << 16
        var body = DiskOrder.octets(of: number) + DiskOrder.octets(of: flags) + payload
        body += [UInt8](repeating: 0, count: -count & 7)
        return DiskOrder.octets(of: DiskRecord.digest(body.span, key)) + body
    }

    /// The order that begins at a place, with its octets; nil behind the last one.
    static func read(
        _ bytes: Span<UInt8>,
        at place: Int,
        key: SipKey
    ) -> (order: DiskOrder, count: Int)? {
        guard let digest = bytes.word(at: place), let number = bytes.word(at: place + 8),
            let flags = bytes.word(at: place + 16)
        else { return nil }
        let length = Int(truncatingIfNeeded: flags >> 16 & 0xffff_ffff)
        let count = (fixedCount + length + 7) & ~7
        guard count <= bytes.count - place else { return nil }
        guard DiskRecord.digest(bytes.extracting(place + 8..<place + count), key) == digest else {
            return nil
        }
        let payload = bytes.extracting(place + fixedCount..<place + fixedCount + length)
        guard let target = target(UInt8(truncatingIfNeeded: flags), payload) else { return nil }
        let mode: PurgeMode = flags >> 8 & 1 == 1 ? .soft : .hard
        return (DiskOrder(number: number, mode: mode, target: target), count)
    }

    private var parts: (kind: UInt8, payload: [UInt8]) {
        switch target {
        case .key(let hash): (1, DiskOrder.octets(of: hash))
        case .tag(let tag): (2, DiskOrder.octets(of: tag))
        case .text(.beginning(let text)): (3, text)
        case .text(.host(let text)): (4, text)
        case .text, .all: (5, [])
        }
    }

    private static func target(_ kind: UInt8, _ payload: Span<UInt8>) -> Target? {
        func text() -> [UInt8] { payload.indices.map { payload[$0] } }
        switch kind {
        case 1: return payload.word(at: 0).map { .key($0) }
        case 2: return payload.word(at: 0).map { .tag($0) }
        case 3: return .text(.beginning(text()))
        case 4: return .text(.host(text()))
        case 5: return .all
        default: return nil
        }
    }

    static func octets(of word: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
    }
}

/// Orders by what they mean, for many objects to be compared with.
struct DiskOrderTable {
    private var keys: [UInt64: UInt64] = [:]
    private var softKeys: [UInt64: UInt64] = [:]
    private var tags: [UInt64: UInt64] = [:]
    private var softTags: [UInt64: UInt64] = [:]
    private var others: [DiskOrder] = []

    /// Those of a list that is in order.
    init(_ orders: [DiskOrder]) {
        for order in orders {
            switch (order.target, order.mode) {
            case (.key(let hash), .hard): keys[hash] = order.number
            case (.key(let hash), .soft): softKeys[hash] = order.number
            case (.tag(let tag), .hard): tags[tag] = order.number
            case (.tag(let tag), .soft): softTags[tag] = order.number
            case (.text, _), (.all, _): others.append(order)
            }
        }
    }

    /// What becomes of an object; nil when it stays as it is.
    func fate(
        _ listing: DiskListing,
        _ bytes: Span<UInt8>,
        at place: Int,
        hash: UInt64
    ) -> PurgeMode? {
        let epoch = listing.epoch
        if let number = keys[hash], number > epoch { return .hard }
        var isSoft = softKeys[hash].map { $0 > epoch } ?? false
        if !tags.isEmpty || !softTags.isEmpty {
            for number in 0..<listing.tagCount {
                let tag = listing.tag(number, bytes, at: place)
                if let number = tags[tag], number > epoch { return .hard }
                if let number = softTags[tag], number > epoch { isSoft = true }
            }
        }
        for order in others where order.number > epoch {
            guard order.isMeant(bytes.slice(listing.key(at: place)), hash, hasTag: { _ in false })
            else { continue }
            if order.mode == .hard { return .hard }
            isSoft = true
        }
        return isSoft ? .soft : nil
    }
}
