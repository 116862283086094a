// SPDX-License-Identifier: Apache-2.0

/// A country or dependency with a code of its own in ISO 3166-1.
public struct Country: BitwiseCopyable, Hashable, Sendable {
    /// A continent, by the codes that geographic databases use.
    public enum Continent: String, CaseIterable, BitwiseCopyable, Sendable {
        case africa = "AF"
        case antarctica = "AN"
        case asia = "AS"
        case europe = "EU"
        case northAmerica = "NA"
        case oceania = "OC"
        case southAmerica = "SA"
    }

    /// Its two letters (alpha-2), in the order of the text.
    private let letters: UInt16
    private let place: Continent
    /// Roughly its middle, to a tenth of a degree: good for distances between countries.
    public let middle: GeoPoint

    /// Its two capital letters (alpha-2).
    public var code: String {
        String(decoding: [UInt8(letters >> 8), UInt8(letters & 0xff)], as: UTF8.self)
    }
    /// The code of its continent.
    public var continent: String { place.rawValue }

    /// The codes of the continents, in alphabetical order.
    public static let continents = Continent.allCases.map(\.rawValue)

    /// All countries, in alphabetical order of their codes.
    public static let all = Country.table.split(separator: "\n").compactMap(Country.init(row:))

    private static let byCode = Dictionary(uniqueKeysWithValues: all.map { ($0.code, $0) })

    /// The country with a code of two capital letters; nil when there is none.
    public static func find(_ code: String) -> Country? { byCode[code] }

    /// The 27 member states of the European Union, as of 1 February 2020 and still in 2026.
    public static let memberStates: Set<String> = [
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE",
        "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
    ]

    /// Where the law of the European Union holds: the member states and those of their regions
    /// that have a code of their own.
    ///
    /// Åland, and the outermost regions of article 349 of the Treaty on the Functioning of the
    /// European Union: French Guiana, Guadeloupe, Martinique, Mayotte, Réunion and Saint Martin.
    public static let europeanUnion = memberStates.union([
        "AX", "GF", "GP", "MF", "MQ", "RE", "YT",
    ])

    /// Reads `DE EU 51.2 10.4`; nil for anything else.
    private init?(row: Substring) {
        let words = row.split(separator: " ")
        guard words.count == 4, words[0].utf8.count == 2,
            let continent = Continent(rawValue: String(words[1])),
            let latitude = Double(words[2]), let longitude = Double(words[3]),
            let middle = GeoPoint(latitude: latitude, longitude: longitude)
        else { return nil }
        letters = words[0].utf8.reduce(0) { $0 << 8 | UInt16($1) }
        place = continent
        self.middle = middle
    }
}
