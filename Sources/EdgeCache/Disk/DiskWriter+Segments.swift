// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Synchronization

/// Segments: they are filled one after the other, and the oldest goes when there is no room for one more.
extension DiskWriter {
    // MARK: Opening

    /// Looks through what an earlier process has left.
    mutating func open() throws(SystemError) {
        let past: DiskOrders.Past
        do throws(SystemError) {
            past = try openOrders()
        } catch {
            fail(error, at: "opening \(tier.plan.folder)/orders")
            throw error
        }
        let isLost = past.isTorn || tier.orders.withLock { $0.isEarlyFull }
        let floor = isLost ? .max : tier.orders.withLock { $0.floor }
        store?.beginEpoch(firstEpoch)
        let table = DiskOrderTable(past.orders)
        var found = 0
        var greatest: UInt64 = 0
        // The newest first: of what there is twice the newer one holds.
        for number in segmentNumbers().sorted(by: >) {
            guard let store else { return }
            self.number = max(self.number, number)
            guard let data = try? DiskFile(tier.path(number, "data")) else { continue }
            tier.segments.withLock { $0[number] = data }
            found += adopt(number, data, table, floor: floor, &greatest, store)
        }
        sealed.reverse()
        tier.status.withLock { [found] in $0.found = found }
        tellSize()
        // What was ordered while the lists were read; from here on orders find what they mean.
        guard let store else { return }
        store.endOpening()
        let meanwhile = tier.orders.withLock { orders in
            orders.raise(to: greatest)
            if isLost { orders.forgetAll() }
            orders.serve()
            return orders.recent
        }
        if isLost { beginAnew(store) }
        if !meanwhile.isEmpty { _ = tier.forget(meanwhile, store) }
    }

    private mutating func openOrders() throws(SystemError) -> DiskOrders.Past {
        let file = try DiskFile("\(tier.plan.folder)/orders")
        try file.allocate(DiskOrders.size)
        let log = try file.map(DiskOrders.size)
        let past = DiskOrders.read(log, key: tier.key)
        firstEpoch = tier.orders.withLock { $0.open(log, behind: past) }
        orders = file
        return past
    }

    private func segmentNumbers() -> [UInt32] {
        Folder.entries(tier.plan.folder).compactMap { name in
            guard name.hasSuffix(".data") else { return nil }
            guard let number = UInt32(name.dropLast(5)), number < .max, "\(number).data" == name
            else { return nil }
            return number
        }
    }

    /// Takes the objects of a segment in; how many.
    private mutating func adopt(
        _ number: UInt32,
        _ data: DiskFile,
        _ table: DiskOrderTable,
        floor: UInt64,
        _ greatest: inout UInt64,
        _ store: CacheStore
    ) -> Int {
        let (content, size) = (tier.lines(of: number) ?? [], data.count)
        let bytes = content.span
        var places: [Int] = []
        var end = 0
        while let listing = DiskListing(bytes, at: end, key: tier.key) {
            places.append(end)
            end += listing.count
        }
        var found = 0
        var least = UInt64.max
        // The newest first here, too.
        for place in places.reversed() {
            guard let listing = DiskListing(bytes, at: place) else { continue }
            greatest = max(greatest, listing.epoch)
            let keyText = bytes.slice(listing.key(at: place))
            guard Int(listing.offset) + Int(listing.octets) <= size, listing.epoch >= floor else {
                continue
            }
            let (shard, hash) = store.place(keyText)
            let fate = table.fate(listing, bytes, at: place, hash: hash)
            guard fate != .hard else { continue }
            let entry = DiskIndex.Entry(
                hash: hash,
                vary: listing.vary,
                place: DiskPlace(
                    segment: number,
                    offset: listing.offset,
                    octets: listing.octets
                ),
                isSoft: listing.isSoft || fate == .soft
            )
            guard store.adopt(entry, shard) else { continue }
            least = min(least, listing.epoch)
            found += 1
        }
        sealed.append(Sealed(number: number, octets: size + content.count, epoch: least))
        return found
    }

    // MARK: Filling

    /// Ends the present segment and begins the next, with room for it.
    mutating func beginSegment(_ store: CacheStore) throws(SystemError) {
        try flush(store)
        try sync()
        if data != nil {
            sealed.append(Sealed(number: number, octets: dataCount + listCount, epoch: epoch))
        }
        (data, list) = (nil, nil)
        (dataCount, listCount, epoch) = (0, 0, .max)
        number += 1
        do throws(SystemError) {
            let data = try DiskFile(tier.path(number, "data"))
            list = try DiskFile(tier.path(number, "list"))
            tier.segments.withLock { [number] in $0[number] = data }
            self.data = data
        } catch {
            fail(error, at: "beginning segment \(number)")
            throw error
        }
        var quota = tier.segmentSize / 4
        while let oldest = sealed.first, octets + tier.segmentSize > tier.plan.size {
            try recycle(oldest.number, &quota, store)
            sealed.removeFirst()
        }
    }

    private var octets: Int { sealed.reduce(0) { $0 + $1.octets } }

    // MARK: Recycling

    /// An object that is written anew.
    private struct Move {
        var shard: Int
        var hash: UInt64
        var from: DiskPlace
        var to: DiskPlace
    }

    /// Lets the oldest segment go; what was asked for of it is written behind what is new, as far as `quota`
    /// goes.
    private mutating func recycle(
        _ oldest: UInt32,
        _ quota: inout Int,
        _ store: CacheStore
    ) throws(SystemError) {
        let content = tier.lines(of: oldest) ?? []
        let bytes = content.span
        let file = tier.segment(oldest)
        var moves: [Move] = []
        var place = 0
        while let listing = DiskListing(bytes, at: place, key: tier.key) {
            defer { place += listing.count }
            let (shard, hash) = store.place(bytes.slice(listing.key(at: place)))
            let from = DiskPlace(
                segment: oldest,
                offset: listing.offset,
                octets: listing.octets
            )
            let octets = Int(listing.octets)
            guard let file, octets <= quota, octets + listing.count < buffer.count / 2,
                store.isUsedOnDisk(from, hash, shard)
            else { continue }
            if buffered + octets > buffer.count || linesBuffered + listing.count > lines.count {
                try flush(store)
                settle(&moves, store)
            }
            // One that cannot be read is damaged, and found out when it is asked for.
            guard
                (try? file.read(at: Int(listing.offset), octets, into: buffer, at: buffered))
                    == octets
            else { continue }
            var copy = listing
            copy.offset = UInt32(clamping: dataCount + buffered)
            let line = bytes.extracting(place..<place + listing.count)
            copy.rewrite(line, into: lines, at: linesBuffered, key: tier.key)
            let to = DiskPlace(segment: number, offset: copy.offset, octets: copy.octets)
            moves.append(Move(shard: shard, hash: hash, from: from, to: to))
            buffered += octets
            linesBuffered += listing.count
            epoch = min(epoch, listing.epoch)
            quota -= octets
        }
        try flush(store)
        settle(&moves, store)
        tier.segments.withLock { $0[oldest] = nil }
        File.remove(tier.path(oldest, "list"))
        File.remove(tier.path(oldest, "data"))
        // Only now: an order for what the list names has to be written down as long as it is there.
        store.forgetSegment(oldest)
    }

    private func settle(_ moves: inout [Move], _ store: CacheStore) {
        for move in moves { store.moveOnDisk(move.from, to: move.to, move.hash, move.shard) }
        moves = []
    }

    // MARK: Forgetting

    /// What is asked for from here on is meant by no order so far.
    private mutating func beginAnew(_ store: CacheStore) {
        firstEpoch = tier.orders.withLock { $0.number }
        store.beginEpoch(firstEpoch)
    }

    /// Forgets all that is there, since there is no room to say what is meant.
    mutating func forgetAll(_ store: CacheStore) {
        abandon()
        beginAnew(store)
        store.forgetDisk()
        for segment in sealed {
            tier.segments.withLock { $0[segment.number] = nil }
            File.remove(tier.path(segment.number, "list"))
            File.remove(tier.path(segment.number, "data"))
        }
        sealed = []
        epoch = .max
        tellSize()
    }

    /// Leaves out of the log what concerns no object that is there.
    mutating func compactOrders() throws(SystemError) {
        let path = "\(tier.plan.folder)/orders"
        do throws(SystemError) {
            File.remove(path + ".new")
            let file = try DiskFile(path + ".new")
            try file.allocate(DiskOrders.size)
            let other = try file.map(DiskOrders.size)
            let least = sealed.reduce(epoch) { min($0, $1.epoch) }
            let since = min(least, tier.orders.withLock { $0.number })
            leastEpoch = max(leastEpoch, since)
            try tier.orders.withLock { orders throws(SystemError) in
                try orders.compact(into: other, since: since) { () throws(SystemError) in
                    try file.sync()
                    try File.move(path + ".new", to: path)
                }
            }
            self.orders = file
        } catch {
            fail(error, at: "writing \(path)")
            throw error
        }
        // Those of the oldest objects are the most: with them the log has room again.
        guard tier.orders.withLock({ $0.isHalfFull }), let store, let oldest = sealed.first else {
            return
        }
        var quota = 0
        try recycle(oldest.number, &quota, store)
        sealed.removeFirst()
    }
}
