// SPDX-License-Identifier: Apache-2.0

/// Writes JSON piece by piece, so that a large answer needs no tree of values.
///
/// Commas, line breaks and indentation follow from the calls. Names must come before values
/// inside objects; the writer does not check that begin and end match.
public struct JSONWriter: Sendable {
    /// What has been written.
    public private(set) var bytes: [UInt8] = []
    private let indented: Bool
    private var depth = 0
    private var isFirst = true
    private var followsName = false

    /// A writer for one document, on one line or indented by two blanks per level.
    public init(indented: Bool = false) { self.indented = indented }

    /// What has been written, as text.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Opens an object.
    public mutating func beginObject() { open(UInt8(ascii: "{")) }
    /// Closes the object opened last.
    public mutating func endObject() { close(UInt8(ascii: "}")) }
    /// Opens an array.
    public mutating func beginArray() { open(UInt8(ascii: "[")) }
    /// Closes the array opened last.
    public mutating func endArray() { close(UInt8(ascii: "]")) }

    /// Writes the name of the member whose value comes next.
    public mutating func name(_ name: String) {
        separate()
        quote(name)
        bytes.append(UInt8(ascii: ":"))
        if indented { bytes.append(0x20) }
        followsName = true
    }

    /// Writes a text.
    public mutating func write(_ text: String) {
        separate()
        quote(text)
    }
    /// Writes a whole number.
    public mutating func write(_ value: some BinaryInteger) {
        separate()
        bytes += String(value).utf8
    }
    /// Writes a number; infinities and NaN, which JSON lacks, become `null`.
    public mutating func write(_ value: Double) {
        separate()
        bytes += (value.isFinite ? String(value) : "null").utf8
    }
    /// Writes a truth value.
    public mutating func write(_ value: Bool) {
        separate()
        bytes += (value ? "true" : "false").utf8
    }
    /// Writes `null`.
    public mutating func writeNull() {
        separate()
        bytes += "null".utf8
    }

    /// Writes a whole value.
    public mutating func write(_ value: JSONValue) {
        switch value {
        case .null: writeNull()
        case .bool(let value): write(value)
        case .integer(let value): write(value)
        case .number(let value): write(value)
        case .string(let text): write(text)
        case .array(let elements):
            beginArray()
            for element in elements { write(element) }
            endArray()
        case .object(let members):
            beginObject()
            for member in members {
                name(member.name)
                write(member.value)
            }
            endObject()
        }
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        depth += 1
        isFirst = true
    }

    private mutating func close(_ bracket: UInt8) {
        depth -= 1
        if !isFirst { newLine() }
        bytes.append(bracket)
        isFirst = false
    }

    private mutating func separate() {
        if followsName {
            followsName = false
            isFirst = false
            return
        }
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        if depth > 0 { newLine() }
        isFirst = false
    }

    private mutating func newLine() {
        guard indented else { return }
        bytes.append(0x0a)
        for _ in 0..<Swift.max(depth, 0) { bytes += [0x20, 0x20] }
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0x0a: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case 0x0d: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
            case 0x09: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
            case 0x00..<0x20, 0x7f:
                bytes += "\\u00".utf8
                bytes += [hexDigit(byte >> 4), hexDigit(byte & 15)]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x57 + value
    }
}
