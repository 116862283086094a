// SPDX-License-Identifier: Apache-2.0
import Foundation
import Runtime
import Testing

@Suite struct DatabaseTests {
    private func withTemporaryFolder(_ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.path + "/database-\(UUID())"
        try Folder.makeOwn(path)
        defer { Folder.removeTree(path) }
        try body(path)
    }

    @Test func `rows go in and come out`() throws {
        try withTemporaryFolder { folder in
            let store = try Database("\(folder)/a.db")
            try store.run("CREATE TABLE t (k INTEGER PRIMARY KEY, v)")
            let values: [Database.Value] = [
                .null, .integer(-5), .blob([]), .blob([0, 255]), .text("ä"),
            ]
            for (number, value) in values.enumerated() {
                try store.run("INSERT INTO t VALUES (?, ?)", [.integer(Int64(number)), value])
            }
            var found: [Database.Value] = []
            try store.rows("SELECT v FROM t ORDER BY k") { row in
                found += row
                return found.count < 4
            }
            #expect(found == Array(values.prefix(4)))
        }
    }

    @Test func `a transaction that fails leaves nothing`() throws {
        try withTemporaryFolder { folder in
            let store = try Database("\(folder)/a.db")
            try store.run("CREATE TABLE t (k INTEGER PRIMARY KEY)")
            #expect(throws: Database.Fault.self) {
                try store.transaction { () throws(Database.Fault) in
                    try store.run("INSERT INTO t VALUES (1)")
                    try store.run("INSERT INTO t VALUES (1)")
                }
            }
            try store.transaction { () throws(Database.Fault) in
                try store.run("INSERT INTO t VALUES (2)")
            }
            // Another connection sees what is committed, and that alone.
            var found: [Int64] = []
            let other = try Database("\(folder)/a.db")
            try other.rows("SELECT k FROM t") { row in
                found.append(row[0].integer)
                return true
            }
            #expect(found == [2])
        }
    }

    @Test func `what is no database is damage`() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.db"
            try File.writeAtomically(path, Array(repeating: 0x41, count: 8192))
            let fault = #expect(throws: Database.Fault.self) { _ = try Database(path) }
            #expect(fault?.isDamage == true)
            let missing = #expect(throws: Database.Fault.self) {
                _ = try Database("\(folder)/no/such/a.db")
            }
            #expect(missing?.isDamage == false)
        }
    }
}
