// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// How long a round trip takes between clients of a place and a target.
public struct RTTMeasurement: Sendable, Hashable {
    /// The longest round trip that is believed, in milliseconds.
    public static var longest: Double { 60_000 }

    /// Where the clients are.
    public var place: GeoRegion
    /// The target, as branches of policies name it.
    public var target: String
    /// The round trip in milliseconds.
    public var milliseconds: Double
    /// Round trips that it stands for; 0 when its source does not say, and is believed.
    public var samples: UInt32
    /// When it was taken; nil when it holds for as long as its source says so.
    public var at: Instant?
    /// True when it is all that somebody knew at that time, by round trips that may be known here
    /// as well; false for round trips of its own.
    public var isSummary: Bool

    /// Joins the parts.
    public init(
        place: GeoRegion,
        target: String,
        milliseconds: Double,
        samples: UInt32 = 1,
        at: Instant? = nil,
        isSummary: Bool = false
    ) {
        self.isSummary = isSummary
        self.place = place
        self.target = target
        self.milliseconds = milliseconds
        self.samples = samples
        self.at = at
    }
}

extension GeoRegion {
    /// The network that a client is measured with: its /24 of IPv4 or /48 of IPv6.
    ///
    /// A client that carries an IPv4 address is where that is, as everywhere in policies.
    public static func measured(_ client: IPAddress) -> GeoRegion? {
        var client = client
        if !client.isIPv4, let inner = EmbeddedIPv4(client.bits) {
            client = IPAddress(v4: inner.address)
        }
        return Prefix(client, length: client.isIPv4 ? 24 : 48).map(GeoRegion.network)
    }

    /// Reads a place of a measurement: a network, an address for its /24 or /48, or a region.
    ///
    /// Regions have their kind before them, since `AS` is a continent and a country:
    /// `continent:EU`, `country:DE`, `subdivision:US-CA`, `city:Paris`, `asn:64500`.
    public init?(measured text: String) {
        if let colon = text.firstIndex(of: ":") {
            let value = String(text[text.index(after: colon)...])
            switch (text[..<colon], value.isEmpty) {
            case (_, true): break
            case ("continent", _):
                guard GeoRegion.continents.contains(value) else { return nil }
                self = .continent(value)
                return
            case ("country", _):
                guard value == "EU" || Country.find(value) != nil else { return nil }
                self = .country(value)
                return
            case ("subdivision", _):
                guard GeoRegion.isSubdivision(value) else { return nil }
                self = .subdivision(value)
                return
            case ("city", _):
                guard value.utf8.count <= 100, value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f })
                else { return nil }
                self = .city(value)
                return
            case ("asn", _):
                guard let number = UInt32(value), number > 0 else { return nil }
                self = .system(number)
                return
            default: break
            }
        }
        if text.contains("/") {
            // Bits past the length: nobody knows which of the two was meant.
            guard let prefix = Prefix(text), let written = text.split(separator: "/").first,
                IPAddress(written) == prefix.address
            else { return nil }
            self = .network(prefix)
            return
        }
        guard let address = IPAddress(text), let place = GeoRegion.measured(address) else {
            return nil
        }
        self = place
    }

    private static let continents: Set<String> = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"]

    private static func isSubdivision(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.count == 2 && Country.find(String(parts[0])) != nil
            && (1...3).contains(parts[1].utf8.count)
            && parts[1].utf8.allSatisfy { 0x41...0x5a ~= $0 || 0x30...0x39 ~= $0 }
    }

    /// The text that ``init(measured:)`` reads.
    public var measuredText: String {
        switch self {
        case .continent(let code): "continent:\(code)"
        case .country(let code): "country:\(code)"
        case .subdivision(let code): "subdivision:\(code)"
        case .city(let name): "city:\(name)"
        case .system(let number): "asn:\(number)"
        case .network(let prefix): "\(prefix)"
        }
    }
}
