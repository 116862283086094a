// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Runtime
import Steering
import Testing

@testable import ControlPlane

@Suite struct OverlayTests {
    private let key = Overlay.Key(pool: "api", endpoint: "a")

    @Test func `an overlay survives its way to the disk and back`() throws {
        var overlay = Overlay()
        _ = overlay.change(key, EndpointChange(state: .draining, weight: .set(0)), realtime: 0)
        _ = overlay.change(
            Overlay.Key(pool: "steer:www", endpoint: "203.0.113.1"),
            EndpointChange(state: .maintenance, force: .hold(isUp: true, for: .seconds(9))),
            realtime: 5
        )
        let text = Array(overlay.json.text(indented: true).utf8)
        let json = try JSONReader.read(text)
        #expect(Overlay(json: json) == overlay)
    }

    @Test func `a change that changes nothing is told from one that does`() {
        var overlay = Overlay()
        let same = overlay.change(key, EndpointChange(state: .ready), realtime: 0)
        let heavier = overlay.change(key, EndpointChange(weight: .set(3)), realtime: 0)
        let again = overlay.change(key, EndpointChange(weight: .set(3)), realtime: 0)
        #expect([same, heavier, again] == [false, true, false])
        #expect(overlay.sequence == 1)
    }

    @Test func `state and weight are changed apart and an empty entry goes`() {
        var overlay = Overlay()
        _ = overlay.change(key, EndpointChange(state: .draining, weight: .set(5)), realtime: 0)
        _ = overlay.change(key, EndpointChange(state: .ready), realtime: 0)
        let kept = overlay.entry(pool: "api", endpoint: "a", configuredName: "a")
        #expect(kept == Overlay.Entry(state: .ready, weight: 5))
        _ = overlay.change(key, EndpointChange(weight: .fromFile), realtime: 0)
        #expect(overlay.entries.isEmpty)
    }

    @Test func `what is forced goes at its end, by auto, and with the rest`() {
        var overlay = Overlay()
        let hold = EndpointChange(force: .hold(isUp: false, for: .seconds(60)))
        let isHeld = overlay.change(key, hold, realtime: 1_000)
        #expect(isHeld)
        let forced = overlay.entry(pool: "api", endpoint: "a", configuredName: "a").forced
        #expect(forced == Overlay.Forced(isUp: false, until: 60_000_001_000))
        let isEarly = overlay.expire(realtime: 60_000_000_999)
        #expect(!isEarly)
        let other = EndpointChange(state: .draining)
        _ = overlay.change(key, other, realtime: 0)
        let isOver = overlay.expire(realtime: 60_000_001_000)
        #expect(isOver)
        #expect(
            overlay.entry(pool: "api", endpoint: "a", configuredName: "a")
                == Overlay.Entry(state: .draining)
        )
        _ = overlay.change(key, hold, realtime: 0)
        _ = overlay.change(key, EndpointChange(state: .ready, force: .auto), realtime: 0)
        #expect(overlay.entries.isEmpty)
    }

    @Test func `an overlay of an older version has nothing forced`() throws {
        let text =
            "{\"format\":1,\"sequence\":1,\"endpoints\":"
            + "[{\"pool\":\"a\",\"endpoint\":\"b\",\"state\":\"draining\",\"weight\":null}]}"
        let overlay = try #require(Overlay(json: try JSONReader.read(Array(text.utf8))))
        #expect(
            overlay.entry(pool: "a", endpoint: "b", configuredName: "b")
                == Overlay.Entry(state: .draining)
        )
    }

    @Test func `one address of a name has its own entry before the name's`() {
        var overlay = Overlay()
        _ = overlay.change(key, EndpointChange(state: .draining), realtime: 0)
        let own = Overlay.Key(pool: "api", endpoint: "a@192.0.2.1")
        _ = overlay.change(own, EndpointChange(state: .maintenance), realtime: 0)
        func state(_ name: String) -> AdministrativeState {
            overlay.entry(pool: "api", endpoint: name, configuredName: "a").state
        }
        #expect(state("a@192.0.2.1") == .maintenance)
        #expect(state("a@192.0.2.2") == .draining)
    }

    @Test(arguments: [
        "{}", "{\"format\":2,\"sequence\":1,\"endpoints\":[]}",
        "{\"format\":1,\"sequence\":1,\"endpoints\":[{\"pool\":\"a\"}]}",
        "{\"format\":1,\"sequence\":1,\"endpoints\":"
            + "[{\"pool\":\"a\",\"endpoint\":\"b\",\"state\":\"gone\",\"weight\":null}]}",
        "{\"format\":1,\"sequence\":1,\"endpoints\":"
            + "[{\"pool\":\"a\",\"endpoint\":\"b\",\"state\":\"ready\",\"weight\":-1}]}",
    ])
    func `half an overlay is no overlay`(text: String) throws {
        #expect(Overlay(json: try JSONReader.read(Array(text.utf8))) == nil)
    }
}

@Suite struct SavedHealthTests {
    private func saved() -> SavedHealth {
        let identity = EndpointIdentity(pool: "api", host: "192.0.2.1", port: 80)
        var endpoint = SavedEndpoint(identity: identity, health: .down, reason: .dependency)
        endpoint.detail = "db=fail \"x\""
        endpoint.sinceRealtime = 5
        endpoint.ejectedUntilRealtime = 9
        endpoint.returnedRealtime = 6
        let key = ResolvedNames.Key(host: "app.internal", server: SocketAddress("192.0.2.9:53"))
        let name = SavedName(key: key, addresses: [IPAddress(v4: 1), IPAddress(v6: 2)])
        let family = SavedAlias.Family(addresses: [IPAddress(v4: 3)], learned: 5, freshUntil: 6)
        let alias = SavedAlias(host: "x.test", ipv4: family, ipv6: nil)
        return SavedHealth(
            generation: 3,
            writtenAt: 7,
            endpoints: [endpoint],
            names: [name],
            aliases: [alias]
        )
    }

    @Test func `a health table survives its way to the disk and back`() throws {
        let json = try JSONReader.read(saved().text())
        #expect(SavedHealth(json: json) == saved())
    }

    @Test func `verdicts too old, or from another time, are not believed`() {
        let minute: Int64 = 60_000_000_000
        let saved = SavedHealth(generation: 1, writtenAt: 100 * minute, endpoints: [])
        #expect(saved.isUseful(realtime: 104 * minute))
        #expect(!saved.isUseful(realtime: 106 * minute))
        #expect(!saved.isUseful(realtime: 1))
    }

    @Test func `who led is believed for some seconds only`() {
        let second: Int64 = 1_000_000_000
        let identity = EndpointIdentity(pool: "p", host: "10.0.0.1", port: 80)
        var leader = SavedEndpoint(identity: identity, health: .up, reason: .probePassed)
        leader.role = .leader
        var replica = leader
        replica.role = .replica
        let saved = SavedHealth(
            generation: 1,
            writtenAt: 100 * second,
            endpoints: [leader, replica]
        )
        #expect(saved.believed(realtime: 104 * second).map(\.role) == [.leader, .replica])
        for late in [106 * second, 399 * second, 99 * second] {
            #expect(saved.believed(realtime: late).map(\.role) == [.unknown, .replica])
        }
    }

    @Test func `an unknown word refuses the table`() throws {
        let text = String(decoding: saved().text(), as: UTF8.self)
        for (old, new) in [
            ("\"down\"", "\"sideways\""), ("dependency", "weather"), ("0.0.0.3", "x"),
            ("freshUntil", "fresh"),
        ] {
            let broken = text.split(separator: old, omittingEmptySubsequences: false)
                .joined(separator: new)
            let json = try JSONReader.read(Array(broken.utf8))
            #expect(SavedHealth(json: json) == nil, "\(new)")
        }
    }
}

@Suite struct StateStoreTests {
    @Test func `what is written is read, and a damaged file is set aside with a word`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path
        let store = try StateStore(folder: path)
        var overlay = Overlay()
        _ = overlay.change(
            .init(pool: "a", endpoint: "b"),
            EndpointChange(state: .draining),
            realtime: 0
        )
        try store.writeNow(.overlay, Array(overlay.json.text().utf8))
        var notes: [String] = []
        let read = store.read(.overlay, notes: &notes) { Overlay(json: $0) }
        #expect(read == overlay)
        #expect(notes.isEmpty)
        try store.writeNow(.overlay, Array("{\"format\":1,".utf8))
        let broken = store.read(.overlay, notes: &notes) { Overlay(json: $0) }
        #expect(broken == nil)
        #expect(notes.count == 1)
        #expect(File.modified("\(path)/overlay.json.corrupt") != nil)
        #expect(File.modified("\(path)/overlay.json") == nil)
    }

    @Test func `no folder and no file are no reason to say anything`() throws {
        var notes: [String] = []
        let none = try StateStore(folder: nil)
        #expect(none.read(.health, notes: &notes) { SavedHealth(json: $0) } == nil)
        let other = try TemporaryFolder()
        let empty = try StateStore(folder: other.path)
        #expect(empty.read(.health, notes: &notes) { SavedHealth(json: $0) } == nil)
        #expect(notes.isEmpty)
    }

    @Test func `of two threads that write one file the later text stays, and it is whole`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path
        let store = try StateStore(folder: path)
        func text(_ number: Int) -> [UInt8] {
            let body = String(repeating: "\(number) ", count: 2_000 + number % 7 * 500)
            return Array("[ \(number), \"\(body)\" ]".utf8)
        }
        for number in 0..<200 {
            store.writeSoon(.health, text(number * 2))
            try store.writeNow(.health, text(number * 2 + 1))
        }
        // What was asked for before it is written by then.
        for mark in ["first", "second"] {
            let wanted = Array("\"\(mark)\"".utf8)
            store.writeSoon(.overlay, wanted)
            while (try? File.read("\(path)/overlay.json", limit: 100)) != wanted {}
        }
        #expect(try File.read("\(path)/health.json", limit: 100_000) == text(399))
    }

    @Test func `two services cannot share a folder`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path
        var notes: [String] = []
        let first = try StateFolder.open(path, configuration: "a", owner: nil, notes: &notes)
        #expect(first != nil)
        var code = ""
        do {
            _ = try StateFolder.open(path, configuration: "b", owner: nil, notes: &notes)
        } catch {
            code = error.code
        }
        #expect(code == "M3106")
        first?.lock.close()
        let third = try StateFolder.open(path, configuration: "b", owner: nil, notes: &notes)
        #expect(third != nil)
        third?.lock.close()
    }

    @Test func `a folder that cannot be made is told, and the start goes on`() throws {
        var notes: [String] = []
        let found = try StateFolder.open(
            "/proc/martlet",
            configuration: "a",
            owner: nil,
            notes: &notes
        )
        #expect(found == nil)
        #expect(notes.count == 1)
    }
}
