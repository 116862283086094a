// SPDX-License-Identifier: Apache-2.0
import DNSServer
import Essentials
import Testing

@testable import ControlPlane

/// Whom a secondary asks, and when.
@Suite struct SecondaryKeeperTests {
    // RFC 1996 §3.11.
    @Test func `who has told of a change is asked first, once`() throws {
        let addresses = (1...3).map { SocketAddress(IPAddress(v4: $0), port: 53) }
        var zone = SecondaryKeeper.Zone(
            machine: RefreshMachine(now: .start),
            primaries: addresses.map { FetchJob.Primary(address: $0, key: nil, security: nil) }
        )
        func order(_ seconds: Int64) -> [UInt16]? {
            let now = Instant.start + .seconds(seconds)
            let asked = zone.begin(now: now)?.compactMap { primary in
                addresses.firstIndex(of: primary.address).map { UInt16($0 + 1) }
            }
            guard asked != nil else { return nil }
            zone.machine.succeed(
                SerialNumber(7),
                RefreshMachine.Timers(refresh: 1000, retry: 100, expire: 5000),
                now: now,
                draw: 0
            )
            return asked
        }
        #expect(order(0) == [1, 2, 3])
        zone.notice(SerialNumber(8), from: addresses[2].ip, now: .start + .seconds(10))
        #expect(order(10) == [3, 1, 2])
        #expect(order(11) == nil)
        #expect(order(1010) == [1, 2, 3])
        // One that was no use comes last, unless it is the one who tells.
        zone.problems[addresses[0]] = "silent"
        zone.notice(nil, from: nil, now: .start + .seconds(1020))
        #expect(order(1020) == [2, 3, 1])
        zone.notice(SerialNumber(8), from: addresses[0].ip, now: .start + .seconds(1030))
        #expect(order(1030) == [1, 2, 3])
    }
}
