// SPDX-License-Identifier: Apache-2.0

/// A point on the Earth, in degrees.
public struct GeoPoint: BitwiseCopyable, Hashable, Sendable {
    /// Degrees north of the equator, -90 to 90.
    public let latitude: Double
    /// Degrees east of Greenwich, -180 to 180.
    public let longitude: Double

    /// A point; nil when a coordinate is out of range or no number.
    public init?(latitude: Double, longitude: Double) {
        guard (-90.0...90).contains(latitude), (-180.0...180).contains(longitude) else {
            return nil
        }
        self.latitude = latitude
        self.longitude = longitude
    }

    /// Where the equator meets the meridian of Greenwich.
    public static let origin = GeoPoint(north: 0, east: 0)

    private init(north: Double, east: Double) {
        latitude = north
        longitude = east
    }

    /// The mean radius of the Earth in kilometres (IUGG: a third of twice the equatorial and once
    /// the polar radius of WGS 84).
    public static let meanRadius = 6371.0088

    /// The distance in kilometres along a great circle of a sphere of ``meanRadius``.
    ///
    /// Haversine, which stays exact for near points. The Earth is no sphere: the distance along the
    /// ellipsoid differs by at most 0.56 %.
    public func distance(to other: GeoPoint) -> Double {
        let north = Trigonometry.sine(degrees: (other.latitude - latitude) / 2)
        let east = Trigonometry.sine(degrees: (other.longitude - longitude) / 2)
        let cosines =
            Trigonometry.cosine(degrees: latitude) * Trigonometry.cosine(degrees: other.latitude)
        // Rounding may leave the square a little above 1 at the antipodes.
        let square = min(north * north + cosines * east * east, 1)
        let angle = 2 * Trigonometry.angle(y: square.squareRoot(), x: (1 - square).squareRoot())
        return angle * GeoPoint.meanRadius
    }

    /// A distance as a bias makes it count: `distance * (1 - bias / 100)`.
    ///
    /// The formula that Amazon Route 53 documents for geoproximity routing today, for both signs;
    /// its older pages divided by `1 + bias / 100` for a negative one. 99 leaves a hundredth of
    /// the distance, -99 makes it 1.99 times as long. A bias outside -99 to 99 counts as the bound.
    public static func biased(_ distance: Double, bias: Int) -> Double {
        distance * (1 - Double(min(max(bias, -99), 99)) / 100)
    }
}
