// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Steering

/// Where a client is, as policies that go by places look it up, and who says so.
struct ClientPlace {
    /// Who says so.
    enum Source: String {
        /// A network that the configuration tells of.
        case own = "own network"
        /// A database.
        case database
        /// The table of countries that is built in.
        case builtIn = "built-in"
    }

    private let client: IPAddress
    private let location: Location
    private let network: Prefix?
    private let system: UInt32
    private let isOwnPlace: Bool
    private let isOwnSystem: Bool

    init(_ client: IPAddress, _ table: LocationTable, _ settings: GeoSettings) {
        self.client = client
        location = table.find(client)
        network = Prefix(client, length: Int(table.networks.find(client).length))
        system = table.system(client)
        let own = settings.networks.filter { $0.prefix.contains(client) }
        isOwnPlace = own.contains(where: \.hasPlace)
        isOwnSystem = own.contains { $0.asn != nil }
    }

    /// Where distances are measured from; nil when nobody knows.
    var point: GeoPoint? { location.approximatePoint }

    private var source: Source? {
        if location == .unknown { return nil }
        return isOwnPlace ? .own : .database
    }

    // Who has no coordinates is taken to be in the middle of the country.
    private var pointSource: Source? {
        if location.point != nil { return source }
        return point == nil ? nil : .builtIn
    }

    private var systemSource: Source? {
        if system == 0 { return nil }
        return isOwnSystem ? .own : .database
    }

    /// The place as the API shows it.
    var json: JSONValue {
        func text(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
        return [
            "address": .string("\(client)"),
            "network": text(network.map { "\($0)" }),
            "continent": text(location.continent),
            "country": text(location.country),
            "subdivision": text(location.subdivision),
            "city": text(location.city),
            "source": text(source?.rawValue),
            "latitude": point.map { .number($0.latitude) } ?? .null,
            "longitude": point.map { .number($0.longitude) } ?? .null,
            "pointSource": text(pointSource?.rawValue),
            "asn": system == 0 ? .null : .integer(Int64(system)),
            "asnSource": text(systemSource?.rawValue),
        ]
    }
}
