// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPGateway
internal import Steering

/// Limits of pools that follow what their answers take.
extension Plane {
    /// When ``followConcurrency(_:)`` has something to do.
    var concurrencyDeadline: Instant {
        concurrency.number == snapshot.number ? concurrency.deadline : .start
    }

    mutating func followConcurrency(_ now: Instant) {
        guard now >= concurrencyDeadline else { return }
        let places = shared.http.places
        if concurrency.number != snapshot.number {
            let plan = assembly.gateway
            let members = zip(plan.pools, plan.poolPlans).compactMap { pool, plan in
                plan.concurrency.map {
                    ConcurrencyKeeper.Member(
                        pool: pool.slot,
                        slots: pool.endpoints.map(\.slot).filter { $0 >= 0 },
                        settings: $0
                    )
                }
            }
            concurrency.configure(members, number: snapshot.number, places: places, now: now)
        }
        guard now >= concurrency.deadline else { return }
        concurrency.look(load: load, places: places, waiting: shared.http.pending, now: now)
    }
}
