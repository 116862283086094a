// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Where a network is, as far as it is known.
public struct Location: Hashable, Sendable {
    /// Code of the continent: AF, AN, AS, EU, NA, OC or SA.
    public var continent: String?
    /// Code of the country (ISO 3166-1 alpha-2), such as `US`.
    public var country: String?
    /// Code of the subdivision (ISO 3166-2), such as `US-CA`.
    public var subdivision: String?
    /// Name of the city in English.
    public var city: String?
    /// The middle of the area in which the network is.
    public var point: GeoPoint?

    /// Joins what is known; a continent that is not given is that of the country.
    public init(
        continent: String? = nil,
        country: String? = nil,
        subdivision: String? = nil,
        city: String? = nil,
        point: GeoPoint? = nil
    ) {
        self.country = country
        self.continent = continent ?? country.flatMap { Country.find($0)?.continent }
        self.subdivision = subdivision
        self.city = city
        self.point = point
    }

    /// A network of which nothing is known.
    public static let unknown = Location()

    /// True when the country is a member of the European Union.
    public var isInEuropeanUnion: Bool {
        country.map(Country.europeanUnion.contains) ?? false
    }

    /// The point, or else the middle of the country.
    public var approximatePoint: GeoPoint? {
        point ?? country.flatMap { Country.find($0)?.middle }
    }
}
