// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Zones that the API has made, and that the configuration has taken over since: what the API had
/// made of them is kept, and not served. A change would be kept in its place.
extension Plane {
    /// Why a zone takes no changes for that; nil when it takes them.
    func whyFormerLifeKeeps(_ apex: DomainName) -> (text: String, remedy: String)? {
        guard updater.overlays.zones[apex]?.kind == .made else { return nil }
        let name = "\(apex)"
        let isTaken = settings.zones.contains { $0.name == name && $0.memberOf == nil }
        return isTaken ? FormerLife.reason(apex) : nil
    }

    /// Tells of such zones, after a start and a reload.
    func noteFormerLives() {
        let names = updater.overlays.zones.values.filter { $0.kind == .made }.map(\.name)
        for apex in names.sorted(by: { "\($0)" < "\($1)" }) {
            guard let (text, remedy) = whyFormerLifeKeeps(apex) else { continue }
            var event = LogEvent(
                .notice,
                .warning,
                realtime: Clock.realtime(),
                "\(text): changes are refused. \(remedy)",
                [JSONMember("zone", .string("\(apex)"))]
            )
            event.code = "M3171"
            log.record(event)
        }
    }
}

/// A zone of the API in a configuration.
enum FormerLife {
    /// Why such a zone takes no changes, and what helps.
    static func reason(_ apex: DomainName) -> (text: String, remedy: String) {
        (
            "zone \(apex) stands in the configuration now, and what the API had made of it before is "
                + "kept: a change would be kept in its place",
            "'martlet zone discard \(apex)' removes that; without its entry in the configuration the "
                + "zone is what the API had made"
        )
    }
}
