// SPDX-License-Identifier: Apache-2.0

/// One field of a zone file: a range of its bytes.
struct ZoneField: BitwiseCopyable {
    var start: Int
    var end: Int
    var line: UInt32
    var column: UInt32
    var isQuoted: Bool

    var position: ZonePosition { ZonePosition(line: line, column: column) }
    /// The range with its quotes.
    var whole: Range<Int> { isQuoted ? start - 1..<end + 1 : start..<end }
}

/// Cuts a zone file into entries and their fields (RFC 1035 §5.1); their meaning is not its business.
///
/// An entry is a line, or several that parentheses join. The fields of the present entry are kept
/// as ranges in an array that is reused: a million records cost no allocation each.
struct ZoneLexer {
    /// Bounds the memory of one entry: far more than a record of 64 KiB can have.
    static let fieldLimit = 40_000

    let bytes: [UInt8]
    private(set) var fields: [ZoneField] = []
    /// True when the entry begins with a blank: its owner is the last one.
    private(set) var startsBlank = false
    /// What stopped the present entry.
    private(set) var problem: (code: ZoneCode, position: ZonePosition, message: String)?
    private var position = 0
    private var line: UInt32 = 1
    private var lineStart = 0
    // The line of the first string that goes over the end of its own.
    private var longLine: UInt32?

    /// More than a string of 255 octets can take, each of them as `\\123`.
    private static let longLimit = 1020

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        // A byte order mark is no part of the text.
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) {
            position = 3
            lineStart = 3
        }
    }

    private func here(_ place: Int) -> ZonePosition {
        ZonePosition(line: line, column: UInt32(truncatingIfNeeded: place - lineStart + 1))
    }

    /// Finds the next entry that has fields; false at the end of the file.
    ///
    /// When ``problem`` is set, the rest of the entry has been skipped.
    mutating func nextEntry() -> Bool {
        while position < bytes.count {
            readEntry()
            if !fields.isEmpty || problem != nil { return true }
        }
        return false
    }

    private mutating func readEntry() {
        fields.removeAll(keepingCapacity: true)
        problem = nil
        startsBlank = bytes[position] == 0x20 || bytes[position] == 0x09
        var depth = 0
        var opened = ZonePosition.none
        while position < bytes.count {
            let octet = bytes[position]
            switch octet {
            case 0x20, 0x09, 0x0d: position += 1
            case UInt8(ascii: "\n"):
                nextLine()
                if depth == 0 { return }
            case UInt8(ascii: ";"): skipLine()
            case UInt8(ascii: "("):
                if depth == 0 { opened = here(position) }
                depth += 1
                position += 1
            case UInt8(ascii: ")"):
                guard depth > 0 else {
                    return fail(.unbalancedParenthesis, here(position), "')' without '('")
                }
                depth -= 1
                position += 1
            case UInt8(ascii: "\""):
                guard readQuoted() else { return }
            default: readPlain()
            }
            guard fields.count <= ZoneLexer.fieldLimit else {
                let message = "more than \(ZoneLexer.fieldLimit) fields"
                return fail(.entryTooLong, here(position), message)
            }
        }
        if depth > 0 { fail(.unbalancedParenthesis, opened, "'(' is never closed") }
    }

    private mutating func nextLine() {
        position += 1
        line &+= 1
        lineStart = position
    }

    private mutating func skipLine() {
        while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { position += 1 }
    }

    // Goes on at the next line: one bad line hides no other error.
    private mutating func fail(_ code: ZoneCode, _ place: ZonePosition, _ message: String) {
        problem = (code, place, message)
        skipLine()
        if position < bytes.count { nextLine() }
    }

    private mutating func readPlain() {
        let start = position
        while position < bytes.count {
            let octet = bytes[position]
            if octet == UInt8(ascii: "\\"), position + 1 < bytes.count,
                bytes[position + 1] != UInt8(ascii: "\n")
            {
                position += 2
                continue
            }
            if ZoneLexer.endsPlain(octet) { break }
            position += 1
        }
        append(start, position, from: start, quoted: false)
    }

    @inline(__always)
    private static func endsPlain(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x20, 0x09, 0x0d, 0x0a, UInt8(ascii: ";"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: "\""):
            true
        default: false
        }
    }

    // RFC 1035 §5.1: a string may hold ends of lines. One that never ends is told at its own line, and
    // what follows is read from the next one on.
    private mutating func readQuoted() -> Bool {
        let start = position
        var place = start + 1
        var (lines, lastStart) = (UInt32(0), lineStart)
        while place < bytes.count, lines == 0 || place - start <= ZoneLexer.longLimit {
            switch bytes[place] {
            case UInt8(ascii: "\""):
                append(start + 1, place, from: start, quoted: true)
                if lines > 0, longLine == nil { longLine = line }
                position = place + 1
                line &+= lines
                lineStart = lastStart
                return true
            case UInt8(ascii: "\n"):
                lines &+= 1
                place += 1
                lastStart = place
            case UInt8(ascii: "\\")
            where place + 1 < bytes.count && bytes[place + 1] != UInt8(ascii: "\n"):
                place += 2
            default: place += 1
            }
        }
        position = start + 1
        var message = "string is not closed"
        if let longLine { message += ", or the one that begins in line \(longLine)" }
        fail(.unterminatedString, here(start), message)
        return false
    }

    private mutating func append(_ start: Int, _ end: Int, from first: Int, quoted: Bool) {
        let column = UInt32(truncatingIfNeeded: first - lineStart + 1)
        fields.append(
            ZoneField(start: start, end: end, line: line, column: column, isQuoted: quoted)
        )
    }
}
