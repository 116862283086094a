// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Essentials
import Foundation
import Testing

/// `martlet zone check`, and what a zone file may include.
@Suite struct ZoneReportTests {
    static let head = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"

    /// Checks `zones/a.zone` of a folder with these files, and links from name to path.
    func report(
        _ zone: String,
        _ files: [String: String] = [:],
        links: [String: String] = [:]
    ) throws -> ZoneReport {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("martlet-report-\(UUID().uuidString)")
        let zones = folder.appendingPathComponent("zones/parts")
        try FileManager.default.createDirectory(at: zones, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files.merging(["zones/a.zone": zone], uniquingKeysWith: { $1 }) {
            try Data(text.utf8).write(to: folder.appendingPathComponent(name))
        }
        for (name, path) in links {
            try FileManager.default.createSymbolicLink(
                atPath: folder.appendingPathComponent(name).path,
                withDestinationPath: path
            )
        }
        let path = folder.appendingPathComponent("zones/a.zone").path
        return try #require(ZoneReport(path: path, origin: "example.com"))
    }

    @Test func `all findings are told at once, each with its line`() throws {
        let report = try report(
            ZoneReportTests.head + "x A y\n@ MX 10 nobody\nz.other. A 192.0.2.1\n"
        )
        #expect(!report.isValid)
        for part in [
            "a.zone:5:5: error M1515: 'y' is not an IPv4 address", "  5 | x A y\n",
            "a.zone:6:1: warning M1659", "a.zone:7:1: error M1601",
            "zone example.com.: refused, 2 errors, 1 warnings\n",
        ] {
            #expect(report.text.contains(part), "\(report.text)")
        }
        #expect(report.json["valid"] == .bool(false))
        #expect(report.json["errors"] == .integer(2))
        #expect(report.json["diagnostics"]?[0]?["line"] == .integer(5))
    }

    @Test func `a good zone is good, and what is no zone is not`() throws {
        let good = try report(ZoneReportTests.head)
        #expect(good.isValid)
        #expect(good.text == "zone example.com.: good, 0 errors, 0 warnings\n")
        let missing = try #require(ZoneReport(path: "/nowhere/a.zone", origin: "example.com"))
        #expect(!missing.isValid)
        #expect(missing.text.contains("cannot be read"))
        #expect(ZoneReport(path: "/nowhere/a.zone", origin: "a..b") == nil)
    }

    @Test func `a zone includes files of its own folder, and no others`() throws {
        let files = ["zones/parts/p.inc": "$INCLUDE ../b.inc\n", "zones/b.inc": "b A 192.0.2.2\n"]
        let inside = try report(ZoneReportTests.head + "$INCLUDE parts/p.inc\n", files)
        #expect(inside.isValid, "\(inside.text)")
        let outside = ["outside.inc": "b A 192.0.2.2\n"]
        for include in ["../outside.inc", "/etc/hostname", "parts/../../outside.inc"] {
            let report = try report(ZoneReportTests.head + "$INCLUDE \(include)\n", outside)
            #expect(!report.isValid)
            #expect(report.text.contains("5:10: error M1506: '\(include)' is not read: it is out"))
        }
        let linked = try report(
            ZoneReportTests.head + "$INCLUDE link.inc\n",
            outside,
            links: ["zones/link.inc": "../outside.inc"]
        )
        #expect(linked.text.contains("error M1506: 'link.inc' is not read: it is outside"))
        let near = try report(
            ZoneReportTests.head + "$INCLUDE link.inc\n",
            files,
            links: ["zones/link.inc": "b.inc"]
        )
        #expect(near.isValid, "\(near.text)")
    }
}
