// SPDX-License-Identifier: Apache-2.0
import Foundation
import Runtime
import Testing

/// Only root can give files away; `nobody` of Debian is number 65534.
private let isRoot = ProcessControl.effectiveUser == 0

@Suite(.enabled(if: isRoot)) final class HandedFileTests {
    private let folder: String
    private let handed = HandedFile(user: 65_534, group: 65_534)

    init() throws {
        folder = "/tmp/martlet-test-\(ProcessControl.randomSeed())"
        try File.makeFolder(folder, mode: 0o755)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func owner(_ path: String) -> Int? {
        let found = try? FileManager.default.attributesOfItem(atPath: path)
        return (found?[.ownerAccountID] as? NSNumber)?.intValue
    }

    private func write(_ name: String) throws -> String {
        try File.writeAtomically("\(folder)/\(name)", Array("content".utf8))
        return "\(folder)/\(name)"
    }

    @Test func `a missing file in a folder of root is made, an existing one is handed over`() throws
    {
        try handed.make("\(folder)/new.log")
        #expect(owner("\(folder)/new.log") == 65_534)
        let old = try write("old.log")
        try handed.make(old)
        #expect(owner(old) == 65_534)
        #expect(try File.read(old, limit: 100) == Array("content".utf8))
    }

    @Test func `a link is not followed, whether it is the file or a folder on the way`() throws {
        let secret = try write("secret")
        let manager = FileManager.default
        try manager.createSymbolicLink(atPath: "\(folder)/link.log", withDestinationPath: secret)
        try manager.createSymbolicLink(atPath: "\(folder)/way", withDestinationPath: folder)
        #expect(throws: SystemError.self) { try handed.make("\(folder)/link.log") }
        #expect(throws: SystemError.self) { try handed.make("\(folder)/way/secret") }
        #expect(throws: SystemError.self) { try handed.make("\(folder)/x/../secret") }
        #expect(owner(secret) == 0)
    }

    @Test func `a file with a second name stays with root`() throws {
        let secret = try write("secret")
        try FileManager.default.linkItem(atPath: secret, toPath: "\(folder)/second.log")
        #expect(throws: SystemError.accessDenied) { try handed.make("\(folder)/second.log") }
        #expect(owner(secret) == 0)
    }

    @Test func `nothing is made where others can write`() throws {
        try File.makeFolder("\(folder)/open", mode: 0o777)
        #expect(throws: SystemError.accessDenied) { try handed.make("\(folder)/open/new.log") }
        #expect(owner("\(folder)/open/new.log") == nil)
    }

    @Test func `in a folder of the account only what exists is handed over`() throws {
        try File.makeFolder("\(folder)/its")
        _ = try write("its/left-by-root")
        _ = try write("its/lock")
        try handed.giveFolder("\(folder)/its")
        #expect(throws: SystemError.noSuchFile) { try handed.make("\(folder)/its/new.log") }
        try handed.giveAll(in: "\(folder)/its", except: "lock")
        #expect(owner("\(folder)/its/left-by-root") == 65_534)
        #expect(owner("\(folder)/its/lock") == 0)
    }
}
