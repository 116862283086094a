// SPDX-License-Identifier: Apache-2.0
import DNSServer
import Essentials
import Testing

@testable import DNSProtocol

/// Names whose addresses are chosen are no matter of updates.
extension UpdateMachineTests {
    // A name is steered by what is in force, or by a record that is kept for it.
    @Test(arguments: [true, false])
    func `what is steered is neither changed nor hidden by messages`(isInForce: Bool) throws {
        for (line, code) in [
            ("st.sub.example.com 60 IN A 192.0.2.9", ResponseCode.refused),
            ("st.sub.example.com 60 IN AAAA ::1", .refused),
            ("st.sub.example.com 0 ANY ANY", .refused),
            ("st.sub.example.com 60 IN CNAME www.example.com.", .refused),
            ("st.sub.example.com 60 IN DNAME www.example.com.", .refused),
            ("st.sub.example.com 60 IN NS www.example.com.", .refused),
            ("sub.example.com 60 IN NS www.example.com.", isInForce ? .refused : .noError),
            ("example.com 60 IN NS www.example.com.", .noError),
            ("st.sub.example.com 60 IN TXT \"t\"", .noError),
            ("st.sub.example.com 0 ANY TXT", .noError),
            ("www.example.com 60 IN NS www.example.com.", .noError),
        ] {
            var fixture = try Fixture()
            let owner = try #require(DomainName("st.sub.example.com"))
            let more: ZoneContent =
                isInForce
                ? .steer(owner: owner, ttl: 5, policy: 0)
                : .record(DNSMessage.Record(owner: owner, type: .LUA, ttl: 5, data: [0, 1, 1, 97]))
            fixture.zone = ZoneRecords(apex: fixture.zone.apex, fixture.zone.contents + [more])
            #expect(try fixture.send([], [line]).code == code, "\(line)")
        }
    }

    @Test(arguments: [
        "x.example.com 60 IN TYPE65402 \\# 4 00010161", "x.example.com 0 ANY TYPE65402",
        "x.example.com 0 NONE TYPE65402 \\# 4 00010161",
        "x.example.com 60 IN TYPE65401 \\# 3 016100", "x.example.com 0 ANY TYPE65401",
    ])
    func `no rule lets messages change what stands for addresses`(line: String) throws {
        var fixture = try Fixture()
        #expect(try fixture.send([], [line]).code == .refused)
    }

    @Test func `what was taken from a name is its own again when a change is undone`() throws {
        let fixture = try Fixture()
        let owner = try #require(DomainName("st.example.com"))
        let alias = try #require(DomainName("al.example.com"))
        var zone = ZoneRecords(
            apex: fixture.zone.apex,
            fixture.zone.contents + [
                .steer(owner: owner, ttl: 5, policy: 0),
                .alias(owner: alias, ttl: 5, target: owner),
            ]
        )
        zone.release(owner)
        zone[alias, .ALIAS] = nil
        #expect(!zone.isFixed(owner) && !zone.isFixed(alias) && zone.fixed.isEmpty)
        zone.rollBack()
        #expect(zone.isFixed(owner) && zone.isFixed(alias) && zone.fixed.count == 1)
        zone.release(owner)
        zone.begin()
        zone.rollBack()
        #expect(!zone.isFixed(owner) && zone.fixed.isEmpty)
    }
}
