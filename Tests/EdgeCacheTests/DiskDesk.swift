// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Synchronization

@testable import EdgeCache

/// A folder that is gone with its user.
final class DiskFolder: Sendable {
    let path = "/tmp/martlet-disk-\(ProcessControl.randomSeed())"

    deinit { Folder.removeTree(path) }

    func content(_ name: String) throws -> [UInt8] {
        try File.read("\(path)/\(name)", limit: 1 << 30)
    }

    func names(_ kind: String) -> [String] {
        Folder.entries(path).filter { $0.hasSuffix(kind) }.sorted()
    }

    /// Changes one octet of a file.
    func damage(_ name: String, at place: Int) throws {
        var octets = try content(name)
        octets[place] ^= 0x40
        try File.writeAtomically("\(path)/\(name)", octets)
    }
}

/// The threads of a disk, which work when they are told to.
final class DiskDesk {
    let store: CacheStore
    private var writer: DiskWriter
    private let reader: DiskReader
    private(set) var news: [UInt64] = []

    /// Opens what is in the folder.
    init(_ store: CacheStore) throws {
        self.store = store
        guard let disk = store.disk else { throw StoreDesk.Unexpected(what: "there is no disk") }
        try File.makeFolder(disk.plan.folder)
        writer = try DiskWriter(disk, store)
        reader = try DiskReader(disk, 0, store)
        try writer.open()
        disk.status.withLock { $0.state = .serving }
    }

    var status: DiskStatus { store.diskStatus ?? DiskStatus() }

    /// Writes what waits.
    func write(at now: Instant = .start) {
        guard let disk = store.disk else { return }
        _ = writer.perform(disk.jobs.drain(), now)
    }

    /// Reads what is waited for.
    func read() {
        for mailbox in store.disk?.requests ?? [] { _ = reader.perform(mailbox.drain()) }
    }

    /// Ends as a process does that is killed: what waits is lost.
    func kill() {
        for mailbox in store.disk?.requests ?? [] { _ = reader.perform([.leave] + mailbox.drain()) }
        writer.end()
    }
}
