// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

struct NumberTextTests {
    private func text(
        room: Int = 32,
        _ body: (inout OutputSpan<UInt8>) -> Bool
    ) -> (text: String, isWhole: Bool) {
        var isWhole = false
        let bytes = [UInt8](capacity: room) { isWhole = body(&$0) }
        return (String(decoding: bytes, as: UTF8.self), isWhole)
    }

    @Test func `decimal numbers are as Swift prints them`() {
        let some = Array(0...1_100) + [9_999, 10_000, 4_294_967_295, UInt64.max]
        for value in some {
            #expect(text { $0.write(decimal: value) } == ("\(value)", true))
        }
    }

    @Test func `a decimal number that does not fit is not begun`() {
        for value: UInt64 in [7, 42, 365, 1_000] {
            let size = "\(value)".utf8.count
            #expect(text(room: size - 1) { $0.write(decimal: value) } == ("", false))
            #expect(text(room: size) { $0.write(decimal: value) } == ("\(value)", true))
        }
    }

    @Test(arguments: 0...16) func `hexadecimal numbers have the width asked for`(_ width: Int) {
        for value: UInt64 in [
            0, 9, 10, 0xf, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, 0xa9a9_9a9a_0f0f_f0f0,
            .max,
        ] {
            let digits = String(value, radix: 16)
            let padded = String(repeating: "0", count: 16 - digits.count) + digits
            let wanted = String(padded.suffix(width))
            #expect(text { $0.write(hexadecimal: value, width: width) } == (wanted, true))
        }
        #expect(text(room: 15) { $0.write(hexadecimal: 1, width: 16) } == ("", false))
    }
}
