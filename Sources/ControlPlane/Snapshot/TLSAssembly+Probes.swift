// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime

extension TLSAssembly {
    /// The contexts of probes that speak TLS in their own way, by the names of the probes.
    ///
    /// One whose settings and file of authorities are the same keeps its context, so that a reload
    /// asks no endpoint anew.
    mutating func contexts(
        _ probes: [ProbeSettings]
    ) throws(ReloadProblem) -> [String: TLSClientContext] {
        var contexts: [String: TLSClientContext] = [:]
        var made: [String: MadeProbe] = [:]
        for probe in probes where probe.tls == .on && probe.speaksTLS {
            let one = try context(probe)
            made[probe.name] = one
            contexts[probe.name] = one.context
        }
        self.probes = made
        return contexts
    }

    private func context(_ probe: ProbeSettings) throws(ReloadProblem) -> MadeProbe {
        var settings = TLSClientSettings()
        settings.isVerified = probe.certificate.verify
        settings.authorities = probe.certificate.authorities
        if case .grpc = probe.check { settings.protocols = [.http2] }
        let stamp = settings.authorities.map(File.stamp) ?? 0
        if let known = self.probes[probe.name], known.settings == settings, known.stamp == stamp {
            return known
        }
        do throws(TLSContextProblem) {
            return MadeProbe(
                settings: settings,
                stamp: stamp,
                context: try TLSClientContext(settings)
            )
        } catch {
            throw .start(
                "M3124",
                "the probe '\(probe.name)' cannot speak TLS: "
                    + (error == .authorities ? "no authority can be read" : "\(error)"),
                "see that `certificate.authorities` can be read by the account in `user`"
            )
        }
    }
}
