// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import Essentials

/// What the configuration says of a zone, in the words of PowerDNS.
struct ZoneAPIStanding: Sendable, Equatable {
    /// Where the zone comes from, and whether it goes on to others.
    enum Kind: String, Sendable {
        case native = "Native"
        case primary = "Master"
        case secondary = "Slave"
    }

    var kind = Kind.native
    /// Those that the zone is taken from.
    var primaries: [String] = []
    /// It is signed here, or in its file.
    var isSigned = false

    /// A zone that stands in no configuration.
    init() {}

    /// A zone of the configuration; nil for one that does not stand there.
    init(_ zone: ZoneSettings?) {
        guard let zone else { return }
        isSigned = zone.dnssec != nil
        primaries = zone.transferFrom.map { "\($0.address)" }
        if !primaries.isEmpty {
            kind = .secondary
        } else if !zone.transferTo.isEmpty || !zone.notify.isEmpty {
            kind = .primary
        }
    }

    /// Refuses what a client wants to be otherwise, and what would not be done.
    ///
    /// What has no meaning here, such as `account`, is let be.
    func check(_ wanted: JSONValue, _ name: DomainName) throws(ZoneAPIFault) {
        let place = "zone \(name) of the configuration, and `martlet reload`"
        if let value = wanted["kind"], value != .null {
            let word = value.string ?? ""
            guard ZoneAPIStanding.kind(word) == kind else {
                throw ZoneAPIFault(
                    422,
                    "zone \(name) is \(kind.rawValue), and does not become "
                        + "'\(ZoneAPIFault.quote(word))' by this API",
                    "`transfer-from`, `transfer-to` and `notify` of \(place) decide that"
                )
            }
        }
        for member in ["masters", "primaries"] {
            guard let value = wanted[member], value != .null else { continue }
            let texts = (value.elements ?? [""]).map { $0.string ?? "" }
            guard ZoneAPIStanding.addresses(texts) == ZoneAPIStanding.addresses(primaries) else {
                throw ZoneAPIFault(
                    422,
                    "the primaries of zone \(name) are not changed by this API (`\(member)`)",
                    "`transfer-from` of \(place) names them"
                )
            }
        }
        if let value = wanted["dnssec"]?.bool, value != isSigned {
            throw ZoneAPIFault(
                422,
                "zone \(name) is \(isSigned ? "" : "not ")signed, and this API does not change that",
                "set `dnssec` of \(place)"
            )
        }
    }

    private static func kind(_ word: String) -> Kind? {
        switch word.lowercased() {
        case "native": .native
        case "master", "primary": .primary
        case "slave", "secondary": .secondary
        default: nil
        }
    }

    // Without a port it is that of DNS; what is no address is like no other.
    private static func addresses(_ texts: [String]) -> Set<String> {
        Set(
            texts.map { text in
                if let address = SocketAddress(text) { return "\(address)" }
                return IPAddress(text).map { "\(SocketAddress($0, port: 53))" } ?? text
            }
        )
    }
}

extension [ZoneSettings] {
    /// What they say of a zone.
    func standing(of name: DomainName) -> ZoneAPIStanding {
        let text = "\(name.lowercased)"
        return ZoneAPIStanding(first { $0.name == text })
    }
}
