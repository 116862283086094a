// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// A zone as another server has it (RFC 5936), for an import.
extension ZoneLines {
    /// Octets of a zone that is taken, and how long it may take.
    private static let limits = (octets: 256 << 20, time: Interval.seconds(120))

    /// Takes a zone from `axfr://SERVER[:PORT]`; the key file holds `NAME:ALGORITHM:SECRET`.
    public init(zone: String, from source: String, keyFile: String?) throws(Fault) {
        guard let apex = DomainName(zone)?.lowercased else {
            throw Fault(text: "'\(zone)' is no domain name")
        }
        let text = String(source.dropFirst("axfr://".count))
        let bare =
            text.hasPrefix("[") && text.hasSuffix("]") ? text.dropFirst().dropLast() : text[...]
        guard
            let server = SocketAddress(text) ?? IPAddress(bare).map({ SocketAddress($0, port: 53) })
        else { throw Fault(text: "'\(text)' is no address of a server, as 192.0.2.1:53") }
        var primary = FetchJob.Primary(address: server)
        if let keyFile { primary.key = try ZoneLines.key(keyFile) }
        let job = FetchJob(
            zone: apex,
            primaries: [primary],
            known: nil,
            path: nil,
            sizeLimit: ZoneLines.limits.octets,
            timeLimit: ZoneLines.limits.time,
            seed: ProcessControl.randomSeed()
        )
        var fetch = ZoneFetch(job)
        let result = fetch.run()
        guard case .updated(let update) = result.outcome else {
            throw Fault(text: "\(server): \(result.problems.first?.text ?? "it has no zone")")
        }
        let document = ZoneAPIDocument(
            name: apex,
            serial: update.records.first?.serial?.rawValue ?? 0,
            records: update.records
        )
        self.init(text: document.text)
    }

    private static func key(_ path: String) throws(Fault) -> TransactionKey {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try File.read(path, limit: 4096)
        } catch {
            throw Fault(text: "\(path) cannot be read: \(error)")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let parts = text.split(separator: "\n").first?.split(separator: ":").map(String.init) ?? []
        guard parts.count == 3, let name = DomainName(parts[0]),
            let algorithm = TSIGAlgorithm.allCases.first(where: { $0.word == parts[1].lowercased() }
            ),
            let secret = Base64.bytes(Array(parts[2].utf8.filter { $0 > 0x20 }).span, .standard)
        else { throw Fault(text: "\(path) holds no key as NAME:ALGORITHM:SECRET") }
        return TransactionKey(name: name, algorithm: algorithm, secret: secret)
    }
}
