// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// The orders to forget something, counted, with the log that has them outlast the process.
///
/// The log is memory that is mapped to a file: what was written there is there for the next process, whatever
/// becomes of this one, and writing waits for no disk.
struct DiskOrders: Sendable {
    /// Octets of the log.
    static let size = 16 << 20
    /// Orders that are compared with what is being read from the disk.
    static let recentLimit = 256
    private static let magic: UInt64 = 0x0130_4452_4f54_524d
    // Magic, the number up to which everything is forgotten, and the highest number there has been.
    private static let headCount = 24

    /// How many there have been.
    private(set) var number: UInt64 = 0
    /// Everything that was asked for before this many is forgotten.
    private(set) var floor: UInt64 = 0
    /// Those that the log has, or will have once there is one.
    private(set) var recent: [DiskOrder] = []
    private var log: SharedMemory?
    private var end = 0
    private let key: SipKey
    private let size: Int

    init(key: SipKey, size: Int = DiskOrders.size) {
        self.key = key
        self.size = size
    }

    var isOpen: Bool { log != nil }
    /// True when it is time to leave out what concerns nobody.
    var isHalfFull: Bool { log != nil && end > size / 2 }

    // MARK: The log

    /// Reads what an earlier process has left, begins to write behind it, and appends what was ordered since.
    mutating func open(_ log: SharedMemory) -> [DiskOrder] {
        let content = log.read(at: 0, length: size)
        let bytes = content.span
        var before: [DiskOrder] = []
        var place = DiskOrders.headCount
        var last: UInt64 = 0
        if bytes.word(at: 0) == DiskOrders.magic {
            floor = bytes.word(at: 8) ?? 0
            last = max(bytes.word(at: 16) ?? 0, floor)
            while let (order, count) = DiskOrder.read(bytes, at: place, key: key) {
                before.append(order)
                last = max(last, order.number)
                place += count
            }
        } else {
            log.write([UInt8](repeating: 0, count: size).span, at: 0)
        }
        end = place
        self.log = log
        let early = recent
        recent = []
        number = last
        writeHead()
        for order in early { append(order.target, order.mode) }
        return before
    }

    /// Writes what still concerns somebody into another log, and goes on with that.
    ///
    /// `replace` is called once all is there, and gives the file its name.
    mutating func compact(
        into other: SharedMemory,
        since epoch: UInt64,
        _ replace: () throws(SystemError) -> Void
    ) throws(SystemError) {
        guard let log else { return }
        let content = log.read(at: 0, length: end)
        var kept: [UInt8] = []
        var place = DiskOrders.headCount
        while let (order, count) = DiskOrder.read(content.span, at: place, key: key) {
            if order.number > epoch { kept += content[place..<place + count] }
            place += count
        }
        other.write(kept.span, at: DiskOrders.headCount)
        let (before, endBefore) = (self.log, end)
        self.log = other
        end = DiskOrders.headCount + kept.count
        writeHead()
        do {
            try replace()
        } catch {
            (self.log, end) = (before, endBefore)
            throw error
        }
    }

    private func writeHead() {
        let words =
            DiskOrder.octets(of: DiskOrders.magic) + DiskOrder.octets(of: floor)
            + DiskOrder.octets(of: number)
        log?.write(words.span, at: 0)
    }

    // MARK: Orders

    /// Counts an order, and writes it down; false when there was no room, and then all that was asked for
    /// before is forgotten.
    @discardableResult
    mutating func append(_ target: DiskOrder.Target, _ mode: PurgeMode) -> Bool {
        number += 1
        let order = DiskOrder(number: number, mode: mode, target: target)
        recent.append(order)
        if recent.count > DiskOrders.recentLimit, isOpen { recent.removeFirst() }
        guard let log else { return true }
        let octets = order.octets(key)
        // Behind the last one there are always zeros, so that reading ends there.
        guard end + octets.count + 8 <= size else {
            floor = number
            writeHead()
            end = DiskOrders.headCount
            log.write([UInt8](repeating: 0, count: size - end).span, at: end)
            return false
        }
        log.write(octets.span, at: end)
        end += octets.count
        return true
    }

    /// What becomes of an object that is being read; nil when it stays as it is.
    func fate(_ hash: UInt64, _ keyText: Span<UInt8>, _ tags: TagList, epoch: UInt64) -> PurgeMode? {
        guard epoch >= floor else { return .hard }
        var fate: PurgeMode?
        for order in recent.reversed() {
            guard order.number > epoch else { break }
            guard order.isMeant(keyText, hash, hasTag: { tags.contains($0) }) else { continue }
            if order.mode == .hard { return .hard }
            fate = .soft
        }
        return fate
    }
}
