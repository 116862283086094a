// SPDX-License-Identifier: Apache-2.0

/// Bounds on a JSON document from outside.
public struct JSONLimits: Sendable, Equatable {
    /// Bytes of the whole document.
    public var bytes: Int
    /// Arrays and objects inside each other; the reader recurses once per level.
    public var depth: Int
    /// Values in the whole document: bounds memory when each takes one byte of text.
    public var values: Int

    /// The bounds; the depth is held to 128 at most.
    public init(bytes: Int = 1 << 20, depth: Int = 32, values: Int = 100_000) {
        self.bytes = bytes
        self.depth = Swift.min(depth, 128)
        self.values = values
    }
}

/// Why a text is no JSON document that Martlet takes, and where.
public struct JSONError: Error, Equatable, Sendable {
    /// What is wrong.
    public enum Reason: Equatable, Sendable {
        /// Another character was needed, or the text ends too early.
        case unexpected
        /// Something follows the document.
        case trailing
        /// Not valid UTF-8.
        case encoding
        /// A backslash sequence that does not exist, or half of a surrogate pair.
        case escape
        /// A control character inside a text.
        case control
        /// A number that is malformed or too large.
        case number
        /// A name that the object has already.
        case duplicate(String)
        /// More than ``JSONLimits/bytes``.
        case tooLong
        /// More than ``JSONLimits/depth``.
        case tooDeep
        /// More than ``JSONLimits/values``.
        case tooMany
    }

    /// What is wrong.
    public let reason: Reason
    /// Offset of the byte.
    public let offset: Int
    /// Line of the byte, from 1.
    public let line: Int
    /// Column of the byte in its line, counted in bytes from 1.
    public let column: Int
}

extension JSONError: CustomStringConvertible {
    /// `line 3, column 7: unexpected character or end`.
    public var description: String {
        let what =
            switch reason {
            case .unexpected: "unexpected character or end"
            case .trailing: "something follows the document"
            case .encoding: "not UTF-8"
            case .escape: "bad escape sequence"
            case .control: "control character in a string"
            case .number: "malformed or too large number"
            case .duplicate(let name): "the name \"\(name)\" appears twice"
            case .tooLong: "document too long"
            case .tooDeep: "nested too deeply"
            case .tooMany: "too many values"
            }
        return "line \(line), column \(column): \(what)"
    }
}

/// Reads one JSON document strictly by RFC 8259, within bounds.
public enum JSONReader {
    /// The document; duplicate names, comments and trailing commas are errors.
    public static func read(
        _ bytes: Span<UInt8>,
        limits: JSONLimits = JSONLimits()
    ) throws(JSONError) -> JSONValue {
        var cursor = JSONCursor(limits: limits)
        do throws(JSONFault) {
            guard bytes.count <= limits.bytes else { throw JSONFault(.tooLong, limits.bytes) }
            let value = try cursor.value(bytes, depth: 0)
            cursor.skipBlanks(bytes)
            guard cursor.position == bytes.count else {
                throw JSONFault(.trailing, cursor.position)
            }
            return value
        } catch {
            throw JSONError(error, in: bytes)
        }
    }

    /// The document in an array of bytes.
    public static func read(
        _ bytes: [UInt8],
        limits: JSONLimits = JSONLimits()
    ) throws(JSONError) -> JSONValue {
        try read(bytes.span, limits: limits)
    }
}

/// A reason with its offset; the line is counted only when a reader asks.
private struct JSONFault: Error {
    let reason: JSONError.Reason
    let offset: Int

    init(_ reason: JSONError.Reason, _ offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}

extension JSONError {
    fileprivate init(_ fault: JSONFault, in bytes: Span<UInt8>) {
        let end = Swift.min(Swift.max(fault.offset, 0), bytes.count)
        var line = 1
        var lineStart = 0
        for index in 0..<end where bytes[index] == 0x0a {
            line += 1
            lineStart = index + 1
        }
        self.init(reason: fault.reason, offset: end, line: line, column: end - lineStart + 1)
    }
}

/// The recursive descent: one method per rule of the grammar.
private struct JSONCursor {
    var position = 0
    private var values = 0
    private let limits: JSONLimits

    init(limits: JSONLimits) { self.limits = limits }

    mutating func skipBlanks(_ bytes: Span<UInt8>) {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0a, 0x0d: position += 1
            default: return
            }
        }
    }

    private func peek(_ bytes: Span<UInt8>) -> UInt8? {
        position < bytes.count ? bytes[position] : nil
    }

    private mutating func take(_ byte: UInt8, _ bytes: Span<UInt8>) -> Bool {
        guard peek(bytes) == byte else { return false }
        position += 1
        return true
    }

    mutating func value(_ bytes: Span<UInt8>, depth: Int) throws(JSONFault) -> JSONValue {
        skipBlanks(bytes)
        values += 1
        guard values <= limits.values else { throw JSONFault(.tooMany, position) }
        switch peek(bytes) {
        case UInt8(ascii: "{"): return try object(bytes, depth: depth)
        case UInt8(ascii: "["): return try array(bytes, depth: depth)
        case UInt8(ascii: "\""): return .string(try string(bytes))
        case UInt8(ascii: "t"): return try word("true", .bool(true), bytes)
        case UInt8(ascii: "f"): return try word("false", .bool(false), bytes)
        case UInt8(ascii: "n"): return try word("null", .null, bytes)
        default: return try number(bytes)
        }
    }

    private mutating func word(
        _ text: StaticString,
        _ value: JSONValue,
        _ bytes: Span<UInt8>
    ) throws(JSONFault) -> JSONValue {
        for byte in text.description.utf8 {
            guard take(byte, bytes) else { throw JSONFault(.unexpected, position) }
        }
        return value
    }

    private mutating func object(
        _ bytes: Span<UInt8>,
        depth: Int
    ) throws(JSONFault) -> JSONValue {
        guard depth < limits.depth else { throw JSONFault(.tooDeep, position) }
        position += 1
        var members: [JSONMember] = []
        var names: Set<String> = []
        skipBlanks(bytes)
        if take(UInt8(ascii: "}"), bytes) { return .object([]) }
        while true {
            skipBlanks(bytes)
            let start = position
            guard peek(bytes) == UInt8(ascii: "\"") else { throw JSONFault(.unexpected, start) }
            let name = try string(bytes)
            guard names.insert(name).inserted else { throw JSONFault(.duplicate(name), start) }
            skipBlanks(bytes)
            guard take(UInt8(ascii: ":"), bytes) else { throw JSONFault(.unexpected, position) }
            members.append(JSONMember(name, try value(bytes, depth: depth + 1)))
            skipBlanks(bytes)
            if take(UInt8(ascii: "}"), bytes) { return .object(members) }
            guard take(UInt8(ascii: ","), bytes) else { throw JSONFault(.unexpected, position) }
        }
    }

    private mutating func array(_ bytes: Span<UInt8>, depth: Int) throws(JSONFault) -> JSONValue {
        guard depth < limits.depth else { throw JSONFault(.tooDeep, position) }
        position += 1
        var elements: [JSONValue] = []
        skipBlanks(bytes)
        if take(UInt8(ascii: "]"), bytes) { return .array([]) }
        while true {
            elements.append(try value(bytes, depth: depth + 1))
            skipBlanks(bytes)
            if take(UInt8(ascii: "]"), bytes) { return .array(elements) }
            guard take(UInt8(ascii: ","), bytes) else { throw JSONFault(.unexpected, position) }
        }
    }

    private mutating func string(_ bytes: Span<UInt8>) throws(JSONFault) -> String {
        let start = position
        position += 1
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let result = String(validating: text, as: UTF8.self) else {
                    throw JSONFault(.encoding, start)
                }
                return result
            case UInt8(ascii: "\\"): try escape(bytes, into: &text)
            case 0x00..<0x20: throw JSONFault(.control, position)
            default:
                text.append(byte)
                position += 1
            }
        }
        throw JSONFault(.unexpected, position)
    }

    private mutating func escape(
        _ bytes: Span<UInt8>,
        into text: inout [UInt8]
    ) throws(JSONFault) {
        let start = position
        position += 1
        guard let kind = peek(bytes) else { throw JSONFault(.unexpected, position) }
        position += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(kind)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): try unicode(bytes, from: start, into: &text)
        default: throw JSONFault(.escape, start)
        }
    }

    private mutating func unicode(
        _ bytes: Span<UInt8>,
        from start: Int,
        into text: inout [UInt8]
    ) throws(JSONFault) {
        guard let first = hexQuad(bytes) else { throw JSONFault(.escape, start) }
        var code = first
        // RFC 8259 §7: characters past U+FFFF come as a pair of surrogates; half a pair is no
        // character and would not survive being written again.
        if 0xd800...0xdbff ~= first {
            guard take(UInt8(ascii: "\\"), bytes), take(UInt8(ascii: "u"), bytes),
                let second = hexQuad(bytes), 0xdc00...0xdfff ~= second
            else { throw JSONFault(.escape, start) }
            code = 0x10000 + (first - 0xd800) << 10 + (second - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw JSONFault(.escape, start) }
        text += UTF8.encode(scalar).map(Array.init) ?? []
    }

    private mutating func hexQuad(_ bytes: Span<UInt8>) -> UInt32? {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek(bytes), let digit = ASCII.hexDigit(byte) else { return nil }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    // -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
    private mutating func number(_ bytes: Span<UInt8>) throws(JSONFault) -> JSONValue {
        let start = position
        var isInteger = true
        _ = take(UInt8(ascii: "-"), bytes)
        let first = position
        let digits = skipDigits(bytes)
        // Nothing like a number at all: a stray character.
        guard digits > 0 else { throw JSONFault(.unexpected, start) }
        if digits > 1, bytes[first] == UInt8(ascii: "0") { throw JSONFault(.number, start) }
        if take(UInt8(ascii: "."), bytes) {
            isInteger = false
            guard skipDigits(bytes) > 0 else { throw JSONFault(.number, start) }
        }
        if take(UInt8(ascii: "e"), bytes) || take(UInt8(ascii: "E"), bytes) {
            isInteger = false
            if !take(UInt8(ascii: "+"), bytes) { _ = take(UInt8(ascii: "-"), bytes) }
            guard skipDigits(bytes) > 0 else { throw JSONFault(.number, start) }
        }
        // Longer texts than this add no precision and only cost time.
        guard position - start <= 64 else { throw JSONFault(.number, start) }
        var text = ""
        for index in start..<position { text.unicodeScalars.append(Unicode.Scalar(bytes[index])) }
        if isInteger, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw JSONFault(.number, start) }
        return .number(value)
    }

    private mutating func skipDigits(_ bytes: Span<UInt8>) -> Int {
        let start = position
        while let byte = peek(bytes), ASCII.isDigit(byte) { position += 1 }
        return position - start
    }
}
