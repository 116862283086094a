// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Synchronization
import Testing

@testable import EdgeCache

/// What a cache keeps on its disk; its threads work when they are told to.
@Suite struct DiskTests {
    private let folder = DiskFolder()

    private func desk(
        memory: Int = 4 << 20,
        objectLimit: Int = 1 << 20,
        disk: Int = 64 << 20
    ) throws -> StoreDesk {
        try StoreDesk(
            memory: memory,
            objectLimit: objectLimit,
            disk: DiskPlan(folder: folder.path, size: disk)
        )
    }

    /// What a request is answered with, read from the disk where it has to be; nil when nothing fresh is there.
    private func get(
        _ key: String,
        _ desk: StoreDesk,
        _ disk: DiskDesk,
        _ lines: [String] = [],
        at seconds: Int64 = 0
    ) -> String? {
        if case .load(let load, _) = desk.find(key, lines, at: seconds) {
            disk.read()
            #expect(desk.store.state(load, watcher: 0) == .renewed)
            desk.store.release(load)
        }
        return desk.fresh(key, lines, at: seconds)
    }

    /// Stores something, writes it, and lets memory go.
    private func fill(_ puts: (StoreDesk) throws -> Void) throws {
        let desk = try desk()
        let disk = try DiskDesk(desk.store)
        try puts(desk)
        disk.write()
        disk.kill()
    }

    @Test func `what was written is there after a restart, and is read when it is asked for`()
        throws
    {
        try fill { desk in
            for number in 0..<100 { try desk.put("key \(number)", "body \(number)") }
        }
        let desk = try desk()
        let disk = try DiskDesk(desk.store)
        #expect(disk.status.found == 100)
        #expect(desk.store.statistics().diskObjects == 100)
        for number in 0..<100 {
            #expect(get("key \(number)", desk, disk, at: 3) == "body \(number)")
        }
        #expect(disk.status.loads == 100)
        #expect(get("key 100", desk, disk) == nil)
        // It is as old as it is.
        #expect(get("key 7", desk, disk, at: 61) == nil)
    }

    @Test func `what memory lets go is read back, as it was`() throws {
        let desk = try desk(memory: 1 << 20, objectLimit: 100_000)
        let disk = try DiskDesk(desk.store)
        let body = String(repeating: "0123456789", count: 2_000)
        for number in 0..<200 {
            try desk.put("key \(number)", body + "\(number)")
            disk.write()
        }
        #expect(desk.store.statistics().evictions > 100)
        #expect(desk.store.statistics().diskObjects == 200)
        for number in (0..<200).reversed() {
            #expect(get("key \(number)", desk, disk) == body + "\(number)")
        }
        #expect(disk.status.loads > 100)
    }

    @Test func `those who ask while it is read wait for it, and one reads it`() throws {
        try fill { try $0.put("a", "body") }
        let desk = try desk()
        let disk = try DiskDesk(desk.store)
        guard case .load(let first, isNew: true) = desk.find("a", worker: 1),
            case .load(let second, isNew: false) = desk.find("a", mayFetch: false, worker: 2)
        else {
            Issue.record("nothing is read")
            return
        }
        #expect(first == second)
        disk.read()
        #expect(desk.told.map(\.1) == [0b110])
        desk.store.release(first)
        desk.store.release(second)
        #expect(desk.fresh("a") == "body")
        #expect(disk.status.loads == 1)
    }

    @Test func `variants are those that they were`() throws {
        try fill { desk in
            try desk.put("a", "red", vary: ["Color"], request: ["Color: red"])
            try desk.put("a", "blue", vary: ["Color"], request: ["Color: blue"])
        }
        let desk = try desk()
        let disk = try DiskDesk(desk.store)
        #expect(get("a", desk, disk, ["Color: blue"]) == "blue")
        #expect(get("a", desk, disk, ["Color: red"]) == "red")
        #expect(get("a", desk, disk, ["Color: green"]) == nil)
    }

    @Test func `of two of the same the newer one is there`() throws {
        try fill { desk in
            try desk.put("a", "first", StoreDesk.facts(lifetime: 1))
            try desk.put("a", "second", StoreDesk.facts(at: 5), at: 5)
        }
        let desk = try desk()
        let disk = try DiskDesk(desk.store)
        #expect(disk.status.found == 1)
        #expect(get("a", desk, disk, at: 6) == "second")
    }

    @Test func `of two that were both written the newer one is there`() throws {
        try fill { try $0.put("a", "first", StoreDesk.facts(lifetime: 1)) }
        let second = try desk()
        let disk = try DiskDesk(second.store)
        #expect(get("a", second, disk, at: 5) == nil)
        try second.put("a", "second", StoreDesk.facts(at: 5), at: 5)
        disk.write()
        try second.put("a", "third", StoreDesk.facts(at: 100), at: 100)
        disk.write()
        disk.kill()
        let desk = try desk()
        #expect(get("a", desk, try DiskDesk(desk.store), at: 101) == "third")
    }

    @Test func `a new head of what still holds is kept`() throws {
        try fill { desk in
            try desk.put("a", "body", StoreDesk.facts(lifetime: 1))
            guard case .fetch(let fill, let base, _) = desk.find("a", at: 5) else { return }
            #expect(desk.renew(fill, base, StoreDesk.facts(at: 5, lifetime: 100)))
            desk.store.release(fill)
            desk.store.release(base)
        }
        let desk = try desk()
        let disk = try DiskDesk(desk.store)
        #expect(get("a", desk, disk, at: 90) == "body")
    }

    // MARK: Forgetting

    @Test(arguments: ["a", "tag", "prefix", "host", "all"])
    func `what was taken out does not come back`(how: String) throws {
        let (key, other) = (Self.key("a.example", "/x/1"), Self.key("b.example", "/"))
        let tagged = "head\r\nsurrogate-key: t\r\n"
        func order(_ desk: StoreDesk) -> Int {
            switch how {
            case "a": return desk.purge(key)
            case "tag": return desk.store.purge(.tag(Array("t".utf8)), .hard)
            case "prefix": return desk.store.purge(.beginning(Array(key.utf8.dropLast(3))), .hard)
            case "host": return desk.store.purge(.host(Array("a.example".utf8)), .hard)
            default: return desk.store.purge(.all, .hard)
            }
        }
        // In memory and on the disk; on the disk alone; while it waits to be written.
        for moment in 0..<3 {
            Folder.removeTree(folder.path)
            try fill { desk in
                try desk.put(key, "body", head: tagged)
                try desk.put(other, "other")
                if moment == 2 { #expect(order(desk) >= 1) }
            }
            if moment < 2 {
                let desk = try desk()
                let disk = try DiskDesk(desk.store)
                if moment == 0 { #expect(get(key, desk, disk) == "body") }
                #expect(order(desk) == (how == "all" ? 2 : 1), "\(how) \(moment)")
                #expect(order(desk) == 0)
                #expect(get(key, desk, disk) == nil)
                disk.kill()
            }
            let desk = try desk()
            let disk = try DiskDesk(desk.store)
            #expect(get(key, desk, disk) == nil, "\(how) \(moment)")
            #expect((get(other, desk, disk) == nil) == (how == "all"))
        }
    }

    private static func key(_ host: String, _ path: String) -> String {
        let (host, path) = (Array(host.utf8), Array(path.utf8))
        let octets = [UInt8](capacity: 200) { output in
            _ = CacheKeyRule.writePlain(
                isSecure: true,
                host: host.span,
                path: path.span,
                query: nil,
                into: &output
            )
        }
        return String(decoding: octets, as: UTF8.self)
    }

    @Test func `what was made stale is stale after a restart`() throws {
        try fill { try $0.put("a", "body") }
        do {
            let desk = try desk()
            let disk = try DiskDesk(desk.store)
            #expect(desk.purge("a", .soft) == 1)
            disk.kill()
        }
        let desk = try desk()
        let disk = try DiskDesk(desk.store)
        #expect(get("a", desk, disk) == nil)
        #expect(desk.store.statistics().objects == 1)
    }

    @Test func `an order while it is being read holds`() throws {
        try fill { try $0.put("a", "body") }
        let desk = try desk()
        let disk = try DiskDesk(desk.store)
        guard case .load(let load, _) = desk.find("a") else {
            Issue.record("nothing is read")
            return
        }
        #expect(desk.purge("a") == 1)
        disk.read()
        desk.store.release(load)
        #expect(get("a", desk, disk) == nil)
    }

    @Test func `what came after an order is not meant by it`() throws {
        try fill { desk in
            try desk.put("a", "first")
            #expect(desk.purge("a") == 1)
            try desk.put("a", "second")
        }
        let desk = try desk()
        let disk = try DiskDesk(desk.store)
        #expect(get("a", desk, disk) == "second")
    }

    @Test func `an order before the disk is open holds`() throws {
        try fill { desk in
            try desk.put("a", "body")
            try desk.put("b", "body")
        }
        for _ in 0..<2 {
            let desk = try desk()
            #expect(desk.purge("a") == 0)
            let disk = try DiskDesk(desk.store)
            #expect(get("a", desk, disk) == nil)
            #expect(get("b", desk, disk) == "body")
            disk.kill()
        }
    }

    @Test func `what a newer one has replaced that is in memory alone does not come back`() throws {
        for isLoaded in [true, false] {
            Folder.removeTree(folder.path)
            try fill { try $0.put("a", "first") }
            do {
                let desk = try desk()
                let disk = try DiskDesk(desk.store)
                if isLoaded { #expect(get("a", desk, disk, at: 1) == "first") }
                desk.store.disk?.status.withLock { $0.state = .failing }
                if isLoaded {
                    try desk.put("a", "second", StoreDesk.facts(at: 70), at: 70)
                } else {
                    #expect(desk.purge("a") == 1)
                    try desk.put("a", "second", StoreDesk.facts(at: 70), at: 70)
                }
                disk.kill()
            }
            let desk = try desk()
            let disk = try DiskDesk(desk.store)
            #expect(get("a", desk, disk, at: 5) == nil, "\(isLoaded)")
        }
    }

    @Test func `who has let the disk go writes no orders`() throws {
        try fill { try $0.put("a", "body") }
        let desk = try desk()
        let disk = try DiskDesk(desk.store)
        disk.kill()
        let before = try folder.content("orders")
        #expect(desk.store.purge(.all, .hard) == 0)
        #expect(desk.purge("a") == 0)
        #expect(try folder.content("orders") == before)
        let next = try self.desk()
        #expect(get("a", next, try DiskDesk(next.store)) == "body")
    }

    @Test func `an order that was torn costs all that is there, not what it meant`() throws {
        try fill { desk in
            try desk.put("a", "body")
            #expect(desk.purge("a") == 1)
            try desk.put("b", "body")
        }
        try folder.damage("orders", at: 40)
        do {
            let desk = try desk()
            let disk = try DiskDesk(desk.store)
            #expect(disk.status.found == 0)
            try desk.put("c", "body")
            disk.write()
            disk.kill()
        }
        let desk = try desk()
        let disk = try DiskDesk(desk.store)
        #expect(get("b", desk, disk) == nil)
        #expect(get("c", desk, disk) == "body")
    }

    @Test func `of many variants some are known on the disk`() throws {
        try fill { desk in
            for number in 0..<60 {
                let color = ["Color: \(number)"]
                try desk.put("a", "\(number)", vary: ["Color"], request: color)
            }
        }
        let desk = try desk()
        let disk = try DiskDesk(desk.store)
        #expect(disk.status.found == 32)
        #expect(get("a", desk, disk, ["Color: 59"]) == "59")
        #expect(get("a", desk, disk, ["Color: 1"]) == nil)
        // Sixteen for each request, and each one once.
        #expect(get("a", desk, disk, ["Color: 2"]) == nil)
        #expect(disk.status.loads == 32)
    }

    // MARK: Damage

    @Test func `what is damaged is forgotten, and nothing else`() throws {
        try fill { desk in
            for number in 0..<20 { try desk.put("\(number)", String(repeating: "x", count: 500)) }
        }
        // Some octets of heads and of bodies.
        let octets = try folder.content("1.data").count
        for number in 0..<20 where number % 4 == 0 {
            try folder.damage("1.data", at: octets / 20 * number + (number % 8 == 0 ? 4 : 300))
        }
        let desk = try desk()
        let disk = try DiskDesk(desk.store)
        #expect(disk.status.found == 20)
        let body = String(repeating: "x", count: 500)
        let found = (0..<20).filter { get("\($0)", desk, disk) == body }
        #expect(found == (0..<20).filter { $0 % 4 != 0 })
        #expect(disk.status.damages == 5)
        #expect(get("4", desk, disk) == nil)
        #expect(disk.status.damages == 5)
    }

    @Test func `a list or a segment that ends too early costs what is missing`() throws {
        try fill { desk in for number in 0..<20 { try desk.put("\(number)", "body") } }
        let list = try folder.content("1.list")
        try File.writeAtomically("\(folder.path)/1.list", Array(list.dropLast(40)))
        var desk = try desk()
        #expect(try DiskDesk(desk.store).status.found == 19)
        let data = try folder.content("1.data")
        try File.writeAtomically("\(folder.path)/1.data", Array(data.dropLast(data.count / 2)))
        desk = try self.desk()
        #expect(try DiskDesk(desk.store).status.found == 10)
    }

    @Test func `files of another cache are nothing`() throws {
        try fill { try $0.put("a", "body") }
        let plan = CacheStorePlan(
            memory: 4 << 20,
            objectLimit: 1 << 20,
            disk: DiskPlan(folder: folder.path, size: 64 << 20)
        )
        let other = try CacheStore(plan, key: SipKey(8, 9))
        #expect(try DiskDesk(other).status.found == 0)
    }

    @Test func `without room on the disk objects are in memory alone, and later on it again`()
        throws
    {
        let desk = try desk()
        let disk = try DiskDesk(desk.store)
        try desk.put("a", "body")
        disk.write()
        // A folder in the place of the next file.
        try File.makeFolder("\(folder.path)/2.data")
        for number in 0..<40 {
            try desk.put("\(number)", String(repeating: "x", count: 120_000))
            disk.write()
        }
        #expect(disk.status.state == .failing)
        #expect(disk.status.error != nil)
        #expect(disk.status.errors == 1)
        #expect(disk.status.skips > 1)
        #expect(desk.fresh("39") != nil)
        Folder.removeTree("\(folder.path)/2.data")
        try desk.put("b", "body")
        disk.write(at: .start + .seconds(29))
        #expect(disk.status.state == .failing)
        disk.write(at: .start + .seconds(31))
        try desk.put("c", "body")
        disk.write(at: .start + .seconds(32))
        #expect(disk.status.state == .serving)
        disk.kill()
        let next = try self.desk()
        let nextDisk = try DiskDesk(next.store)
        #expect(get("c", next, nextDisk) == "body")
        #expect(get("b", next, nextDisk) == nil)
    }

    // MARK: Room

    @Test func `the oldest go, and what was asked for of them stays`() throws {
        let desk = try desk(memory: 1 << 20, objectLimit: 100_000, disk: 16 << 20)
        let disk = try DiskDesk(desk.store)
        let body = String(repeating: "0123456789", count: 5_000)
        try desk.put("popular", body)
        for number in 0..<1_000 {
            try desk.put("key \(number)", body)
            disk.write()
            if number % 20 == 0 { #expect(get("popular", desk, disk) == body, "\(number)") }
        }
        #expect(disk.status.octets <= 16 << 20)
        let files = folder.names(".data") + folder.names(".list")
        let octets = try files.reduce(0) { try $0 + folder.content($1).count }
        #expect(octets == disk.status.octets)
        #expect(get("key 0", desk, disk) == nil)
        #expect(get("key 999", desk, disk) == body)
        #expect(desk.store.statistics().diskObjects < 330)
        disk.kill()
        let next = try self.desk(memory: 1 << 20, objectLimit: 100_000, disk: 16 << 20)
        let nextDisk = try DiskDesk(next.store)
        #expect(get("popular", next, nextDisk) == body)
        #expect(get("key 998", next, nextDisk) == body)
    }

    @Test func `bodies of many pieces come back whole`() throws {
        let body = String(repeating: "0123456789abcdef", count: 60_000)
        try fill { try $0.put("a", body) }
        let desk = try desk()
        let disk = try DiskDesk(desk.store)
        #expect(get("a", desk, disk) == body)
        try folder.damage("1.data", at: 700_000)
        let other = try self.desk()
        let otherDisk = try DiskDesk(other.store)
        #expect(get("a", other, otherDisk) == nil)
        #expect(otherDisk.status.damages == 1)
    }
}
