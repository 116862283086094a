// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// The functions of angles that the C library has and Swift's own does not.
public enum Trigonometry {
    /// The sine of an angle in degrees.
    public static func sine(degrees: Double) -> Double { sin(degrees * .pi / 180) }

    /// The cosine of an angle in degrees.
    public static func cosine(degrees: Double) -> Double { cos(degrees * .pi / 180) }

    /// The angle in radians, -π to π, of the direction to a point.
    public static func angle(y: Double, x: Double) -> Double { atan2(y, x) }
}
