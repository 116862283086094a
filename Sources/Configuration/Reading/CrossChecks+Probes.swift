// SPDX-License-Identifier: Apache-2.0

extension CrossChecks {
    /// A probe of TLS without settings of its own asks as the pool does, which must speak it then.
    func checkTLSProbes() {
        let probes = settings.probes.filter {
            $0.tls == .pool && $0.check != .tcp
                && ($0.check == .tls || $0.certificate.minDays > 0)
        }
        let handshakes = Set(probes.map(\.name))
        guard !handshakes.isEmpty else { return }
        let plain = Set(settings.pools.filter { $0.tls == nil }.map { "pools.\($0.name).probe" })
        for use in reading.references
        where use.kind == .probe && handshakes.contains(use.name) && plain.contains(use.option) {
            report(
                use.name,
                use.range,
                use.option,
                "set `tls` in the pool, or `tls: on` in the probe"
            )
        }
        for use in reading.addressProbes where handshakes.contains(use.name) {
            report(use.name, use.range, use.option, "set `tls: on` in the probe")
        }
    }

    private func report(_ name: String, _ range: SourceRange, _ option: String, _ hint: String) {
        reading.report(
            .probeWithoutTLS,
            range,
            option: option,
            "the probe `\(name)` asks for TLS, which is not spoken here",
            hint
        )
    }
}
