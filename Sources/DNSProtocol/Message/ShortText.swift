// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// A text of at most 64 octets that is held in place: answering with it touches no heap.
public struct ShortText: BitwiseCopyable, Sendable {
    /// The most octets.
    public static var limit: Int { 64 }

    private var octets = InlineArray<64, UInt8>(repeating: 0)
    /// Octets of it.
    public private(set) var count = 0

    /// The beginning of a text, as much as fits.
    public init(_ text: String = "") {
        for octet in text.utf8.prefix(ShortText.limit) {
            octets[count] = octet
            count += 1
        }
    }

    /// True when there is nothing to say.
    public var isEmpty: Bool { count == 0 }

    /// Appends all octets.
    @_lifetime(output: copy output)
    public func write(into output: inout OutputSpan<UInt8>) {
        for index in 0..<count { output.write(octets[index]) }
    }
}
