// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@Suite struct HTTPDateTests {
    static let now: Int64 = 1_800_000_000  // 15 January 2027

    static func read(_ text: String, now: Int64 = now) -> Int64? {
        HTTPDate.seconds(Array(text.utf8).span, now: now)
    }

    @Test(arguments: [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
        ("Tue, 29 Feb 2028 23:59:59 GMT", 1_835_481_599),
        ("Fri, 31 Dec 2100 12:00:00 GMT", 4_133_937_600),
        ("Wed, 31 Dec 1969 23:59:59 GMT", -1), ("Sat, 01 Jan 0000 00:00:00 GMT", -62_167_219_200),
    ])
    func `dates are those of the calendar`(text: String, seconds: Int64) {
        #expect(Self.read(text) == seconds)
        if seconds > -9_000_000_000 {
            #expect(CivilTime(nanoseconds: seconds * 1_000_000_000).httpDate == text)
        }
    }

    @Test(arguments: [
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994", "sun, 06 nov 1994 08:49:37 gmt",
        "SUN, 06 NOV 1994 08:49:37 GMT",
        "SUNDAY, 06-nov-94 08:49:37 Gmt", "sun nov  6 08:49:37 1994",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Monday, 06-Nov-94 08:49:37 GMT", "Tuesday, 06-Nov-94 08:49:37 GMT",
        "Wednesday, 06-Nov-94 08:49:37 GMT", "Thursday, 06-Nov-94 08:49:37 GMT",
        "Friday, 06-Nov-94 08:49:37 GMT", "Saturday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 06 08:49:37 1994",
    ])
    func `all three forms are read, in any case`(text: String) {
        #expect(Self.read(text) == 784_111_777)
    }

    @Test(arguments: [
        ("06-Nov-76", "06 Nov 2076"), ("06-Nov-77", "06 Nov 2077"), ("06-Nov-78", "06 Nov 1978"),
        ("06-Nov-99", "06 Nov 1999"), ("06-Nov-00", "06 Nov 2000"),
    ])
    func `a year of two digits lies at most fifty years ahead`(short: String, long: String) {
        #expect(
            Self.read("Sunday, \(short) 08:49:37 GMT") == Self.read("Sun, \(long) 08:49:37 GMT")
        )
        // A clock that is far out does no harm.
        _ = Self.read("Sunday, \(short) 08:49:37 GMT", now: .max)
        _ = Self.read("Sunday, \(short) 08:49:37 GMT", now: .min)
    }

    @Test(arguments: [
        "", "0", "-1", "Sun", "Sun, ", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 EST",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun 06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,  06 Nov 1994 08:49:37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
        "Tue, 29 Feb 2027 00:00:00 GMT", "Sun, 06 Nvo 1994 08:49:37 GMT",
        "Xun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMTx",
        "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunda, 06-Nov-94 08:49:37 GMT", "Mosday, 06-Nov-94 08:49:37 GMT",
        "Wednesdays, 06-Nov-94 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 CET",
        "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 94", "Sun Nov  6 08:49:37 1994 GMT",
    ])
    func `anything else is no date`(text: String) { #expect(Self.read(text) == nil) }

    @Test func `a leap second counts`() {
        #expect(Self.read("Sat, 31 Dec 2016 23:59:60 GMT") == 1_483_228_800)
    }

    @Test func `no octets do harm`() {
        var random = SeededRandom(seed: 11)
        let seeds = [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Wednesday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ]
        for turn in 0..<20_000 {
            var bytes = Array(seeds[turn % 3].utf8)
            for _ in 0..<1 + random.next(below: 3) {
                let place = Int(random.next(below: UInt32(bytes.count)))
                switch random.next(below: 3) {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
                }
            }
            if let seconds = HTTPDate.seconds(bytes.span, now: Self.now) {
                #expect((-62_200_000_000...253_402_300_800).contains(seconds))
            }
        }
    }
}
