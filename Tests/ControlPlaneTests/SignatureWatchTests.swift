// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Testing

@testable import ControlPlane

/// What is told of signatures that end.
@Suite struct SignatureWatchTests {
    @Test func `each step nearer to the end is told once, and again after the zone was signed`()
        throws
    {
        var watch = SignatureWatch()
        let (a, b) = (try #require(DomainName("a.test")), try #require(DomainName("b.test")))
        func told(_ hours: [Int64]) -> [Int64] {
            watch.look(zip([a, b], hours).map { ($0, $1 * 3600) }).map { $0.left / 3600 }
        }
        #expect(told([1000, 500]) == [])
        #expect(told([160, 160]) == [160, 160])
        #expect(told([159, 159]) == [])
        #expect(told([20, 159]) == [20])
        #expect(told([-1, 158]) == [-1])
        #expect(told([-2, 157]) == [])
        #expect(told([900, 156]) == [], "signed anew")
        #expect(told([100, 155]) == [100])
        #expect(told([]) == [])
        #expect(told([100, 155]) == [100, 155], "a zone that comes again")
    }
}
