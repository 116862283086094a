// SPDX-License-Identifier: Apache-2.0
import Configuration
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Testing

@testable import ControlPlane

/// Machines, files and what is served, together; time is a number.
@Suite struct KeyKeeperTests {
    private static let zone = "example.com."

    private static func plan(
        _ change: (inout KeySettings) -> Void = { _ in },
        algorithm: UInt8 = 13
    ) -> KeyPlan {
        var settings = KeySettings()
        settings.propagationDelay = .seconds(10)
        settings.dsTTL = .seconds(100)
        settings.parentPropagationDelay = .seconds(20)
        settings.publishSafety = .seconds(1)
        settings.retireSafety = .seconds(2)
        change(&settings)
        return KeyPlan(
            zone: zone,
            settings,
            algorithm: algorithm,
            keyTTL: .seconds(60),
            greatestTTL: 300,
            resolvers: [SocketAddress(IPAddress(v4: 0x7f00_0001), port: 53)]
        )
    }

    private static func keeper(_ folder: TemporaryFolder) -> KeyKeeper {
        KeyKeeper(store: KeyStore(root: "\(folder.path)/keys"))
    }

    /// The service as far as keys go: serves what has changed, at once.
    private static func serve(_ keeper: inout KeyKeeper, _ now: Int64) {
        if keeper.takeChange() { keeper.applied(now: now) }
        keeper.applied(now: now)
    }

    /// Lets time pass; the parent does what CDS says as soon as it is looked at.
    private static func run(
        _ keeper: inout KeyKeeper,
        from start: Int64,
        to end: Int64,
        parentActs: Bool = true
    ) throws {
        var now = start
        while let next = keeper.nextDeadline, next <= end {
            now = max(now, next)
            for (zone, _) in keeper.expire(now: now) where parentActs {
                let kept = try #require(keeper.zones[zone])
                let apex = try #require(DomainName(zone))
                let wanted = kept.machine.submitted ?? []
                let records = kept.machine.keys.filter { wanted.contains($0.id) }
                    .map { KeptZone.delegations($0.key, apex)[0] }
                keeper.takeParent(zone, .holds(records), now: now)
            }
            serve(&keeper, now)
        }
    }

    private static func inForce(_ keeper: KeyKeeper) -> ZoneKeys? {
        keeper.zones[zone]?.inForce(denial: .compact, lifetime: 1000, refresh: 100)
    }

    @Test func `a new zone has keys on disk before anything shows them`() throws {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        keeper.configure([Self.plan { $0.scheme = .split }], now: 1000)
        let taken1 = keeper.takeChange()
        #expect(taken1)
        let keys = try #require(Self.inForce(keeper))
        #expect(keys.keys.map(\.flags) == [257, 256])
        #expect(keys.keys.map(\.signsKeys) == [true, false])
        #expect(keys.keys.map(\.signsZone) == [false, true])
        #expect(keys.keys.map(\.isInCDS) == [false, false])
        let files = Folder.entries("\(folder.path)/keys/example.com").sorted()
        #expect(files.count == 3)
        #expect(files.last?.hasPrefix("zsk-13-") == true)
        keeper.applied(now: 1000)
        try Self.run(&keeper, from: 1000, to: 2000)
        #expect(keeper.zones[Self.zone]?.machine.standing == .secure)
        #expect(Self.inForce(keeper)?.keys.map(\.isInCDS) == [true, false])
    }

    @Test func `another process goes on where this one was`() throws {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        keeper.configure([Self.plan()], now: 1000)
        Self.serve(&keeper, 1000)
        try Self.run(&keeper, from: 1000, to: 3000)
        let ordered2 = keeper.order(.roll(.csk, urgent: false), Self.zone, now: 3000)
        #expect(ordered2 == .done)
        Self.serve(&keeper, 3000)
        let tags = Self.inForce(keeper)?.keys.map(\.tag)
        #expect(tags?.count == 2)
        var next = Self.keeper(folder)
        next.configure([Self.plan()], now: 3010)
        #expect(Self.inForce(next)?.keys.map(\.tag) == tags)
        Self.serve(&next, 3010)
        try Self.run(&next, from: 3010, to: 9000)
        #expect(Self.inForce(next)?.keys.count == 1)
        #expect(Self.inForce(next)?.keys.first?.tag == tags?.last)
        // The file of the former key is gone with it.
        #expect(Folder.entries("\(folder.path)/keys/example.com").count == 2)
    }

    @Test func `what cannot be saved does not happen, and is tried again`() throws {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        keeper.configure([Self.plan()], now: 1000)
        Self.serve(&keeper, 1000)
        try Self.run(&keeper, from: 1000, to: 3000)
        let before = Self.inForce(keeper)?.keys.map(\.tag)
        _ = keeper.takeNews()
        // A folder in the place of the file that is written first.
        try File.makeFolder("\(folder.path)/keys/example.com/rollover.json.new")
        let outcome = keeper.order(.roll(.csk, urgent: false), Self.zone, now: 3000)
        guard case .failed(let fault) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(fault.code == "M1682")
        let taken3 = keeper.takeChange()
        #expect(!taken3)
        #expect(Self.inForce(keeper)?.keys.map(\.tag) == before)
        let taken4 = keeper.takeNews()
        #expect(taken4.map(\.code) == ["M1682"])
        Folder.removeTree("\(folder.path)/keys/example.com/rollover.json.new")
        let again = keeper.order(.roll(.csk, urgent: false), Self.zone, now: 3001)
        #expect(again == .done)
        // The key of the first try is used, not left behind.
        #expect(Folder.entries("\(folder.path)/keys/example.com").count == 3)
    }

    @Test
    func `without room for its first state a zone gets no key, which would pass for a brought one`()
        throws
    {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        let path = "\(folder.path)/keys/example.com"
        try File.makeFolder("\(path)/rollover.json.new", parents: 0o700)
        keeper.configure([Self.plan()], now: 1000)
        #expect(Folder.entries(path) == ["rollover.json.new"])
        #expect(Self.inForce(keeper) == nil)
        Folder.removeTree("\(path)/rollover.json.new")
        let retry = try #require(keeper.nextDeadline)
        #expect(retry == 1000 + KeyKeeper.retryGap || retry == 1000)
        _ = keeper.expire(now: 1000 + KeyKeeper.retryGap)
        #expect(Folder.entries(path).count == 2)
        #expect(Self.inForce(keeper)?.keys.map(\.isInCDS) == [false])
    }

    @Test func `without its key file a zone is not signed by less, and comes back with it`() throws
    {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        keeper.configure([Self.plan()], now: 1000)
        Self.serve(&keeper, 1000)
        let path = "\(folder.path)/keys/example.com"
        let name = try #require(Folder.entries(path).first { $0.hasSuffix(".pem") })
        try File.move("\(path)/\(name)", to: "\(folder.path)/aside")
        // The process that has it in memory goes on.
        keeper.configure([Self.plan()], now: 1100)
        #expect(Self.inForce(keeper) != nil)
        var next = Self.keeper(folder)
        next.configure([Self.plan()], now: 1200)
        #expect(next.zones[Self.zone]?.isServable == false)
        #expect(Self.inForce(next) == nil)
        #expect(KeyKeeper.unusable([Self.zone], store: next.store).keys.sorted() == [Self.zone])
        try File.move("\(folder.path)/aside", to: "\(path)/\(name)")
        next.configure([Self.plan()], now: 1300)
        #expect(next.zones[Self.zone]?.isServable == true)
        #expect(KeyKeeper.unusable([Self.zone], store: next.store).isEmpty)
    }

    @Test func `a state that is damaged is rebuilt from the keys, which all stay in use`() throws {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        keeper.configure([Self.plan { $0.scheme = .split }], now: 1000)
        Self.serve(&keeper, 1000)
        let path = "\(folder.path)/keys/example.com/rollover.json"
        try File.writeAtomically(path, Array("{\"format\":1".utf8))
        var next = Self.keeper(folder)
        next.configure([Self.plan { $0.scheme = .split }], now: 2000)
        let keys = try #require(Self.inForce(next))
        #expect(keys.keys.map(\.flags) == [257, 256])
        #expect(keys.keys.map(\.isInCDS) == [true, false])
        let taken5 = next.takeNews()
        #expect(taken5.contains { $0.code == "M1681" })
        #expect(File.isRegular("\(path).corrupt") == true)
    }

    @Test func `keys that were brought are used as they are, with their CDS at once`() throws {
        let folder = try TemporaryFolder()
        let store = KeyStore(root: "\(folder.path)/keys")
        try store.prepare(Self.zone)
        let found = try ForeignKeyFile.read(Array(ForeignKeyTests.ecdsa.utf8), record: nil)
        let tag = KeyFile.tag(of: found.key, role: .csk)
        let file = KeyFile(role: .csk, algorithm: 13, tag: tag)
        try store.keep(found.key, as: file, zone: Self.zone)
        var keeper = Self.keeper(folder)
        keeper.configure([Self.plan()], now: 1000)
        #expect(Self.inForce(keeper)?.keys.map(\.tag) == [55_648])
        #expect(Self.inForce(keeper)?.keys.map(\.isInCDS) == [true])
        // Another algorithm begins a rollover from it.
        keeper.configure([Self.plan(algorithm: 15)], now: 1001)
        #expect(Self.inForce(keeper)?.keys.map(\.signsZone) == [true, true])
        #expect(Self.inForce(keeper)?.keys.map(\.isPublished) == [true, false])
    }

    @Test func `the next key is one that was brought for the zone, and no other file`() throws {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        keeper.configure([Self.plan { $0.scheme = .split }], now: 1000)
        Self.serve(&keeper, 1000)
        try Self.run(&keeper, from: 1000, to: 3000)
        let store = KeyStore(root: "\(folder.path)/keys")
        let path = store.folder(Self.zone)
        // A stray file of the right role and algorithm, and one of another algorithm.
        let stray = try #require(SigningKey.generate(.ecdsaP256))
        let name = KeyFile(role: .zsk, algorithm: 13, tag: KeyFile.tag(of: stray, role: .zsk)).name
        try File.writeAtomically("\(path)/\(name)", try #require(stray.pem))
        let (other, _) = try store.make(.zsk, 15, zone: Self.zone, avoiding: [])
        let first = keeper.order(.roll(.zsk, urgent: false), Self.zone, now: 3000)
        #expect(first == .done)
        Self.serve(&keeper, 3000)
        let files = Self.inForce(keeper)?.keys.map { "zsk-13-\($0.tag).pem" } ?? []
        #expect(files.count == 3 && !files.contains(name))
        try Self.run(&keeper, from: 3000, to: 9000)
        let (brought, _) = try store.make(.zsk, 13, zone: Self.zone, avoiding: [])
        let second = keeper.order(.roll(.zsk, urgent: false), Self.zone, now: 9000)
        #expect(second == .done)
        Self.serve(&keeper, 9000)
        #expect(Self.inForce(keeper)?.keys.contains { $0.tag == brought.tag } == true)
        #expect(Self.inForce(keeper)?.keys.contains { $0.tag == other.tag } == false)
    }

    @Test func `keys that cannot be read are not replaced by others`() throws {
        let folder = try TemporaryFolder()
        let store = KeyStore(root: "\(folder.path)/keys")
        try store.prepare(Self.zone)
        let path = "\(store.folder(Self.zone))/csk-13-7.pem"
        try File.writeAtomically(path, Array("nonsense".utf8))
        var keeper = Self.keeper(folder)
        keeper.configure([Self.plan()], now: 1000)
        #expect(keeper.zones.isEmpty)
        #expect(Folder.entries(store.folder(Self.zone)) == ["csk-13-7.pem"])
        let problems = KeyKeeper.unusable([Self.zone], store: store)
        #expect(problems[Self.zone]?.code == "M1680")
    }

    @Test func `a follower shows what is written, and writes nothing`() throws {
        let folder = try TemporaryFolder()
        var leader = Self.keeper(folder)
        leader.configure([Self.plan()], now: 1000)
        Self.serve(&leader, 1000)
        var follower = Self.keeper(folder)
        follower.configure([Self.plan { $0.follow = true }], now: 1001)
        Self.serve(&follower, 1001)
        #expect(Self.inForce(follower)?.keys.map(\.tag) == Self.inForce(leader)?.keys.map(\.tag))
        let ordered6 = follower.order(.roll(.csk, urgent: false), Self.zone, now: 1002)
        #expect(ordered6 == .follows)
        try Self.run(&leader, from: 1002, to: 3000)
        let ordered7 = leader.order(.roll(.csk, urgent: false), Self.zone, now: 3000)
        #expect(ordered7 == .done)
        Self.serve(&leader, 3000)
        let text = try File.read(
            "\(folder.path)/keys/example.com/rollover.json",
            limit: 1 << 20
        )
        _ = follower.expire(now: 3005)
        let taken8 = follower.takeChange()
        #expect(taken8)
        #expect(Self.inForce(follower)?.keys.map(\.tag) == Self.inForce(leader)?.keys.map(\.tag))
        #expect(
            try File.read("\(folder.path)/keys/example.com/rollover.json", limit: 1 << 20) == text
        )
    }

    @Test func `a retired key that is brought back from a copy is not taken up again`() throws {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        keeper.configure([Self.plan { $0.scheme = .split }], now: 1000)
        Self.serve(&keeper, 1000)
        try Self.run(&keeper, from: 1000, to: 3000)
        let path = "\(folder.path)/keys/example.com"
        let name = try #require(Folder.entries(path).first { $0.hasPrefix("zsk-") })
        let copy = try File.read("\(path)/\(name)", limit: 1 << 16)
        let ordered = keeper.order(.roll(.zsk, urgent: true), Self.zone, now: 3000)
        #expect(ordered == .done)
        Self.serve(&keeper, 3000)
        try Self.run(&keeper, from: 3000, to: 9000)
        #expect(!Folder.entries(path).contains(name))
        try File.writeAtomically("\(path)/\(name)", copy)
        for (number, keep) in [true, false].enumerated() {
            if !keep { keeper = Self.keeper(folder) }
            let now: Int64 = 9000 + Int64(number) * 10_000
            keeper.configure([Self.plan { $0.scheme = .split }], now: now)
            let again = keeper.order(.roll(.zsk, urgent: false), Self.zone, now: now)
            #expect(again == .done)
            Self.serve(&keeper, now)
            let tags = Self.inForce(keeper)?.keys.map(\.tag) ?? []
            #expect(tags.count == 3)
            #expect(!tags.contains { name == "zsk-13-\($0).pem" })
            try Self.run(&keeper, from: now, to: now + 9000)
        }
    }

    @Test func `a clock far behind that of the state is believed after an hour, not before`() throws
    {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        let ahead: Int64 = 1000 + 365 * 86_400
        let plan = Self.plan { $0.parentCheck = false }
        keeper.configure([plan], now: ahead)
        Self.serve(&keeper, ahead)
        var next = Self.keeper(folder)
        next.configure([plan], now: 1000)
        let told = next.takeNews()
        #expect(told.map(\.code) == ["M1531"])
        Self.serve(&next, 1000)
        #expect(next.nextDeadline == 1000 + KeyKeeper.clockPatience)
        // Set right meanwhile: nothing has been moved.
        var right = Self.keeper(folder)
        right.configure([plan], now: 1000)
        _ = right.expire(now: ahead + 10)
        #expect(right.zones[Self.zone]?.behindSince == nil)
        _ = next.expire(now: 1000 + KeyKeeper.clockPatience)
        #expect(next.zones[Self.zone]?.machine.clock == 1000 + KeyKeeper.clockPatience)
        let moved = next.takeNews()
        #expect(moved.map(\.code) == ["M1531"])
        try Self.run(&next, from: 1000 + KeyKeeper.clockPatience, to: 10_000)
        #expect(Self.inForce(next)?.keys.map(\.isInCDS) == [true])
        var last = Self.keeper(folder)
        last.configure([plan], now: 10_000)
        let quiet = last.takeNews()
        #expect(quiet.isEmpty)
    }

    @Test func `a follower without a state has a fault, not an unsigned zone`() throws {
        let folder = try TemporaryFolder()
        var keys = KeySettings()
        keys.follow = true
        var zone = ZoneSettings(name: Self.zone, ttl: .seconds(60))
        zone.dnssec = SigningSettings()
        zone.dnssec?.keys = keys
        var follower = Self.keeper(folder)
        #expect(follower.faults(of: [zone])[Self.zone]?.code == "M1680")
        follower.configure([Self.plan { $0.follow = true }], now: 1000)
        #expect(follower.faults(of: [zone])[Self.zone]?.code == "M1680")
        #expect(Self.inForce(follower) == nil)
        var leader = Self.keeper(folder)
        leader.configure([Self.plan()], now: 1001)
        _ = follower.takeChange()
        _ = follower.expire(now: 1005)
        let taken = follower.takeChange()
        #expect(taken)
        #expect(follower.faults(of: [zone]).isEmpty)
        #expect(Self.inForce(follower)?.keys.count == 1)
    }

    @Test func `what is due and cannot be saved is tried again after the gap, not at once`() throws
    {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        keeper.configure([Self.plan { $0.parentCheck = false }], now: 1000)
        Self.serve(&keeper, 1000)
        let due = try #require(keeper.nextDeadline)
        try File.makeFolder("\(folder.path)/keys/example.com/rollover.json.new")
        _ = keeper.expire(now: due)
        #expect(keeper.nextDeadline == due + KeyKeeper.retryGap)
        Folder.removeTree("\(folder.path)/keys/example.com/rollover.json.new")
        try Self.run(&keeper, from: due + KeyKeeper.retryGap, to: 5000)
        #expect(Self.inForce(keeper)?.keys.map(\.isInCDS) == [true])
    }

    @Test func `without a check of the parent nothing is due while it is waited for`() throws {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        keeper.configure([Self.plan { $0.parentCheck = false }], now: 1000)
        Self.serve(&keeper, 1000)
        try Self.run(&keeper, from: 1000, to: 5000)
        #expect(keeper.zones[Self.zone]?.machine.awaitsParent == true)
        #expect(keeper.nextDeadline == nil)
        // Once it is to be checked, that is done at once.
        keeper.configure([Self.plan()], now: 6000)
        #expect(keeper.nextDeadline.map { $0 <= 6000 } == true)
        let looks = keeper.expire(now: 6000)
        #expect(looks.map(\.zone) == [Self.zone])
    }

    @Test func `a greater TTL of one zone is waited for, and no other zone is let go`() throws {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        var other = Self.plan()
        other.zone = "other.test."
        keeper.configure([Self.plan(), other], now: 1000)
        Self.serve(&keeper, 1000)
        var greater = Self.plan()
        greater.policy.timing.zoneTTL = 604_800
        keeper.reconfigure([greater], now: 1001)
        #expect(keeper.zones.keys.sorted() == [Self.zone, "other.test."])
        #expect(keeper.zones[Self.zone]?.machine.policy.timing.zoneTTL == 604_800)
        let state = try File.read(
            "\(folder.path)/keys/example.com/rollover.json",
            limit: 1 << 20
        )
        #expect(String(decoding: state, as: UTF8.self).contains("604800"))
    }

    @Test func `a parent that refers to no key of the zone is an error of the log`() throws {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        keeper.configure([Self.plan()], now: 1000)
        Self.serve(&keeper, 1000)
        _ = keeper.takeNews()
        let strange: [UInt8] = [0, 1, 13, 2] + [UInt8](repeating: 3, count: 32)
        keeper.takeParent(Self.zone, .holds([strange]), now: 1001)
        let taken9 = keeper.takeNews()
        #expect(taken9.map(\.code) == ["M1683"])
        keeper.takeParent(Self.zone, .holds([strange]), now: 1002)
        let taken10 = keeper.takeNews()
        #expect(taken10.isEmpty)
    }

    @Test func `a parent that is said to have no DS any more ends no rollover`() throws {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        keeper.configure([Self.plan()], now: 1000)
        Self.serve(&keeper, 1000)
        try Self.run(&keeper, from: 1000, to: 3000)
        let ordered = keeper.order(.roll(.csk, urgent: false), Self.zone, now: 3000)
        #expect(ordered == .done)
        Self.serve(&keeper, 3000)
        try Self.run(&keeper, from: 3000, to: 9000, parentActs: false)
        #expect(keeper.zones[Self.zone]?.machine.awaitsParent == true)
        _ = keeper.takeNews()
        let strange: [UInt8] = [0, 1, 13, 2] + [UInt8](repeating: 3, count: 32)
        for (records, code) in [([], "M1530"), ([strange], "M1683")] as [([[UInt8]], String)] {
            keeper.takeParent(Self.zone, .holds(records), now: 9000)
            Self.serve(&keeper, 9000)
            try Self.run(&keeper, from: 9000, to: 20_000, parentActs: false)
            let news = keeper.takeNews()
            #expect(news.map(\.code) == [code])
            #expect(Self.inForce(keeper)?.keys.count == 2)
            #expect(keeper.zones[Self.zone]?.machine.awaitsParent == true)
        }
        try Self.run(&keeper, from: 20_000, to: 40_000)
        #expect(Self.inForce(keeper)?.keys.count == 1)
    }

    @Test
    func `a zone that stays secure at its parent and is signed no more is an error of the log`()
        throws
    {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        keeper.configure([Self.plan()], now: 1000)
        Self.serve(&keeper, 1000)
        try Self.run(&keeper, from: 1000, to: 3000)
        _ = keeper.takeNews()
        keeper.configure([], now: 3001)
        #expect(keeper.zones.isEmpty)
        let news = keeper.takeNews()
        #expect(news.map(\.code) == ["M1686"])
    }

    @Test func `a parent that does nothing is waited for, and spoken of once a day`() throws {
        let folder = try TemporaryFolder()
        var keeper = Self.keeper(folder)
        keeper.configure([Self.plan()], now: 1000)
        Self.serve(&keeper, 1000)
        try Self.run(&keeper, from: 1000, to: 5000, parentActs: false)
        #expect(keeper.zones[Self.zone]?.machine.awaitsParent == true)
        let late = 5000 + KeyKeeper.patience
        _ = keeper.takeNews()
        for step in 0..<10 as Range<Int64> {
            keeper.takeParent(Self.zone, .holds([]), now: late + step * 3600)
        }
        let taken11 = keeper.takeNews()
        #expect(taken11.map(\.code) == ["M1684"])
        let ordered12 = keeper.order(.parentDone, Self.zone, now: late)
        #expect(ordered12 == .done)
        #expect(keeper.zones[Self.zone]?.machine.standing == .secure)
    }
}
