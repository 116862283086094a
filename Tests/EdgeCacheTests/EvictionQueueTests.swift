// SPDX-License-Identifier: Apache-2.0
import EdgeCache
import Essentials
import Testing

/// Keys asked for one after the other.
enum Trace {
    /// `count` requests for keys below `keys`, the n-th of which comes up 1/n as often as the first.
    static func zipf(_ keys: Int, _ count: Int, seed: UInt64) -> [Int] {
        var sums: [Double] = []
        var sum = 0.0
        for key in 1...keys {
            sum += 1 / Double(key)
            sums.append(sum)
        }
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in
            let point = Double(random.next() >> 11) / Double(UInt64(1) << 53) * sum
            var (low, high) = (0, keys - 1)
            while low < high {
                let middle = (low + high) / 2
                if sums[middle] < point { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }
}

/// A store of objects of one octet each, which counts its hits after a first part.
struct HitCounter {
    var slots: [Int: Int] = [:]
    var keys: [Int] = []
    var free: [Int] = []

    static func hash(_ key: Int) -> UInt64 {
        var random = SeededRandom(seed: UInt64(key) &+ 77)
        return random.next()
    }

    /// The share of requests that are hits, in percent, with room for so many.
    static func queue(_ trace: [Int], room: Int) -> Double {
        var queue = EvictionQueue(budget: room, keys: room)
        var counter = HitCounter()
        var hits = 0
        for (number, key) in trace.enumerated() {
            if counter.slots[key] != nil {
                queue.use(hash(key))
                if number >= trace.count / 4 { hits += 1 }
                continue
            }
            queue.use(hash(key))
            while let slot = queue.makeRoom(for: 1) {
                counter.slots[counter.keys[slot]] = nil
                counter.free.append(slot)
            }
            let slot = counter.free.popLast() ?? counter.keys.count
            if slot == counter.keys.count {
                counter.keys.append(key)
            } else {
                counter.keys[slot] = key
            }
            counter.slots[key] = slot
            queue.insert(slot, hash: hash(key), octets: 1)
        }
        return Double(hits) * 100 / Double(trace.count - trace.count / 4)
    }

    /// The same with what was used longest ago going first.
    static func leastRecent(_ trace: [Int], room: Int) -> Double {
        var last: [Int: Int] = [:]
        var order: [(key: Int, use: Int)] = []
        var head = 0
        var hits = 0
        for (number, key) in trace.enumerated() {
            if last[key] != nil {
                if number >= trace.count / 4 { hits += 1 }
            } else if last.count >= room {
                while head < order.count {
                    let oldest = order[head]
                    head += 1
                    guard last[oldest.key] == oldest.use else { continue }
                    last[oldest.key] = nil
                    break
                }
            }
            last[key] = number
            order.append((key, number))
        }
        return Double(hits) * 100 / Double(trace.count - trace.count / 4)
    }
}

@Suite struct EvictionQueueTests {
    @Test func `with room for a hundredth, more than half of the requests hit`() {
        let trace = Trace.zipf(10_000, 400_000, seed: 3)
        let (queue, lru) = (
            HitCounter.queue(trace, room: 100), HitCounter.leastRecent(trace, room: 100)
        )
        #expect(queue >= 52.4, "\(queue) %, LRU \(lru) %")
        #expect(lru < 40)
    }

    @Test func `a walk over everything does not push out what is used`() {
        // Between requests for 200 popular keys somebody reads 20,000 others once.
        var trace: [Int] = []
        let popular = Trace.zipf(200, 120_000, seed: 5)
        for (number, key) in popular.enumerated() {
            trace.append(key)
            if number % 2 == 0 { trace.append(1000 + number / 2 % 20_000) }
        }
        let (queue, lru) = (
            HitCounter.queue(trace, room: 150), HitCounter.leastRecent(trace, room: 150)
        )
        #expect(queue > lru + 10, "\(queue) %, LRU \(lru) %")
    }

    @Test func `what becomes popular is found out`() {
        // Every 50,000 requests other keys are the popular ones.
        let trace = Trace.zipf(10_000, 400_000, seed: 7).enumerated().map { number, key in
            (key + number / 50_000 * 1_237) % 10_000
        }
        let (queue, lru) = (
            HitCounter.queue(trace, room: 300), HitCounter.leastRecent(trace, room: 300)
        )
        #expect(queue > lru + 2, "\(queue) %, LRU \(lru) %")
    }

    @Test func `octets are what there is room for`() {
        var queue = EvictionQueue(budget: 1000, keys: 100)
        var random = SeededRandom(seed: 1)
        var present: [Int: Int] = [:]
        for _ in 0..<20_000 {
            let slot = Int(random.next(below: 300))
            switch random.next(below: 4) {
            case 0:
                queue.remove(slot)
                present[slot] = nil
            case 1: queue.use(random.next())
            default:
                let octets = Int(random.next(below: 50))
                queue.remove(slot)
                present[slot] = nil
                while let gone = queue.makeRoom(for: octets) {
                    #expect(present.removeValue(forKey: gone) != nil)
                }
                queue.insert(slot, hash: random.next(), octets: octets)
                present[slot] = octets
            }
            #expect(queue.octets == present.values.reduce(0, +) && queue.octets <= 1000)
        }
        while let gone = queue.makeRoom(for: 1000) {
            #expect(present.removeValue(forKey: gone) != nil)
        }
        #expect(present.values.allSatisfy { $0 == 0 } && queue.octets == 0)
        queue.insert(-1, hash: 0, octets: 1)
        queue.remove(9999)
        queue.insert(1, hash: 0, octets: 1000)
        #expect(queue.makeRoom(for: .max) == nil && queue.octets == 1000)
    }

    @Test func `frequencies are counted, and fade`() {
        var sketch = FrequencySketch(keys: 1000, age: 4)
        let (often, seldom) = (HitCounter.hash(1), HitCounter.hash(2))
        for _ in 0..<400 { sketch.add(often) }
        sketch.add(seldom)
        #expect(sketch.count(often) == FrequencySketch.greatest && sketch.count(seldom) == 1)
        #expect(sketch.count(HitCounter.hash(3)) == 0)
        for key in 100..<5000 { sketch.add(HitCounter.hash(key)) }
        #expect(sketch.count(often) <= FrequencySketch.greatest / 2 + 4)
    }
}
