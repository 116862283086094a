// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials

/// Zones as they are served.
extension AdminDesk {
    /// A zone as a zone file.
    func export(_ name: String, _ view: ControlView) throws(Problem) -> ServiceResponse {
        guard let apex = DomainName(name),
            let document = view.snapshot.flatMap({ ZoneAPIDocument($0.dns, apex) })
        else { throw Problem(.unknownZone, "There is no zone '\(name)'.") }
        var writer = JSONWriter()
        writer.write(["zone": .string("\(document.name)"), "text": .string(document.text)])
        return .json(writer)
    }
}
