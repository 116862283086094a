// SPDX-License-Identifier: Apache-2.0
import Steering
import Testing

@testable import HTTPGateway

@Suite struct GatewayMetricsTests {
    @Test func `no number lies where another does`() {
        var places: [Int] = []
        places += DoorCounter.allCases.map(GatewayMetrics.index)
        places += GatewayMetrics.reasons.map(\.index)
        places += GatewayMetrics.handshakeFailures.map(\.index)
        places += GatewayMetrics.abuses.map(\.index)
        places += GatewayMetrics.originAbuses.map(\.index)
        places += GatewayMetrics.retryConditions.map(\.index)
        places += Priority.allCases.map(GatewayMetrics.shed)
        places += (0..<GatewayMetrics.rateLimit).flatMap {
            [GatewayMetrics.rate($0), GatewayMetrics.rate($0) + 1]
        }
        places += (0..<GatewayMetrics.routeLimit).flatMap { place in
            (0..<GatewayMetrics.routeWords).map { GatewayMetrics.route(place) + $0 }
        }
        places += (0..<GatewayMetrics.routeLimit).flatMap { place in
            (0..<GatewayMetrics.mirrorWords).map { GatewayMetrics.mirror(place) + $0 }
        }
        places.append(GatewayMetrics.pool(0))
        let buckets = GatewayMetrics.durationBounds.count + 1
        #expect(GatewayMetrics.routeBuckets + buckets <= GatewayMetrics.routeSum)
        #expect(GatewayMetrics.routeSum < GatewayMetrics.routeWords)
        #expect(Set(places).count == places.count)
        #expect(places.allSatisfy { $0 <= GatewayMetrics.poolStart })
    }
}
