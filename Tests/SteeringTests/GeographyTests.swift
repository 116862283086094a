// SPDX-License-Identifier: Apache-2.0
import Essentials
import Glibc
import Steering
import Testing

@Suite struct GeographyTests {
    private static func point(_ latitude: Double, _ longitude: Double) throws -> GeoPoint {
        try #require(GeoPoint(latitude: latitude, longitude: longitude))
    }

    @Test func `coordinates out of range are no point`() {
        for (latitude, longitude) in [
            (90.1, 0), (-90.1, 0), (0, 180.1), (0, -180.1), (.nan, 0), (0, .infinity),
        ] as [(Double, Double)] {
            #expect(GeoPoint(latitude: latitude, longitude: longitude) == nil)
        }
    }

    @Test func `distances at the poles, the date line, the antipodes and nowhere are right`() throws
    {
        let half = GeoPoint.meanRadius * Double.pi
        let cases: [(GeoPoint, GeoPoint, Double)] = [
            (try Self.point(90, 10), try Self.point(90, -130), 0),
            (try Self.point(90, 0), try Self.point(-90, 77), half),
            (try Self.point(90, 0), try Self.point(0, 77), half / 2),
            (try Self.point(10, 180), try Self.point(10, -180), 0),
            (try Self.point(0, 179.5), try Self.point(0, -179.5), half / 180),
            (try Self.point(48.1, 11.6), try Self.point(48.1, 11.6), 0),
            (try Self.point(37, -122), try Self.point(-37, 58), half),
            (try Self.point(0, 0), try Self.point(0, 90), half / 2),
        ]
        for (one, other, expected) in cases {
            #expect(abs(one.distance(to: other) - expected) < 1e-6, "\(one) \(other)")
            #expect(abs(other.distance(to: one) - expected) < 1e-6)
        }
    }

    @Test func `ten thousand distances agree with vectors, and with the ellipsoid to 0.56 percent`()
    {
        var random = SeededRandom(seed: 5)
        func unit() -> Double { Double(random.next() >> 11) / Double(1 << 53) }
        var (worstSphere, worstEarth, sum, count) = (0.0, 0.0, 0.0, 0.0)
        for _ in 0..<10_000 {
            // Evenly over the sphere, not crowded at the poles.
            let latitudes = [asin(2 * unit() - 1), asin(2 * unit() - 1)].map { $0 * 180 / .pi }
            let longitudes = [unit() * 360 - 180, unit() * 360 - 180]
            guard let one = GeoPoint(latitude: latitudes[0], longitude: longitudes[0]),
                let other = GeoPoint(latitude: latitudes[1], longitude: longitudes[1])
            else { continue }
            let distance = one.distance(to: other)
            worstSphere = max(worstSphere, abs(distance / Reference.sphere(one, other) - 1))
            guard let earth = Reference.ellipsoid(one, other) else { continue }
            worstEarth = max(worstEarth, abs(distance / earth - 1))
            (sum, count) = (sum + abs(distance / earth - 1), count + 1)
        }
        #expect(worstSphere < 1e-9)
        // A degree of a meridian at the equator is 0.56 % shorter than one of the mean sphere.
        #expect(worstEarth < 0.0056)
        #expect(sum / count < 0.0025 && count > 9_900)
    }

    @Test func `a bias shortens or lengthens a distance at one rate, to both bounds`() {
        let cases: [(Int, Double)] = [
            (0, 1000), (50, 500), (-50, 1500), (99, 10), (-99, 1990), (100, 10), (-1000, 1990),
        ]
        for (bias, expected) in cases {
            #expect(abs(GeoPoint.biased(1000, bias: bias) - expected) < 1e-9, "\(bias)")
        }
    }

    @Test func `the table of countries is whole and in order`() {
        let codes = Country.all.map(\.code)
        // 249 of ISO 3166-1, and XK.
        #expect(codes.count == 250 && codes == Set(codes).sorted())
        #expect(Country.continents == ["AF", "AN", "AS", "EU", "NA", "OC", "SA"])
        #expect(Set(Country.all.map(\.continent)) == Set(Country.continents))
        #expect(Country.memberStates.count == 27)
        #expect(Country.europeanUnion.isSubset(of: codes))
        #expect(Country.find("GB")?.continent == "EU" && Country.find("gb") == nil)
        #expect(Country.find("UK") == nil)
    }

    @Test func `the middles of countries lie where they should, to some hundred kilometres`() throws
    {
        let capitals: [(String, Double, Double, Double)] = [
            ("DE", 52.5, 13.4, 400), ("JP", 35.7, 139.7, 400), ("BR", -15.8, -47.9, 900),
            ("AU", -35.3, 149.1, 1900), ("US", 38.9, -77.0, 2000), ("ZA", -25.7, 28.2, 600),
            ("NZ", -41.3, 174.8, 500), ("FJ", -18.1, 178.4, 200), ("IS", 64.1, -21.9, 300),
        ]
        for (code, latitude, longitude, most) in capitals {
            let country = try #require(Country.find(code))
            let away = country.middle.distance(to: try Self.point(latitude, longitude))
            #expect(away < most, "\(code): \(away) km")
        }
    }

    @Test func `a location fills in what follows from its country`() throws {
        let munich = Location(country: "DE", subdivision: "DE-BY", city: "Munich")
        #expect(munich.continent == "EU" && munich.isInEuropeanUnion)
        #expect(munich.approximatePoint == Country.find("DE")?.middle)
        #expect(Location(continent: "AS", country: "TR").continent == "AS")
        #expect(!Location(country: "CH").isInEuropeanUnion)
        #expect(Location(country: "RE").isInEuropeanUnion)
        let point = try Self.point(1, 2)
        #expect(Location(country: "DE", point: point).approximatePoint == point)
        #expect(Location.unknown.approximatePoint == nil)
    }

    @Test func `a table of locations names them by network, and the unknown one otherwise`() throws
    {
        let prefix = try #require(Prefix("192.0.2.0/24"))
        let wide = try #require(Prefix("198.51.100.0/24"))
        let table = LocationTable(
            locations: [.unknown, Location(country: "FR")],
            networks: PrefixTable([(prefix, 1), (wide, 9)], otherwise: 0),
            systems: PrefixTable([(prefix, 64_500)], otherwise: 0)
        )
        #expect(table.find(prefix.address).country == "FR")
        #expect(table.find(wide.address) == .unknown)
        #expect(table.find(IPAddress(v4: 1)) == .unknown)
        #expect(table.system(prefix.address) == 64_500 && table.system(wide.address) == 0)
        #expect(LocationTable.empty.find(prefix.address) == .unknown)
        #expect(LocationTable.empty.system(prefix.address) == 0)
    }
}

/// Distances by other means than the ones under test.
private enum Reference {
    /// The angle between two vectors from the middle of the Earth.
    static func sphere(_ one: GeoPoint, _ other: GeoPoint) -> Double {
        let (a, b) = (vector(one), vector(other))
        let cross = (
            a.1 * b.2 - a.2 * b.1, a.2 * b.0 - a.0 * b.2, a.0 * b.1 - a.1 * b.0
        )
        let sine = (cross.0 * cross.0 + cross.1 * cross.1 + cross.2 * cross.2).squareRoot()
        return 6371.0088 * atan2(sine, a.0 * b.0 + a.1 * b.1 + a.2 * b.2)
    }

    private static func vector(_ point: GeoPoint) -> (Double, Double, Double) {
        let (latitude, longitude) = (radians(point.latitude), radians(point.longitude))
        return (cos(latitude) * cos(longitude), cos(latitude) * sin(longitude), sin(latitude))
    }

    private static func radians(_ degrees: Double) -> Double { degrees * .pi / 180 }

    /// Vincenty's inverse formula on WGS 84 (Survey Review 23, 1975); nil near the antipodes, where
    /// it does not converge.
    static func ellipsoid(_ one: GeoPoint, _ other: GeoPoint) -> Double? {
        let (major, flattening) = (6378.137, 1 / 298.257223563)
        let minor = major * (1 - flattening)
        let u1 = atan((1 - flattening) * tan(radians(one.latitude)))
        let u2 = atan((1 - flattening) * tan(radians(other.latitude)))
        let difference = radians(other.longitude - one.longitude)
        var lambda = difference
        for _ in 0..<100 {
            let first = cos(u2) * sin(lambda)
            let second = cos(u1) * sin(u2) - sin(u1) * cos(u2) * cos(lambda)
            let sine = (first * first + second * second).squareRoot()
            let cosine = sin(u1) * sin(u2) + cos(u1) * cos(u2) * cos(lambda)
            let sigma = atan2(sine, cosine)
            let alpha = cos(u1) * cos(u2) * sin(lambda) / sine
            let square = 1 - alpha * alpha
            let middle = cosine - 2 * sin(u1) * sin(u2) / square
            let c = flattening / 16 * square * (4 + flattening * (4 - 3 * square))
            let inner = middle + c * cosine * (2 * middle * middle - 1)
            let next = difference + (1 - c) * flattening * alpha * (sigma + c * sine * inner)
            guard abs(next) <= .pi || abs(difference) > .pi else { return nil }
            defer { lambda = next }
            guard abs(next - lambda) < 1e-12 else { continue }
            let k = square * (major * major - minor * minor) / (minor * minor)
            let a = 1 + k / 16384 * (4096 + k * (-768 + k * (320 - 175 * k)))
            let b = k / 1024 * (256 + k * (-128 + k * (74 - 47 * k)))
            let square2 = middle * middle
            let last = b / 6 * middle * (4 * sine * sine - 3) * (4 * square2 - 3)
            let rest = middle + b / 4 * (cosine * (2 * square2 - 1) - last)
            return minor * a * (sigma - b * sine * rest)
        }
        return nil
    }
}
