// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Steering
import Testing

/// When signatures end that stand in zone files.
@Suite struct SignatureEndTests {
    // 2040-01-01, when the signatures of the captures end.
    static let end: UInt32 = 2_208_988_800

    func build(_ text: String, at seconds: UInt32?, isSignedHere: Bool = false) throws -> ZoneBuild
    {
        var builder = ZoneTableBuilder()
        builder.seconds = seconds
        let apex = try #require(DomainName("example.com"))
        builder.beginZone(apex, source: "zone")
        if isSignedHere { builder.markSignedHere() }
        builder.read(ZoneFileReader(Array(text.utf8), file: "zone", origin: apex))
        return builder.build()
    }

    func findings(_ build: ZoneBuild) -> [String] {
        build.diagnostics.filter { $0.code == .endingSignatures }.map(\.message)
    }

    @Test func `signatures that end soon are found, and those of others are not`() throws {
        let text = try PresignedAnswerTests.text("nsec")
        for (before, words) in [
            (8 * 86_400, nil), (6 * 86_400, "end in 6 days"), (30 * 3600, "end in 30 hours"),
            (100, "end in 100 s"), (-3 * 86_400, "have ended 3 days ago"),
        ] as [(Int, String?)] {
            let now = UInt32(Int(Self.end) - before)
            let found = findings(try build(text, at: now))
            #expect(found.count == (words == nil ? 0 : 1), "\(before)")
            #expect(words == nil || found[0].contains(words ?? ""), "\(found)")
        }
        #expect(findings(try build(text, at: nil)).isEmpty, "without a clock")
        #expect(findings(try build(text, at: Self.end, isSignedHere: true)).isEmpty)
        #expect(findings(try build(AuthorityTests.zone, at: Self.end)).isEmpty)
    }

    @Test func `the first that ends counts, and it is told where it stands`() throws {
        let text = try PresignedAnswerTests.text("nsec").replacing(
            "RRSIG\tTXT 13 3 300 20400101000000",
            with: "RRSIG\tTXT 13 3 300 20391201000000",
            maxReplacements: 1
        )
        let build = try build(text, at: Self.end - 31 * 86_400 - 3600)
        let found = try #require(build.diagnostics.first { $0.code == .endingSignatures })
        #expect(found.severity == .warning && found.message.contains("end in 3600 s"))
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[Int(found.position.line) - 1].contains("20391201000000"))
        let fixture = ZoneFixture(try #require(build.table))
        let left = fixture.snapshot.signaturesLeft(at: Self.end)
        #expect(left.map(\.left) == [-31 * 86_400])
        #expect(left.map(\.zone) == [DomainName("example.com")])
    }

    @Test func `times go round as serials do`() {
        for (left, nearness) in [
            (-1, SignatureNearness.past), (0, .day), (86_399, .day), (86_400, .week),
            (604_799, .week), (604_800, .far),
        ] as [(Int64, SignatureNearness)] {
            #expect(SignatureNearness(left: left) == nearness)
        }
    }
}
