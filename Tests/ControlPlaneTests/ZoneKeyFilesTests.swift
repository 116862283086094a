// SPDX-License-Identifier: Apache-2.0
import Configuration
import DNSProtocol
import DNSServer
import Runtime
import Testing

@testable import ControlPlane

/// The keys of signed zones in the state folder.
@Suite struct ZoneKeyFilesTests {
    private func settings(_ zones: [String], _ algorithm: String = "ed25519") throws -> Settings {
        let lines = zones.map { zone in
            "  '\(zone)': { soa: { primary: ns, mailbox: h@example.com }, records: { ns: "
                + "{ a: 192.0.2.1 } }, dnssec: { algorithm: \(algorithm), denial: nsec3 } }\n"
        }
        let text = "listeners: [ { dns: ':5300' } ]\nzones:\n" + lines.joined()
        let result = ConfigurationReader().read(Array(text.utf8), file: "martlet.yaml")
        return try #require(result.configuration?.settings, "\(result.diagnostics)")
    }

    private func code(_ files: ZoneKeyFiles, _ settings: Settings) -> String? {
        do throws(ReloadProblem) {
            _ = try files.keys(settings)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `a key is made once and found again`() throws {
        let folder = try TemporaryFolder()
        let files = ZoneKeyFiles(folder: folder.path)
        let settings = try settings(["example.com", "_odd.example.com"])
        let first = try files.keys(settings)
        #expect(first.count == 2)
        let apex = try #require(DomainName("example.com"))
        #expect(first[apex]?.denial == .narrowNSEC3)
        let again = try files.keys(settings)
        for (zone, keys) in first {
            #expect(again[zone]?.keys.map(\.data) == keys.keys.map(\.data))
        }
        #expect(Set(first.values.map { $0.keys[0].data }).count == 2, "each zone has its own")
        // One in use is not read again.
        File.remove("\(folder.path)/keys/example.com.pem")
        let known = ZoneKeyFiles(folder: folder.path, known: first)
        #expect(try known.keys(settings)[apex]?.keys[0].data == first[apex]?.keys[0].data)
    }

    @Test func `a key that is damaged or of another algorithm stops a zone`() throws {
        let folder = try TemporaryFolder()
        let files = ZoneKeyFiles(folder: folder.path)
        let ed25519 = try settings(["example.com"])
        #expect(code(files, ed25519) == nil)
        #expect(code(files, try settings(["example.com"], "ecdsa-p256-sha256")) == "M3050")
        try File.writeAtomically("\(folder.path)/keys/example.com.pem", Array("x".utf8))
        #expect(code(files, ed25519) == "M3050")
        // It is not made anew in its place.
        let left = try File.read("\(folder.path)/keys/example.com.pem", limit: 100)
        #expect(left == Array("x".utf8))
    }

    @Test func `without a folder that can be written nothing is signed`() throws {
        let settings = try settings(["example.com"])
        #expect(code(ZoneKeyFiles(folder: nil), settings) == "M3051")
        let folder = try TemporaryFolder()
        try File.writeAtomically("\(folder.path)/keys", [])
        #expect(code(ZoneKeyFiles(folder: folder.path), settings) == "M3050")
    }

    @Test(arguments: [
        ("example.com.", "example.com.pem"), (".", "%2e.pem"), ("a/b.test.", "a%2fb.test.pem"),
        ("..x.", "..x.pem"),
    ])
    func `names of files hold nothing odd`(zone: String, name: String) {
        #expect(ZoneKeyFiles.fileName(zone) == name)
    }
}
