// SPDX-License-Identifier: Apache-2.0
import DNSServer
import Essentials
import Testing

/// The timelines of RFC 7583 and RFC 6781, to the second.
@Suite struct RolloverMachineTests {
    /// All lengths differ, so that none can stand for another.
    static let timing = KeyTiming(
        keyTTL: 3600,
        zoneTTL: 7200,
        propagation: 310,
        parentTTL: 86_400,
        parentPropagation: 1700,
        publishSafety: 50,
        retireSafety: 90
    )
    static let keyWait: Int64 = 3600 + 310 + 50
    static let zoneWait: Int64 = 7200 + 310 + 90
    static let parentWait: Int64 = 86_400 + 1700 + 90

    static func policy(
        _ scheme: KeyPolicy.Scheme,
        algorithm: UInt8 = 13,
        _ lifetimes: [KeyRole: Int64] = [:]
    ) -> KeyPolicy {
        KeyPolicy(scheme: scheme, algorithm: algorithm, lifetimes: lifetimes, timing: timing)
    }

    /// A zone whose parent has its DS, a day after everything has come to rest.
    static func secured(_ policy: KeyPolicy) -> RolloverWorld {
        var world = RolloverWorld(policy, truth: policy.timing)
        world.run(until: world.now + zoneWait)
        world.parentActs()
        world.look()
        world.run(until: world.now + parentWait + 86_400)
        return world
    }

    private static func ids(_ world: RolloverWorld, _ role: KeyRole) -> [Int] {
        world.machine.keys.filter { $0.key.role == role }.map(\.id)
    }

    @Test func `a new zone asks for its DS when no unsigned answer is left in caches`() throws {
        var world = RolloverWorld(Self.policy(.split), truth: Self.timing)
        let start = world.now
        #expect(world.machine.picture.published == [1, 2])
        #expect(world.machine.picture.signing == [2])
        #expect(world.machine.picture.submitted == nil)
        world.run(until: start + Self.zoneWait - 1)
        #expect(world.machine.picture.submitted == nil)
        #expect(!world.machine.awaitsParent)
        world.run(until: start + Self.zoneWait)
        #expect(world.machine.picture.submitted == [1])
        #expect(world.machine.awaitsParent)
        #expect(world.machine.standing == .island)
        world.parentActs()
        world.look()
        #expect(world.machine.standing == .secure)
        #expect(world.machine.keys.map { world.machine.state(of: $0) } == [.active, .active])
        #expect(world.bogusSeconds().count == 0)
    }

    @Test func `a ZSK is published, takes over, and its predecessor goes, each when caches allow`()
        throws
    {
        var world = Self.secured(Self.policy(.split))
        let start = world.now
        world.send(.roll(.zsk, urgent: false))
        // RFC 7583 §3.2.1: published at once, used after Ipub.
        #expect(world.machine.picture.published == [1, 2, 3])
        #expect(world.machine.picture.signing == [2])
        #expect(world.machine.nextChange == start + Self.keyWait)
        world.run(until: start + Self.keyWait - 1)
        #expect(world.machine.picture.signing == [2])
        #expect(world.machine.keys.map { world.machine.state(of: $0) }[2] == .published)
        world.run(until: start + Self.keyWait)
        #expect(world.machine.picture.signing == [3])
        #expect(world.machine.keys.map { world.machine.state(of: $0) }[1] == .retired)
        // Iret: the signatures of the former one are in caches for so long.
        world.run(until: start + Self.keyWait + Self.zoneWait - 1)
        #expect(world.machine.picture.published == [1, 2, 3])
        world.run(until: start + Self.keyWait + Self.zoneWait)
        #expect(world.machine.picture.published == [1, 3])
        // And the key itself is remembered until no cache has it.
        world.run(until: start + 2 * Self.keyWait + Self.zoneWait - 1)
        #expect(Self.ids(world, .zsk) == [2, 3])
        world.run(until: start + 2 * Self.keyWait + Self.zoneWait)
        #expect(Self.ids(world, .zsk) == [3])
        #expect(world.bogusSeconds().count == 0)
        #expect(world.cds == [1])
    }

    @Test func `a KSK is doubled, its DS asked for when caches have it, and waits for the parent`()
        throws
    {
        var world = Self.secured(Self.policy(.split))
        let start = world.now
        world.send(.roll(.ksk, urgent: false))
        #expect(world.machine.picture.published == [1, 2, 3])
        #expect(world.machine.picture.submitted == [1])
        world.run(until: start + Self.keyWait - 1)
        #expect(world.machine.picture.submitted == [1])
        world.run(until: start + Self.keyWait)
        #expect(world.machine.picture.submitted == [3])
        #expect(world.machine.awaitsParent)
        // However long that takes, and whatever it has meanwhile.
        world.run(until: start + 40 * 86_400)
        world.look()
        #expect(world.machine.picture.published == [1, 2, 3])
        world.parentActs(both: true)
        world.look()
        #expect(world.machine.awaitsParent)
        world.run(until: world.now + 3600)
        world.parentActs()
        world.look()
        #expect(!world.machine.awaitsParent)
        // Since the parent has had both, no cache gets the former DS alone any more.
        let seen = world.now - 3600
        world.run(until: seen + Self.parentWait - 1)
        #expect(world.machine.picture.published == [1, 2, 3])
        world.run(until: seen + Self.parentWait)
        #expect(world.machine.picture.published == [2, 3])
        #expect(world.bogusSeconds().count == 0)
    }

    @Test func `a parent that is said to have no DS ends no rollover`() {
        var world = Self.secured(Self.policy(.csk))
        world.send(.roll(.csk, urgent: false))
        world.run(until: world.now + Self.keyWait)
        #expect(world.machine.awaitsParent)
        world.send(.parentHolds([]))
        world.send(.parentHolds([99]))
        world.run(until: world.now + 40 * 86_400)
        #expect(world.machine.awaitsParent)
        #expect(world.machine.picture.published == [1, 2])
        #expect(world.machine.parentKeys == [1])
        #expect(world.bogusSeconds().count == 0)
    }

    @Test func `a key that is gone is not taken up again, nor after a restart`() throws {
        var world = Self.secured(Self.policy(.split))
        let old = try #require(world.machine.keys.first { $0.key.role == .zsk }?.key)
        world.send(.roll(.zsk, urgent: true))
        world.run(until: world.now + 40 * 86_400)
        #expect(world.machine.buried == [old])
        let read = RolloverMachine(json: world.machine.json, policy: world.policy)
        var machine = try #require(read)
        #expect(machine == world.machine)
        let wanted = machine.handle(.roll(.zsk, urgent: false), now: world.now)
        #expect(wanted.contains(.make(.zsk, algorithm: 13)))
        _ = machine.handle(.made(old), now: world.now)
        #expect(!machine.keys.contains { $0.key == old })
        // A state of an earlier version knows of none.
        let text = world.machine.json.text().replacing("\"buried\"", with: "\"other\"")
        let earlier = try JSONReader.read(
            Array(text.utf8),
            limits: JSONLimits(bytes: 1 << 20, depth: 8, values: 10_000)
        )
        #expect(RolloverMachine(json: earlier, policy: world.policy)?.buried == [])
    }

    // RFC 4034 appendix B.
    @Test func `a key whose tag another one has is not taken`() throws {
        let world = Self.secured(Self.policy(.split))
        var machine = world.machine
        var twin = try #require(machine.keys.first { $0.key.role == .zsk }?.key)
        twin.publicKey = [1, 2, 3]
        _ = machine.handle(.roll(.zsk, urgent: false), now: world.now)
        let wanted = machine.handle(.made(twin), now: world.now)
        #expect(!machine.keys.contains { $0.key == twin })
        #expect(wanted.contains(.make(.zsk, algorithm: 13)))
        twin.tag &+= 1000
        _ = machine.handle(.made(twin), now: world.now)
        #expect(machine.keys.contains { $0.key == twin })
    }

    @Test func `a clock that was a year ahead costs no more than the waits in full`() throws {
        var world = Self.secured(Self.policy(.split))
        let start = world.now
        world.send(.roll(.zsk, urgent: false))
        var machine = world.machine
        let ahead = start + 365 * 86_400
        // It takes the next step by the wrong clock.
        #expect(machine.handle(.time, now: ahead).contains(.serve))
        _ = machine.handle(.applied, now: ahead)
        #expect(machine.picture.signing == [3])
        let now = start + 60
        #expect(!machine.handle(.time, now: now).contains(.serve))
        #expect(machine.nextChange.map { $0 > ahead } == true)
        machine.setBack(to: now)
        #expect(machine.clock == now)
        #expect(machine.nextChange == now + Self.zoneWait)
        #expect(machine.keys.allSatisfy { $0.created <= now && ($0.active ?? 0) <= now })
        #expect(machine.handle(.time, now: now + Self.zoneWait - 1) == [])
        #expect(machine.handle(.time, now: now + Self.zoneWait) == [.serve])
        #expect(machine.picture.published == [1, 3])
        // What a right clock has written stays.
        var same = world.machine
        same.setBack(to: start)
        #expect(same == world.machine)
    }

    @Test func `an operator can say that the parent is done, once something is expected of it`() {
        var world = Self.secured(Self.policy(.csk))
        #expect(world.machine.handle(.parentDone, now: world.now) == [.refuse(.nothingAwaited)])
        world.send(.roll(.csk, urgent: false))
        world.run(until: world.now + Self.keyWait)
        #expect(world.machine.awaitsParent)
        world.parentActs()
        world.send(.parentDone)
        #expect(!world.machine.awaitsParent)
        #expect(world.machine.parentKeys == [2])
    }

    @Test func `a CSK does what both others do, and goes when both are done`() {
        var world = Self.secured(Self.policy(.csk))
        let start = world.now
        world.send(.roll(.csk, urgent: false))
        #expect(world.machine.picture.published == [1, 2])
        world.run(until: start + Self.keyWait - 1)
        #expect(world.machine.picture.signing == [1])
        world.run(until: start + Self.keyWait)
        #expect(world.machine.picture.signing == [2])
        #expect(world.machine.picture.submitted == [2])
        world.parentActs()
        world.look()
        let seen = world.now
        world.run(until: seen + Self.parentWait - 1)
        #expect(world.machine.picture.published == [1, 2])
        world.run(until: seen + Self.parentWait)
        #expect(world.machine.picture.published == [2])
        #expect(world.bogusSeconds().count == 0)
    }

    @Test
    func `another algorithm comes by signatures, DNSKEY and DS, and the former goes likewise`() {
        var world = Self.secured(Self.policy(.split))
        let start = world.now
        world.policy = Self.policy(.split, algorithm: 15)
        world.send(.policy(world.policy, signed: true))
        // RFC 6781 §4.1.4, conservative: signatures first.
        #expect(world.machine.picture.signing == [2, 4])
        #expect(world.machine.picture.published == [1, 2])
        world.run(until: start + Self.zoneWait - 1)
        #expect(world.machine.picture.published == [1, 2])
        world.run(until: start + Self.zoneWait)
        #expect(world.machine.picture.published == [1, 2, 3, 4])
        #expect(world.machine.picture.submitted == [1])
        world.run(until: start + Self.zoneWait + Self.keyWait)
        #expect(world.machine.picture.submitted == [3])
        world.parentActs()
        world.look()
        let seen = world.now
        world.run(until: seen + Self.parentWait - 1)
        #expect(world.machine.picture.published == [1, 2, 3, 4])
        world.run(until: seen + Self.parentWait)
        #expect(world.machine.picture.published == [3, 4])
        #expect(world.machine.picture.signing == [2, 4])
        world.run(until: seen + Self.parentWait + Self.keyWait - 1)
        #expect(world.machine.picture.signing == [2, 4])
        world.run(until: seen + Self.parentWait + Self.keyWait)
        #expect(world.machine.picture.signing == [4])
        #expect(world.bogusSeconds().count == 0)
    }

    @Test func `a policy that comes back takes up the keys it had`() {
        var world = Self.secured(Self.policy(.csk))
        world.policy = Self.policy(.csk, algorithm: 15)
        world.send(.policy(world.policy, signed: true))
        world.run(until: world.now + Self.zoneWait + Self.keyWait)
        #expect(world.machine.picture.submitted == [2])
        world.policy = Self.policy(.csk)
        world.send(.policy(world.policy, signed: true))
        #expect(world.machine.wanted == [1])
        #expect(world.machine.picture.submitted == [1])
        // The parent may have done what it was asked for in between.
        #expect(world.machine.picture.published == [1, 2])
        world.look()
        world.run(until: world.now + Self.parentWait + Self.zoneWait)
        #expect(world.machine.picture.published == [1])
        #expect(world.bogusSeconds().count == 0)
    }

    @Test func `the successor is made as long before the end of a lifetime as caches need`() {
        let lifetime: Int64 = 30 * 86_400
        var world = Self.secured(Self.policy(.split, [.zsk: lifetime]))
        let active = world.machine.keys[1].active ?? 0
        #expect(world.machine.nextChange == active + lifetime - Self.keyWait)
        world.run(until: active + lifetime - 1)
        #expect(world.machine.picture.signing == [2])
        world.run(until: active + lifetime)
        #expect(world.machine.picture.signing == [3])
        #expect(world.machine.keys[2].active == active + lifetime)
    }

    @Test func `a lower TTL shortens no wait for copies made before`() {
        var world = Self.secured(Self.policy(.split))
        let start = world.now
        world.policy.timing.keyTTL = 60
        world.send(.policy(world.policy, signed: true))
        world.send(.roll(.zsk, urgent: false))
        world.run(until: start + Self.keyWait - 1)
        #expect(world.machine.picture.signing == [2])
        world.run(until: start + Self.keyWait)
        #expect(world.machine.picture.signing == [3])
    }

    @Test func `a crash before the new keys are served makes the wait begin anew`() throws {
        var world = Self.secured(Self.policy(.split))
        _ = world.machine.handle(.roll(.zsk, urgent: false), now: world.now)
        let key = NewKey(role: .zsk, algorithm: 13, tag: 99, publicKey: [1])
        _ = world.machine.handle(.made(key), now: world.now)
        #expect(world.machine.picture.published == [1, 2, 3])
        // Saved, and never served; the next process starts much later.
        let later = world.now + 30 * 86_400
        var again = try #require(RolloverMachine(json: world.machine.json, policy: world.policy))
        #expect(again.handle(.time, now: later).isEmpty)
        #expect(again.picture.signing == [2])
        #expect(again.nextChange == nil)
        _ = again.handle(.applied, now: later)
        #expect(again.nextChange == later + Self.keyWait)
    }

    @Test func `a key that others may have goes without margins, and never before caches allow`() {
        var world = Self.secured(Self.policy(.split))
        let start = world.now
        world.send(.roll(.zsk, urgent: true))
        let (publish, retire) = (Self.keyWait - 50, Self.zoneWait - 90)
        world.run(until: start + publish - 1)
        #expect(world.machine.picture.signing == [2])
        world.run(until: start + publish)
        #expect(world.machine.picture.signing == [3])
        world.run(until: start + publish + retire)
        #expect(world.machine.picture.published == [1, 3])
    }

    @Test func `orders that make no sense are refused`() {
        var world = Self.secured(Self.policy(.csk))
        #expect(
            world.machine.handle(.roll(.zsk, urgent: false), now: world.now)
                == [.refuse(.noSuchRole)]
        )
        world.send(.roll(.csk, urgent: false))
        #expect(
            world.machine.handle(.roll(.csk, urgent: false), now: world.now)
                == [.refuse(.underWay)]
        )
    }

    @Test func `a zone becomes unsigned when no cache has a DS of it`() {
        var world = Self.secured(Self.policy(.split))
        world.send(.policy(world.policy, signed: false))
        #expect(world.machine.picture.submitted == [])
        #expect(world.machine.picture.published == [1, 2])
        world.parentActs()
        world.look()
        let seen = world.now
        world.run(until: seen + Self.parentWait - 1)
        #expect(world.machine.picture.published == [1, 2])
        world.run(until: seen + Self.parentWait)
        #expect(world.machine.picture.published.isEmpty)
        #expect(world.machine.picture.signing.isEmpty)
        #expect(world.machine.picture.submitted == nil)
        #expect(world.machine.standing == .unsigned)
        world.run(until: seen + Self.parentWait + Self.zoneWait)
        #expect(world.machine.keys.isEmpty)
        #expect(world.bogusSeconds().count == 0)
    }

    @Test func `keys that sign already elsewhere stay in use from the first moment`() {
        let found = [
            NewKey(role: .ksk, algorithm: 13, tag: 7, publicKey: [1]),
            NewKey(role: .zsk, algorithm: 13, tag: 8, publicKey: [2]),
        ]
        var machine = RolloverMachine(Self.policy(.split), adopting: found, now: 5000)
        #expect(machine.picture.published == [1, 2])
        #expect(machine.picture.signing == [2])
        #expect(machine.picture.submitted == [1])
        #expect(machine.handle(.time, now: 5000).isEmpty)
        #expect(machine.handle(.parentHolds([1]), now: 5000).isEmpty)
        #expect(machine.standing == .secure)
    }

    @Test func `half a state is none`() throws {
        let world = Self.secured(Self.policy(.split))
        let text = world.machine.json.text()
        #expect(RolloverMachine(json: world.machine.json, policy: world.policy) == world.machine)
        let limits = JSONLimits(bytes: 1 << 20, depth: 8, values: 100_000)
        for name in ["keys", "parents", "signers", "next", "clock", "awaited"] {
            let broken = text.replacing("\"\(name)\"", with: "\"other\"")
            let json = try JSONReader.read(Array(broken.utf8), limits: limits)
            #expect(RolloverMachine(json: json, policy: world.policy) == nil, "\(name)")
        }
    }
}
