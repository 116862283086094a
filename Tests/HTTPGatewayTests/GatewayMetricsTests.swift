// SPDX-License-Identifier: Apache-2.0
import EdgeCache
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
        for place in 0..<GatewayMetrics.cacheLimit {
            places += CacheResult.allCases.map { GatewayMetrics.cacheResult($0, cache: place) }
            places += CacheMiss.allCases.map { GatewayMetrics.cacheMiss($0, cache: place) }
            places += NotStored.allCases.map { GatewayMetrics.cacheRefused($0, cache: place) }
            places += CacheRefusal.allCases.map { GatewayMetrics.cacheRefused($0, cache: place) }
            places += CacheSource.allCases.map { GatewayMetrics.cacheBytes($0, cache: place) }
            places += CacheFetch.allCases.map { GatewayMetrics.cacheFetch($0, cache: place) }
            places += CacheWay.allCases.flatMap { way in
                CacheOutcome.allCases.map {
                    GatewayMetrics.cacheOutcome($0, from: way, cache: place)
                }
            }
        }
        places.append(GatewayMetrics.pool(0))
        let buckets = GatewayMetrics.durationBounds.count + 1
        #expect(GatewayMetrics.routeBuckets + buckets <= GatewayMetrics.routeSum)
        #expect(GatewayMetrics.routeSum < GatewayMetrics.routeWords)
        #expect(Set(places).count == places.count)
        #expect(places.allSatisfy { $0 <= GatewayMetrics.poolStart })
    }
}
