// SPDX-License-Identifier: Apache-2.0

/// The first line with something in it of what a command writes; the rest is counted and forgotten.
public struct OutputLine: Sendable, Equatable {
    /// Bytes of the line that are kept.
    static let limit = 256

    /// Bytes written so far.
    public private(set) var count = 0
    private var bytes: [UInt8] = []
    private var isComplete = false

    /// Nothing has been written yet.
    public init() {}

    /// Takes what was written next.
    public mutating func append(_ more: Span<UInt8>) {
        count &+= more.count
        var index = 0
        while !isComplete, index < more.count {
            let byte = more[index]
            index += 1
            switch byte {
            case 0x0a, 0x0d: isComplete = !bytes.isEmpty
            case 0x20, 0x09: if !bytes.isEmpty { keep(0x20) }
            default: keep(byte)
            }
        }
    }

    private mutating func keep(_ byte: UInt8) {
        bytes.append(byte)
        if bytes.count >= OutputLine.limit { isComplete = true }
    }

    /// The line, fit for a log, a terminal and a page: what controls them is replaced by `?`.
    public var text: String {
        var scalars = String.UnicodeScalarView()
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            scalars.append(OutputLine.isPlain(scalar) ? scalar : "?")
        }
        while let last = scalars.last, last == " " { scalars.removeLast() }
        return String(scalars)
    }

    // Formatting characters are refused as well: some turn the direction of a whole line.
    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
            .unassigned:
            false
        default: scalar.value != 0xfffd
        }
    }
}
