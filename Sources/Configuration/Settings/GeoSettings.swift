// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Where networks are.
public struct GeoSettings: Sendable, Equatable {
    /// What is taken from a database.
    public enum Content: String, Sendable, CaseIterable {
        /// Where networks are.
        case places
        /// Which autonomous system they belong to.
        case systems
    }

    /// File of a City or Country database.
    public var database: String?
    /// File of a database of autonomous systems.
    public var asn: String?
    /// The largest database that is read.
    public var sizeLimit = ByteCount(512 << 20)
    /// Networks of one's own, in file order.
    public var networks: [GeoNetworkSettings] = []

    /// Nothing known: what holds when the file says nothing.
    public init() {}

    init(
        database: String?,
        asn: String?,
        sizeLimit: ByteCount,
        networks: [GeoNetworkSettings]
    ) {
        self.database = database
        self.asn = asn
        self.sizeLimit = sizeLimit
        self.networks = networks
    }

    /// The database that something is to be taken from; nil for none.
    public func path(of content: Content) -> String? {
        content == .places ? database : asn
    }

    /// The databases to be read.
    public var files: [String] { [database, asn].compactMap(\.self) }
}

/// What is known of a network of one's own.
public struct GeoNetworkSettings: Sendable, Equatable {
    /// The network.
    public var prefix: Prefix
    /// Code of the continent; nil for that of the country.
    public var continent: String?
    /// Code of the country (ISO 3166-1 alpha-2).
    public var country: String?
    /// Code of the subdivision (ISO 3166-2).
    public var subdivision: String?
    /// Name of the city.
    public var city: String?
    /// Degrees north; given together with the longitude.
    public var latitude: Double?
    /// Degrees east.
    public var longitude: Double?
    /// Number of the autonomous system; nil for what the database says.
    public var asn: UInt32?

    /// True when it says where the network is, and not only whose it is.
    public var hasPlace: Bool {
        continent != nil || country != nil || subdivision != nil || city != nil || latitude != nil
    }
}
