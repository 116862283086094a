// SPDX-License-Identifier: Apache-2.0
import DNSServer
import Essentials
import Testing

/// Five years of rollovers of every kind, judged by every resolver there can be.
@Suite struct RolloverProofTests {
    static let day: Int64 = 86_400
    static let timing = KeyTiming(
        keyTTL: 3600,
        zoneTTL: 86_400,
        propagation: 300,
        parentTTL: 86_400,
        parentPropagation: 3600,
        publishSafety: 3600,
        retireSafety: 3600
    )
    static let lifetimes: [KeyRole: Int64] = [.zsk: 30 * day, .ksk: 200 * day, .csk: 150 * day]

    /// What happens to a zone in the long run, by chance.
    private static func live(_ world: inout RolloverWorld, until end: Int64) {
        var (nextOrder, nextLook, nextParent) = (world.now, world.now, world.now)
        while world.now < end {
            let due = [
                world.downUntil, world.machine.nextChange.map { max($0, world.now) }, nextOrder,
                nextLook, nextParent,
            ]
            if let until = world.downUntil {
                // The parent works while the server is down.
                if nextParent < until {
                    world.now = max(world.now, nextParent)
                    parentTurn(&world, &nextParent)
                    continue
                }
                world.now = max(world.now, until)
                world.restart()
                continue
            }
            world.now = due.dropFirst().compactMap(\.self).min() ?? end
            if world.now == nextParent {
                parentTurn(&world, &nextParent)
            } else if world.now == nextLook {
                world.look()
                nextLook += Int64.random(in: 3600...(4 * day), using: &world.random)
            } else if world.now == nextOrder {
                order(&world)
                // Some orders come while the former ones are still being carried out.
                let isHasty = Int.random(in: 0..<2, using: &world.random) == 0
                nextOrder += Int64.random(in: 1...((isHasty ? 2 : 25) * day), using: &world.random)
            } else {
                world.send(.time)
            }
        }
    }

    private static func parentTurn(_ world: inout RolloverWorld, _ next: inout Int64) {
        world.parentActs(both: Int.random(in: 0..<4, using: &world.random) == 0)
        next = world.now + Int64.random(in: 1...(3 * day), using: &world.random)
    }

    private static func order(_ world: inout RolloverWorld) {
        switch Int.random(in: 0..<20, using: &world.random) {
        case 0..<4: world.send(.roll(.zsk, urgent: false))
        case 4..<7: world.send(.roll(.ksk, urgent: false))
        case 7..<10: world.send(.roll(.csk, urgent: false))
        case 10..<13:
            world.policy.algorithm = world.policy.algorithm == 13 ? 15 : 13
            world.send(.policy(world.policy, signed: true))
        case 13..<15:
            world.policy.scheme = world.policy.scheme == .csk ? .split : .csk
            world.send(.policy(world.policy, signed: true))
        case 15:
            world.policy.timing.keyTTL = Int64.random(in: 60...day, using: &world.random)
            world.send(.policy(world.policy, signed: true))
        case 16:
            world.policy.timing.zoneTTL = Int64.random(in: 60...day, using: &world.random)
            world.send(.policy(world.policy, signed: true))
        case 17: world.send(.policy(world.policy, signed: false))
        default: world.send(.policy(world.policy, signed: true))
        }
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `no resolver finds anything bogus in five years`(seed: UInt64) {
        let policy = KeyPolicy(
            scheme: seed.isMultiple(of: 2) ? .csk : .split,
            algorithm: seed < 3 ? 13 : 15,
            lifetimes: Self.lifetimes,
            timing: Self.timing
        )
        var world = RolloverWorld(policy, truth: Self.timing, seed: seed)
        world.crashes = seed > 2 ? 15 : 0
        Self.live(&world, until: world.now + 5 * 365 * Self.day)
        let (seconds, first) = world.bogusSeconds()
        #expect(seconds == 0, "seed \(seed): \(first)")
        #expect(world.bogusAnswers(samples: 10) == 0)
        // Much has happened.
        #expect(world.stepCount > 250, "\(world.stepCount)")
        #expect(world.crashes == 0 || world.crashCount > 50, "\(world.crashCount)")
        #expect(world.parents.entries.count > 15, "\(world.parents.entries.count)")
        // And in the end everything comes to rest.
        world.crashes = 0
        if world.downUntil != nil { world.restart() }
        world.policy.lifetimes = [:]
        world.send(.policy(world.policy, signed: true))
        for _ in 0..<40 {
            world.parentActs()
            world.look()
            world.run(until: world.now + Self.day)
        }
        #expect(world.machine.keys.count == world.policy.scheme.roles.count)
        #expect(world.machine.keys.allSatisfy { world.machine.state(of: $0) == .active })
        #expect(world.machine.nextChange == nil)
        #expect(world.bogusSeconds().count == 0)
    }

    /// One of the lengths a second too short, or a margin left out.
    enum Cut: CaseIterable {
        case keyTTL, zoneTTL, propagation, parentTTL, parentPropagation, publishSafety, retireSafety
        case publishMargin, retireMargin
    }

    private static func told(_ cut: Cut?) -> KeyTiming {
        var timing = timing
        switch cut {
        case nil: break
        case .keyTTL: timing.keyTTL -= 1
        case .zoneTTL: timing.zoneTTL -= 1
        case .propagation: timing.propagation -= 1
        case .parentTTL: timing.parentTTL -= 1
        case .parentPropagation: timing.parentPropagation -= 1
        case .publishSafety: timing.publishSafety -= 1
        case .retireSafety: timing.retireSafety -= 1
        case .publishMargin: timing.publishSafety = 0
        case .retireMargin: timing.retireSafety = 0
        }
        return timing
    }

    /// A few rollovers one after the other, with the parent looked at as soon as it has acted.
    private static func rounds(_ cut: Cut?, _ scheme: KeyPolicy.Scheme) -> RolloverWorld {
        let policy = KeyPolicy(scheme: scheme, algorithm: 13, timing: told(cut))
        var world = RolloverWorld(policy, truth: timing)
        // What is served has the true TTLs whatever the machine is told.
        func rest() {
            for _ in 0..<12 {
                world.run(until: world.now + day)
                world.parentActs()
                world.look()
            }
        }
        rest()
        for role in scheme.roles {
            world.send(.roll(role, urgent: false))
            rest()
        }
        for algorithm in [15, 13] as [UInt8] {
            world.policy.algorithm = algorithm
            world.send(.policy(world.policy, signed: true))
            rest()
        }
        world.keySets.entries = world.keySets.entries.map { ($0.start, $0.content, timing.keyTTL) }
        world.signers.entries = world.signers.entries.map {
            ($0.start, $0.content, timing.zoneTTL)
        }
        return world
    }

    @Test(arguments: [KeyPolicy.Scheme.csk, .split])
    func `the true lengths are enough`(scheme: KeyPolicy.Scheme) {
        var world = Self.rounds(nil, scheme)
        #expect(world.bogusSeconds().count == 0, "\(world.bogusSeconds().first)")
        #expect(world.bogusAnswers(samples: 200) == 0)
    }

    @Test(arguments: Cut.allCases, [KeyPolicy.Scheme.csk, .split])
    func `a length that is a second too short is found`(cut: Cut, scheme: KeyPolicy.Scheme) {
        #expect(Self.rounds(cut, scheme).bogusSeconds().count > 0)
    }

    @Test func `a key taken out of turn is found`() {
        var world = Self.rounds(nil, .split)
        let set = world.machine.picture.published
        world.keySets.serve(Set(set.sorted().dropLast()), ttl: Self.timing.keyTTL, at: world.now)
        world.now += 10
        #expect(world.bogusSeconds().count > 0)
    }
}
