// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import EdgeCache

/// Does at random what doors do, with a store and with its model.
private final class Comparison {
    struct Held {
        var ref: StoredRef
        var entry: StoreModel.Entry
        var key: Int
        var color: Int
        /// Of a fill that the holder leads.
        var base: (StoredRef, StoreModel.Entry)?
        var isLed = false
    }

    let desk: StoreDesk
    let model: StoreModel
    var random: SeededRandom
    var now: Int64 = 0
    var held: [Held] = []
    var failures: [String] = []
    let empty: Int
    let heads = (0..<3).map { ReadHead(["Color: \($0)"]) }
    let responses = [ReadHead([]), ReadHead(["Vary: Color"])]

    init(seed: UInt64) throws {
        desk = try StoreDesk(memory: 64 << 20, objectLimit: 1 << 20)
        model = StoreModel(desk.rule)
        random = SeededRandom(seed: seed)
        empty = desk.store.statistics().octets
    }

    func pick(_ bound: Int) -> Int { Int(random.next(below: UInt32(bound))) }

    func check(_ isRight: Bool, _ what: @autoclosure () -> String) {
        if !isRight { failures.append(what()) }
    }

    private func hold(
        _ ref: StoredRef,
        _ entry: StoreModel.Entry,
        _ key: Int,
        _ color: Int,
        base: (StoredRef, StoreModel.Entry)? = nil,
        isNew: Bool = false
    ) {
        if !isNew {
            let known = held.first { $0.entry === entry }
            check(known.map { $0.ref == ref } ?? true, "another reference for an entry")
            let isReadable = entry.phase == .growing || entry.phase == .complete
            if isReadable { check(desk.body(ref, watcher: 9).0 == entry.body, "another body") }
            let isWhole = entry.phase == .complete || entry.length == UInt64(entry.body.count)
            if isReadable, !isWhole { entry.watchers |= 1 << 9 }
        }
        entry.pins += 1
        held.append(
            Held(ref: ref, entry: entry, key: key, color: color, base: base, isLed: isNew)
        )
    }

    func find() {
        let (key, color, worker) = (pick(5), pick(3), pick(4))
        let mayFetch = pick(4) > 0
        let head = heads[color]
        let expected = model.find(
            key,
            color,
            head.request,
            at: now,
            mayFetch: mayFetch,
            worker: worker
        )
        let found = desk.find("key \(key)", head, at: now, mayFetch: mayFetch, worker: worker)
        switch (expected, found) {
        case (.fresh(let entry), .fresh(let ref)), (.stale(let entry), .stale(let ref)):
            hold(ref, entry, key, color)
        case (.refreshing(let entry, let fill), .refreshing(let ref, let fillRef)):
            hold(ref, entry, key, color)
            desk.store.retain(ref)
            entry.pins += 1
            hold(fillRef, fill, key, color, base: (ref, entry), isNew: true)
        case (.fetch(let fill, let base, let reason), .fetch(let ref, let baseRef, let why)):
            check(reason == why, "\(reason), not \(why)")
            check((base == nil) == baseRef.isNone, "another base")
            base?.pins += 1
            hold(ref, fill, key, color, base: base.map { (baseRef, $0) }, isNew: true)
        case (.wait(let fill, let base), .wait(let ref, let baseRef)):
            hold(ref, fill, key, color)
            check((base == nil) == baseRef.isNone, "another base")
            if let base { hold(baseRef, base, key, color) }
        case (.absent(let reason), .absent(let why)): check(reason == why, "another reason")
        case (.passing, .passing): break
        default: failures.append("\(found), not \(expected)")
        }
    }

    private func head() -> (Set<Int>, String) {
        let tags = (pick(4), pick(4))
        return ([tags.0, tags.1], "head\nSurrogate-Key: t\(tags.0) t\(tags.1)\n\(pick(10))")
    }

    func open(_ place: Int) {
        let (fill, isLong) = (held[place], pick(20) == 0)
        let entry = fill.entry
        let facts = StoreDesk.facts(
            at: now,
            lifetime: Int64(pick(30)),
            whileRevalidating: Int64(pick(2) * 10),
            age: Int64(pick(5))
        )
        let length: UInt64? = isLong ? 2 << 20 : pick(2) == 0 ? UInt64(pick(5000)) : nil
        let varies = pick(3) > 0
        let (tags, head) = head()
        if entry.phase == .awaited, !entry.meant.isDisjoint(with: tags) { model.forget(entry) }
        let isOvertaken = entry.phase != .awaited || !entry.isKept && entry.pins == 1
        let answer = desk.open(
            fill.ref,
            facts,
            head,
            responses[varies ? 1 : 0],
            heads[fill.color],
            length
        )
        check(answer == (isOvertaken ? .overtaken : isLong ? .tooLarge : .kept), "\(answer)")
        guard answer == .kept else { return }
        entry.phase = .growing
        entry.facts = facts
        entry.head = head
        entry.tags = tags
        entry.length = length
        entry.color = varies ? fill.color : nil
    }

    func append(_ place: Int) {
        let fill = held[place]
        let entry = fill.entry
        let room = entry.length.map { Int($0) - entry.body.count } ?? 40_000
        let count = pick(4) == 0 ? room : pick(min(room, 6000) + 2)
        let octets = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let fits = entry.phase == .growing && count <= room
        let isLimited = entry.body.count + count > 1 << 20
        check(desk.store.append(fill.ref, octets.span) == (fits && !isLimited), "append")
        if fits, !isLimited { entry.body += octets }
    }

    func end(_ place: Int) {
        let fill = held[place]
        let entry = fill.entry
        switch pick(10) {
        case 0:
            desk.store.fail(fill.ref)
            entry.phase = .failed
            model.forget(entry)
        case 1:
            let until: Int64? = pick(2) == 0 ? now + Int64(pick(20)) : nil
            desk.store.refuse(fill.ref, until: until.map { Exchange.time($0) })
            model.refuse(entry, key: fill.key, until: until)
        case 2...4 where fill.base != nil && entry.phase == .awaited: renew(fill)
        default:
            guard entry.phase == .growing else { return }
            desk.store.close(fill.ref)
            model.close(entry, key: fill.key)
        }
    }

    private func renew(_ fill: Held) {
        guard let (ref, base) = fill.base else { return }
        let facts = StoreDesk.facts(at: now, lifetime: Int64(pick(30)))
        let (tags, head) = head()
        check(desk.renew(fill.ref, ref, facts, head: head), "renew")
        base.facts = facts
        base.head = head
        if fill.entry.isKept, fill.entry.meant.isDisjoint(with: base.tags) { base.isSoft = false }
        base.tags = tags
        fill.entry.phase = .renewed
        model.forget(fill.entry)
    }

    func read(_ place: Int) {
        let (ref, entry, worker) = (held[place].ref, held[place].entry, pick(8))
        let state = desk.store.state(ref, watcher: worker)
        let states: [StoreModel.Phase: FillState] = [
            .awaited: .awaited, .growing: .growing, .complete: .complete, .passing: .refused,
            .refused: .refused, .failed: .failed, .renewed: .renewed,
        ]
        check(state == states[entry.phase], "\(state), not \(entry.phase)")
        if entry.phase == .awaited { entry.watchers |= 1 << UInt64(worker) }
        if pick(4) == 0 {
            check(desk.store.takeWatchers(ref) == entry.watchers, "other watchers")
            entry.watchers = 0
        }
        if entry.phase == .refused, !entry.body.isEmpty {
            let (body, last) = desk.body(ref, watcher: worker)
            check(body == entry.body && last == .failed, "what had come is gone")
        }
        guard entry.phase == .growing || entry.phase == .complete else { return }
        check(desk.store.facts(ref) == entry.facts, "other facts")
        check(desk.head(ref) == entry.head, "another head")
        check(desk.store.length(ref) == entry.length, "another length")
        let view = StoredView(facts: entry.facts, length: entry.length)
        check(desk.view(ref) == view, "another view")
        let (body, last) = desk.body(ref, watcher: worker)
        check(body == entry.body, "another body")
        let isEnd = entry.phase == .complete || entry.length == UInt64(entry.body.count)
        check(last == (isEnd ? .end : .wait), "\(last)")
        if !isEnd { entry.watchers |= 1 << UInt64(worker) }
    }

    func release(_ place: Int) {
        let gone = held.remove(at: place)
        if gone.isLed, gone.entry.isFill {
            desk.store.fail(gone.ref)
            gone.entry.phase = .failed
            model.forget(gone.entry)
        }
        desk.store.release(gone.ref)
        gone.entry.pins -= 1
        if let (ref, base) = gone.base {
            desk.store.release(ref)
            base.pins -= 1
        }
    }

    func purge() {
        let mode: PurgeMode = pick(2) == 0 ? .hard : .soft
        if pick(2) == 0 {
            let (tag, name) = { ($0, Array("t\($0)".utf8)) }(pick(4))
            let count = desk.store.purge(tag: name.span, mode)
            return check(count == model.purge(tag: tag, mode), "purge tag")
        }
        if pick(3) > 0 {
            let key = pick(5)
            check(desk.purge("key \(key)", mode) == model.purge(key, mode), "purge")
            return
        }
        let digit = UInt8(ascii: "0") + UInt8(pick(10))
        let count = desk.store.purge(mode) { _, head in head[head.count - 1] == digit }
        check(count == model.purge(mode) { _, head in head.utf8.last == digit }, "purge all")
    }

    func step() {
        now += pick(4) == 0 ? Int64(pick(3)) : 0
        let choice = pick(100)
        let fills = held.indices.filter { held[$0].isLed && held[$0].entry.isFill }
        if choice < 30 || held.isEmpty { return find() }
        if choice < 32 { return purge() }
        if choice < 50 { return read(pick(held.count)) }
        if choice < 55 || held.count > 40 { return release(pick(held.count)) }
        guard !fills.isEmpty else { return }
        let place = fills[pick(fills.count)]
        if held[place].entry.phase == .awaited, choice < 75 { return open(place) }
        choice < 90 ? append(place) : end(place)
    }

    func finish() {
        while !held.isEmpty { release(held.count - 1) }
        for key in 0..<5 { _ = desk.purge("key \(key)") }
        let counts = desk.store.statistics()
        check(counts.octets == empty, "\(counts.octets - empty) octets are lost")
        check(counts.fills == 0 && counts.objects == 0, "\(counts)")
        check(counts.evictions == 0, "the model knows of no eviction")
    }
}

@Suite struct StoreModelTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `a store does what its model does`(seed: UInt64) throws {
        let comparison = try Comparison(seed: seed)
        for step in 0..<25_000 {
            comparison.step()
            guard comparison.failures.isEmpty else {
                Issue.record("step \(step): \(comparison.failures)")
                return
            }
        }
        comparison.finish()
        #expect(comparison.failures.isEmpty)
    }

    /// A body that says whose it is in each octet.
    private static func body(_ number: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number &* 31 &+ $0 &* 7 &+ $0 >> 8) }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `in want of room the budget holds and no body is another's`(seed: UInt64) throws {
        let desk = try StoreDesk(memory: 2 << 20, objectLimit: 400_000)
        let store = desk.store
        let empty = store.statistics().octets
        var random = SeededRandom(seed: seed)
        var held: [(ref: StoredRef, number: Int)] = []
        var bodies: [Int: [UInt8]] = [:]
        let head = ReadHead([])
        var (isRight, hits) = (true, 0)
        for _ in 0..<8000 {
            let number = Int(random.next(below: random.next(below: 300) + 1))
            switch desk.find("\(number)", head, at: 0) {
            case .fresh(let ref):
                hits += 1
                held.append((ref, number))
            case .fetch(let fill, _, _):
                let count = Int(random.next(below: 1 << (random.next(below: 17) + 1)))
                let body = bodies[number] ?? Self.body(number, count)
                bodies[number] = body
                let length = number % 2 == 0 ? UInt64(body.count) : nil
                var isKept = desk.open(fill, StoreDesk.facts(), "h", head, head, length) == .kept
                for start in stride(from: 0, to: body.count, by: 20_000) where isKept {
                    let part = body.span.extracting(start..<min(start + 20_000, body.count))
                    isKept = store.append(fill, part)
                }
                if isKept { store.close(fill) } else { store.fail(fill) }
                store.release(fill)
            case .overloaded: break
            default: isRight = false
            }
            while held.count > Int(random.next(below: 20)) {
                let (ref, number) = held.remove(at: Int(random.next(below: UInt32(held.count))))
                if desk.body(ref).0 != bodies[number] { isRight = false }
                store.release(ref)
            }
            let counts = store.statistics()
            if counts.octets > counts.budget || counts.fills != 0 { isRight = false }
        }
        #expect(isRight)
        #expect(hits > 1000)
        #expect(store.statistics().evictions > 500)
        for (ref, _) in held { store.release(ref) }
        _ = store.purge(.hard) { _, _ in true }
        #expect(store.statistics().octets == empty)
    }
}

@Suite struct StoreThreadTests {
    @Test func `of a thousand requests at once one fetches`() async throws {
        let desk = try StoreDesk(memory: 256 << 20)
        let head = ReadHead([])
        for round in 0..<20 {
            let fetches = await withTaskGroup(of: Int.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        var fetches = 0
                        for _ in 0..<125 {
                            switch desk.find("\(round)", head, at: 0, worker: worker) {
                            case .fetch: fetches += 1
                            case .wait: break
                            default: fetches += 1000
                            }
                        }
                        return fetches
                    }
                }
                return await group.reduce(0, +)
            }
            #expect(fetches == 1)
        }
    }

    @Test func `readers on other threads see what was written`() async throws {
        let desk = try StoreDesk(memory: 16 << 20)
        let store = desk.store
        let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 9) }
        for _ in 0..<5 {
            let fill = try desk.fill("a")
            #expect(desk.open(fill) == .kept)
            for _ in 0..<4 { store.retain(fill) }
            let areRight = await withTaskGroup(of: Bool.self) { group in
                for worker in 0..<4 {
                    group.addTask {
                        var (octets, last) = ([UInt8](), PieceState.wait)
                        while last == .wait || last == .bytes {
                            let offset = UInt64(octets.count)
                            let piece = store.piece(fill, at: offset, watcher: worker)
                            for index in piece.bytes.indices { octets.append(piece.bytes[index]) }
                            last = piece.state
                            if last == .wait { await Task.yield() }
                        }
                        store.release(fill)
                        return last == .end && octets == body
                    }
                }
                for start in stride(from: 0, to: body.count, by: 7000) {
                    let end = min(start + 7000, body.count)
                    let isKept = store.append(fill, body.span.extracting(start..<end))
                    #expect(isKept)
                    await Task.yield()
                }
                store.close(fill)
                return await group.reduce(true) { $0 && $1 }
            }
            #expect(areRight)
            store.release(fill)
            #expect(desk.purge("a") == 1)
        }
    }
}
