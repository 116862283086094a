// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What copies of requests mean for those whom they go to, and for those who serve clients there.
extension CrossChecks {
    func checkMirrors() {
        guard !reading.mirrors.isEmpty else { return }
        let pools = Dictionary(
            settings.pools.map { ($0.name, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        var serving = Set(settings.routes.flatMap(\.action.pools))
        for case .http(let listener) in settings.listeners {
            serving.formUnion(listener.passthrough.map(\.pool))
        }
        for mirror in reading.mirrors {
            guard let pool = pools[mirror.name] else { continue }
            let own = mirror.pools.compactMap { pools[$0] }
            checkVersion(mirror, pool)
            checkEndpoints(mirror, pool, own, serving.compactMap { pools[$0] })
            checkSecurity(mirror, pool, own)
        }
    }

    /// Copies go by HTTP/1.1, which such endpoints need not speak.
    private func checkVersion(_ mirror: Reading.Mirror, _ pool: PoolSettings) {
        guard pool.protocol == .http2 else { return }
        reading.report(
            .mirrorByHTTP2,
            mirror.range,
            option: mirror.option,
            "the endpoints of `\(pool.name)` are asked by HTTP/2, and copies go by HTTP/1.1",
            "name a pool with `protocol: http1` or `auto`"
        )
    }

    /// Copies at endpoints that serve clients are more load for them.
    private func checkEndpoints(
        _ mirror: Reading.Mirror,
        _ pool: PoolSettings,
        _ own: [PoolSettings],
        _ serving: [PoolSettings]
    ) {
        if let (other, address) = shared(pool, own) {
            let what = address.map { "the endpoint \($0) of `\(other)`" } ?? "the pool `\(other)`"
            reading.report(
                .mirrorToItself,
                mirror.range,
                option: mirror.option,
                "\(what) serves this route and would get each request twice"
            )
        } else if let (other, address) = shared(pool, serving) {
            let what = address.map { "the endpoint \($0) of `\(other)`" } ?? "the pool `\(other)`"
            reading.report(
                .sharedMirror,
                mirror.range,
                option: mirror.option,
                "\(what) also serves clients, and gets the copies beside their requests"
            )
        }
    }

    /// The first of the pools that is this one, or has an endpoint in common with it.
    private func shared(
        _ pool: PoolSettings,
        _ others: [PoolSettings]
    ) -> (name: String, address: EndpointAddress?)? {
        if others.contains(where: { $0.name == pool.name }) { return (pool.name, nil) }
        let addresses = Set(pool.endpoints.map(\.address))
        for other in others.sorted(by: { $0.name < $1.name }) {
            let common = other.endpoints.map(\.address).first { addresses.contains($0) }
            if let common { return (other.name, common) }
        }
        return nil
    }

    /// Credentials that are kept from others on the one way must not be there to read on the other.
    private func checkSecurity(
        _ mirror: Reading.Mirror,
        _ pool: PoolSettings,
        _ own: [PoolSettings]
    ) {
        guard pool.tls == nil, let secure = own.first(where: { $0.tls != nil }) else { return }
        reading.report(
            .clearMirror,
            mirror.range,
            option: mirror.option,
            "requests go to `\(secure.name)` by TLS and their copies to `\(pool.name)` in the clear",
            "set `tls` in the pool"
        )
    }
}
