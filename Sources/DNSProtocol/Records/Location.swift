// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The data of a LOC record (RFC 1876): where on the globe, how large, how precise.
///
/// Angles are thousandths of a second of arc, lengths centimetres; sizes are kept as one digit and
/// a power of ten.
struct Location: Equatable {
    /// North is positive.
    var latitude = 0
    /// East is positive.
    var longitude = 0
    /// Centimetres above the ellipsoid.
    var altitude = 0
    /// Size, horizontal and vertical precision: digit and power in an octet.
    var sizes: [UInt8] = [0x12, 0x16, 0x13]

    /// The equator and the prime meridian on the wire.
    private static let middle = 1 << 31
    /// 100 km below the ellipsoid is the zero of altitudes.
    private static let depth = 10_000_000
    private static let degree = 3_600_000

    /// The offset after the data at `start`; nil when they are malformed.
    static func end(in data: Span<UInt8>, at start: Int) -> Int? {
        guard start >= 0, data.count - start == 16,
            Location(data.extracting(start..<start + 16)) != nil
        else { return nil }
        return start + 16
    }

    /// Nil for another version than 0, and for places that are not on the globe.
    init?(_ data: Span<UInt8>) {
        guard data.count == 16, data[0] == 0 else { return nil }
        sizes = [data[1], data[2], data[3]]
        latitude = Int(RecordText.number(data.extracting(4..<8))) - Location.middle
        longitude = Int(RecordText.number(data.extracting(8..<12))) - Location.middle
        altitude = Int(RecordText.number(data.extracting(12..<16))) - Location.depth
        guard abs(latitude) <= 90 * Location.degree, abs(longitude) <= 180 * Location.degree,
            sizes.allSatisfy({ $0 >> 4 <= 9 && $0 & 15 <= 9 })
        else { return nil }
    }

    /// The data as they go over the wire.
    var wire: [UInt8] {
        let numbers = [
            latitude + Location.middle, longitude + Location.middle, altitude + Location.depth,
        ]
        return [0] + sizes + numbers.flatMap { octets(UInt32(truncatingIfNeeded: $0)) }
    }

    // MARK: Text

    /// `52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m`.
    var text: String {
        let places = [
            Location.angle(latitude, "N", "S"), Location.angle(longitude, "E", "W"),
            (altitude < 0 ? "-" : "") + Location.metres(abs(altitude)),
        ]
        let shown = sizes.map { Location.metres(Location.centimetres($0)) }
        return (places + shown).joined(separator: " ")
    }

    private static func centimetres(_ size: UInt8) -> Int {
        (0..<size & 15).reduce(Int(size >> 4)) { value, _ in value * 10 }
    }

    private static func metres(_ centimetres: Int) -> String {
        "\(centimetres / 100).\(padded(centimetres % 100, 2))m"
    }

    private static func angle(_ value: Int, _ positive: String, _ negative: String) -> String {
        let rest = abs(value)
        let seconds = "\(rest / 1000 % 60).\(padded(rest % 1000, 3))"
        let sign = value < 0 ? negative : positive
        return "\(rest / degree) \(rest / 60_000 % 60) \(seconds) \(sign)"
    }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(width - digits.count, 0)) + digits
    }
}

// MARK: Reading

extension Location {
    /// Reads the fields of a zone file; nil when they are no place.
    init?(_ words: [[UInt8]]) {
        var rest = words[...]
        guard let latitude = Location.angle(&rest, "N", "S", limit: 90),
            let longitude = Location.angle(&rest, "E", "W", limit: 180),
            let altitude = rest.popFirst().flatMap({ Location.length($0, isSigned: true) }),
            rest.count <= 3
        else { return nil }
        (self.latitude, self.longitude, self.altitude) = (latitude, longitude, altitude)
        for (index, word) in rest.enumerated() {
            guard let length = Location.length(word, isSigned: false) else { return nil }
            sizes[index] = Location.size(length)
        }
    }

    // Degrees, perhaps minutes, perhaps seconds with up to three places, and the half of the globe.
    private static func angle(
        _ rest: inout ArraySlice<[UInt8]>,
        _ positive: Character,
        _ negative: Character,
        limit: Int
    ) -> Int? {
        var value = 0
        for (unit, scale) in [(degree, limit), (60_000, 59), (1000, 59)] {
            guard let word = rest.popFirst() else { return nil }
            if let sign = sign(word, positive, negative) {
                return unit == degree ? nil : within(value * sign, limit)
            }
            let places = unit == 1000 ? 3 : 0
            let power = unit == 1000 ? 1000 : 1
            guard let number = decimal(word[...], places: places),
                number <= scale * power + power - 1
            else { return nil }
            value += unit == 1000 ? number : number * unit
        }
        guard let word = rest.popFirst(), let sign = sign(word, positive, negative) else {
            return nil
        }
        return within(value * sign, limit)
    }

    private static func within(_ value: Int, _ limit: Int) -> Int? {
        abs(value) <= limit * degree ? value : nil
    }

    private static func sign(_ word: [UInt8], _ positive: Character, _ negative: Character) -> Int?
    {
        guard word.count == 1 else { return nil }
        let letter = Character(UnicodeScalar(word[0])).uppercased()
        return letter == String(positive) ? 1 : letter == String(negative) ? -1 : nil
    }

    // Metres with up to two places, `m` behind them or not, in centimetres.
    private static func length(_ word: [UInt8], isSigned: Bool) -> Int? {
        var digits = word[...]
        if let last = digits.last, last | 0x20 == UInt8(ascii: "m") { digits.removeLast() }
        let isNegative = isSigned && digits.first == UInt8(ascii: "-")
        if isNegative { digits.removeFirst() }
        guard let value = decimal(digits, places: 2) else { return nil }
        let length = isNegative ? -value : value
        // 42849672.95 m is the highest altitude; sizes end at 90,000 km.
        let range = isSigned ? -depth...(1 << 32 - 1) - depth : 0...9_000_000_000
        return range.contains(length) ? length : nil
    }

    // A number with up to `places` decimal places, times ten to their power.
    private static func decimal(_ word: ArraySlice<UInt8>, places: Int) -> Int? {
        let parts = word.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard let whole = parts.first, parts.count <= (places > 0 ? 2 : 1), 1...9 ~= whole.count
        else { return nil }
        var fraction = parts.count == 2 ? Array(parts[1]) : []
        guard fraction.count <= places, parts.count == 1 || !fraction.isEmpty else { return nil }
        while fraction.count < places { fraction.append(0x30) }
        let digits = Array(whole) + fraction
        return ZoneNumbers.decimal(digits.span, limit: 1 << 40).map { Int($0) }
    }

    // The digit and the power of ten; what stands behind the first digit is dropped, as in BIND.
    private static func size(_ centimetres: Int) -> UInt8 {
        var digit = centimetres
        var power = 0
        while digit > 9 {
            digit /= 10
            power += 1
        }
        return UInt8(digit << 4 | power)
    }
}
