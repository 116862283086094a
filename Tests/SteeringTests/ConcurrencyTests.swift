// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import Testing

/// Endpoints that work on so many requests at a time, in virtual time, behind a limit.
private struct Simulation {
    var now = Instant(nanoseconds: 1_000_000_000)
    var machine: ConcurrencyMachine
    var random = SeededRandom(seed: 7)
    /// Requests that are worked on at a time.
    var capacity: Int
    /// What one takes when it is not kept waiting.
    var service: Interval
    /// Requests that clients would have under way at a time.
    var offered: Int
    /// The places taken, over all looks.
    private(set) var limits: [Int] = []

    init(
        capacity: Int,
        service: Interval,
        offered: Int,
        _ settings: ConcurrencySettings = ConcurrencySettings(
            minimum: 2,
            maximum: 1_000,
            tolerance: 150
        )
    ) {
        (self.capacity, self.service, self.offered) = (capacity, service, offered)
        machine = ConcurrencyMachine(settings, now: now)
    }

    /// Looks at it ten times a second; by Little's law the answers are as many as are worked on.
    mutating func run(_ time: Interval) {
        let end = now + time
        while now < end {
            let inFlight = min(machine.limit, offered)
            let queueing = max(1, Double(inFlight) / Double(capacity))
            let latency = Double(service.nanoseconds) * queueing
            let count = Double(inFlight) * 0.1 / (latency / 1e9)
            var sum: UInt64 = 0
            for _ in 0..<Int(count) {
                let noise = 0.8 + 0.4 * Double(random.next(below: 1_000)) / 1_000
                sum &+= LatencySum.word(of: Interval(nanoseconds: Int64(latency * noise)))
            }
            now = now + .milliseconds(100)
            let isUsed = inFlight * 2 >= machine.limit
            machine.judge(LatencySum(bits: sum), isUsed: isUsed, now: now)
            limits.append(machine.limit)
        }
    }

    /// As ``run(_:)`` with so many requests a second, whose number in a tenth of one varies by half;
    /// whoever waits longer than 300 ms for a place goes away.
    mutating func run(_ time: Interval, perSecond: Int) {
        let end = now + time
        let second = Double(service.nanoseconds) / 1e9
        var backlog = 0.0
        while now < end {
            let swing = 0.5 + Double(random.next(below: 1_000)) / 1_000
            let patience = Double(capacity) / second * 0.3
            let arrived = backlog + Double(perSecond) * 0.1 * swing
            backlog = min(arrived, Double(machine.limit) + patience)
            let inFlight = min(Double(machine.limit), backlog)
            let served = min(inFlight, Double(capacity)) * 0.1 / second
            backlog = max(backlog - served, 0)
            let latency = Double(service.nanoseconds) * max(1, inFlight / Double(capacity))
            var sum: UInt64 = 0
            for _ in 0..<Int(min(served, inFlight)) {
                sum &+= LatencySum.word(of: Interval(nanoseconds: Int64(latency)))
            }
            now = now + .milliseconds(100)
            let isUsed = inFlight * 2 >= Double(machine.limit)
            machine.judge(LatencySum(bits: sum), isUsed: isUsed, now: now)
            limits.append(machine.limit)
        }
    }

    /// The limits of the last looks.
    func latest(_ count: Int) -> [Int] { Array(limits.suffix(count)) }
}

/// Endpoints that work on so many at a time and let the others wait in line, request by request:
/// unlike ``Simulation`` what is under way goes on when the limit falls.
private struct Line {
    var now = Instant(nanoseconds: 1_000_000_000)
    var machine: ConcurrencyMachine
    private var random = SeededRandom(seed: 11)
    private let service: Interval
    /// When each of those that work is free again.
    private var free: [Instant]
    private var underWay: [(began: Instant, ends: Instant)] = []
    private(set) var limits: [Int] = []
    private(set) var answered = 0

    init(capacity: Int, service: Interval) {
        self.service = service
        let settings = ConcurrencySettings(minimum: 2, maximum: 1_000, tolerance: 150)
        machine = ConcurrencyMachine(settings, now: now)
        free = Array(repeating: now, count: capacity)
    }

    /// Ten looks a second, with more offered than is ever taken.
    mutating func run(_ time: Interval) {
        let end = now + time
        while now < end {
            let next = now + .milliseconds(100)
            var sum: UInt64 = 0
            admit()
            while let first = underWay.indices.min(by: { underWay[$0].ends < underWay[$1].ends }),
                underWay[first].ends <= next
            {
                let done = underWay.remove(at: first)
                now = done.ends
                sum &+= LatencySum.word(of: done.ends - done.began)
                answered += 1
                admit()
            }
            now = next
            machine.judge(LatencySum(bits: sum), isUsed: true, now: now)
            limits.append(machine.limit)
        }
    }

    private mutating func admit() {
        while underWay.count < machine.limit {
            guard let server = free.indices.min(by: { free[$0] < free[$1] }) else { return }
            let noise = 0.9 + 0.2 * Double(random.next(below: 1_000)) / 1_000
            let work = Interval(nanoseconds: Int64(Double(service.nanoseconds) * noise))
            free[server] = max(free[server], now) + work
            underWay.append((now, free[server]))
        }
    }
}

@Suite struct ConcurrencyTests {
    /// What was begun before the limit is lowered for a measurement ends long after it.
    @Test(arguments: [(3, 300), (10, 1_000), (10, 2_000), (4, 5_000), (50, 1_000)])
    func `slow answers do not take a queue for rest`(
        _ example: (capacity: Int, milliseconds: Int)
    ) {
        let service = Interval.milliseconds(Int64(example.milliseconds))
        var line = Line(capacity: example.capacity, service: service)
        line.run(service * 1_000)
        let (limits, before) = (line.limits.suffix(line.limits.count / 2).sorted(), line.answered)
        let median = limits[limits.count / 2]
        #expect(median >= example.capacity, "all of the capacity is used")
        #expect(median <= example.capacity * 5 / 2 + 4, "and little waits at the endpoints")
        #expect(line.machine.rest <= service * 2, "\(line.machine.rest)")
        line.run(service * 1_000)
        let done = line.answered - before
        #expect(done * 100 >= example.capacity * 1_000 * 85, "\(done): measurements cost little")
    }

    @Test(arguments: [(4, 50), (8, 50), (40, 5), (200, 20)])
    func `under lasting overload the limit settles a little above the capacity`(
        _ example: (capacity: Int, milliseconds: Int)
    ) {
        let service = Interval.milliseconds(Int64(example.milliseconds))
        var run = Simulation(capacity: example.capacity, service: service, offered: 10_000)
        run.run(.seconds(300))
        let limits = run.latest(1_000).sorted()
        let median = limits[limits.count / 2]
        #expect(median >= example.capacity, "all of the capacity is used")
        #expect(median <= example.capacity * 5 / 2 + 4, "and little waits at the endpoints")
        // Nine looks of ten use all of it: the measurements cost little.
        let full = limits.count { $0 >= example.capacity }
        #expect(full * 100 >= limits.count * 95, "\(full) of \(limits.count)")
    }

    @Test func `a limit that is not used up does not grow`() {
        var run = Simulation(capacity: 100, service: .milliseconds(10), offered: 6)
        run.run(.seconds(60))
        #expect(run.machine.limit == 20)
        #expect(run.machine.rest.milliseconds >= 8 && run.machine.rest.milliseconds <= 11)
    }

    /// While less than half of the limit is taken there may be a queue at the endpoints already.
    @Test(arguments: [80, 95, 100, 105, 120, 500])
    func `a load near the capacity does not let the limit creep up`(percent: Int) {
        var run = Simulation(capacity: 8, service: .milliseconds(50), offered: 0)
        run.run(.seconds(900), perSecond: 160 * percent / 100)
        // Until the first measurement it may be taken for rest what is a queue.
        let early = run.limits.prefix(100).max() ?? 0
        let later = run.limits.dropFirst(100).max() ?? 0
        #expect(early <= 60 && later <= max(early, 30), "up to \(early), then \(later)")
        #expect(run.machine.rest.milliseconds <= 75, "\(run.machine.rest)")
        let limits = run.latest(1_000).sorted()
        #expect(limits[500] >= 8, "all of the capacity is used")
    }

    @Test func `endpoints that have become slower are known again, however little is asked`() {
        var run = Simulation(capacity: 100, service: .milliseconds(10), offered: 6)
        run.run(.seconds(60))
        run.service = .milliseconds(40)
        run.run(.seconds(60))
        #expect(run.machine.rest.milliseconds >= 32 && run.machine.limit == 20)
    }

    @Test func `it grows to what is offered when endpoints are quick enough`() {
        var run = Simulation(capacity: 500, service: .milliseconds(10), offered: 300)
        run.run(.seconds(20))
        #expect(run.machine.limit >= 300)
    }

    @Test func `half of the capacity gone is felt within a second, and back within some`() {
        var run = Simulation(capacity: 100, service: .milliseconds(20), offered: 10_000)
        run.run(.seconds(20))
        let before = run.machine.limit
        run.capacity = 25
        run.run(.seconds(2))
        #expect(run.machine.limit < before / 2)
        run.capacity = 100
        run.run(.seconds(10))
        #expect(run.machine.limit >= 100)
    }

    @Test func `endpoints that are slower for good are not starved`() {
        var run = Simulation(capacity: 50, service: .milliseconds(10), offered: 10_000)
        run.run(.seconds(20))
        run.service = .milliseconds(40)
        run.run(.seconds(5))
        #expect(run.machine.limit < 50, "at first it looks like a queue")
        run.run(.seconds(120))
        let limits = run.latest(200).sorted()
        #expect(limits[100] >= 50)
        #expect(run.machine.rest.milliseconds >= 30)
    }

    @Test func `bounds hold, also those of a reload`() {
        let narrow = ConcurrencySettings(minimum: 30, maximum: 60, tolerance: 150)
        var run = Simulation(capacity: 4, service: .milliseconds(20), offered: 10_000, narrow)
        #expect(run.machine.limit == 30)
        run.run(.seconds(40))
        #expect(run.limits.allSatisfy { (30...60).contains($0) })
        run.machine.adopt(ConcurrencySettings(minimum: 1, maximum: 3, tolerance: 150))
        #expect(run.machine.limit == 3)
    }

    @Test func `without answers nothing moves`() {
        var run = Simulation(capacity: 4, service: .seconds(900), offered: 10_000)
        run.run(.seconds(100))
        #expect(run.machine.limit >= 10 && run.machine.limit <= 20)
        #expect(run.machine.rest == .zero)
    }
}

@Suite struct PoolPlacesTests {
    @Test func `places are taken up to the limit, and none without one are refused`() {
        let places = PoolPlaces(pools: 2)
        let now = Instant(nanoseconds: 0)
        let settings = ConcurrencySettings(minimum: 2, maximum: 2, tolerance: 150)
        places.publish(1, ConcurrencyMachine(settings, now: now))
        #expect((0..<3).map { _ in places.take(1) } == [true, true, false])
        #expect((0..<9).allSatisfy { _ in places.take(0) })
        places.giveBack(1)
        #expect(places.take(1))
        #expect((places.state(1).limit, places.state(1).taken) == (2, 2))
        places.publish(1, nil)
        #expect(places.take(1))
    }
}
