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
    /// Orders that are remembered until the disk is open; of more all that is there is forgotten.
    static let earlyLimit = 65_536
    /// After so many octets more it is worth while to leave something out again.
    private static let step = 1 << 20
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
    private var endThen = 0
    private var isServing = false
    private var isClosed = false
    /// There were more orders than are remembered before the log was there.
    private(set) var isEarlyFull = false
    private let key: SipKey
    private let size: Int

    init(key: SipKey, size: Int = DiskOrders.size) {
        self.key = key
        self.size = size
    }

    /// True when it is time to leave out what concerns nobody.
    var isHalfFull: Bool { log != nil && end > max(size / 2, endThen + DiskOrders.step) }

    // MARK: The log

    /// What an earlier process has left.
    struct Past: Sendable {
        var orders: [DiskOrder] = []
        var floor: UInt64 = 0
        var last: UInt64 = 0
        var end = DiskOrders.headCount
        /// Something stands there that cannot be read: nobody knows what was meant.
        var isTorn = false
    }

    /// Reads a log, which nobody writes meanwhile.
    static func read(_ log: SharedMemory, size: Int = DiskOrders.size, key: SipKey) -> Past {
        let content = log.read(at: 0, length: size)
        let bytes = content.span
        var past = Past()
        guard bytes.word(at: 0) == DiskOrders.magic else {
            log.write([UInt8](repeating: 0, count: size).span, at: 0)
            return past
        }
        past.floor = bytes.word(at: 8) ?? 0
        past.last = max(bytes.word(at: 16) ?? 0, past.floor)
        while let (order, count) = DiskOrder.read(bytes, at: past.end, key: key) {
            past.orders.append(order)
            past.last = max(past.last, order.number)
            past.end += count
        }
        past.isTorn = bytes.word(at: past.end) ?? 0 != 0
        return past
    }

    /// Goes on behind what an earlier process has left, with what was ordered since; how many orders there had
    /// been before.
    mutating func open(_ log: SharedMemory, behind past: Past) -> UInt64 {
        let early = recent
        recent = []
        (floor, number, end) = (past.floor, past.last, past.end)
        self.log = log
        let first = number
        writeHead()
        for order in early { append(order.target, order.mode) }
        return first
    }

    /// What was found on the disk knows of so many orders: later ones have higher numbers.
    mutating func raise(to least: UInt64) {
        guard number < least else { return }
        number = least
        writeHead()
    }

    /// Everything that was asked for so far is forgotten, and the log begins anew.
    mutating func forgetAll() {
        number += 1
        floor = number
        writeHead()
        end = DiskOrders.headCount
        log?.write([UInt8](repeating: 0, count: size - end).span, at: end)
    }

    /// The disk is looked through: what has been ordered meanwhile need not be remembered any more.
    mutating func serve() { isServing = true }

    /// Another process, or another store, may write the log from now on.
    mutating func close() {
        isClosed = true
        log = nil
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
        endThen = end
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
        guard !isClosed else { return true }
        let order = DiskOrder(number: number, mode: mode, target: target)
        recent.append(order)
        if isServing {
            if recent.count > DiskOrders.recentLimit { recent.removeFirst() }
        } else if recent.count > DiskOrders.earlyLimit {
            isEarlyFull = true
            recent = []
        }
        guard let log else { return true }
        let octets = order.octets(key)
        // Behind the last one there are always zeros, so that reading ends there.
        guard end + octets.count + 8 <= size else {
            forgetAll()
            return false
        }
        log.write(octets.span, at: end)
        end += octets.count
        return true
    }

    /// What becomes of an object that is being read; nil when it stays as it is.
    func fate(_ hash: UInt64, _ keyText: Span<UInt8>, _ tags: TagList, epoch: UInt64) -> PurgeMode?
    {
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
