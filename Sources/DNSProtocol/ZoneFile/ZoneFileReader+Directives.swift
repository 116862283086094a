// SPDX-License-Identifier: Apache-2.0

/// Why a file is not included although it may be there.
public struct ZoneIncludeRefusal: Error, Sendable, Equatable {
    /// For a person.
    public let reason: String
    /// States the reason.
    public init(reason: String) { self.reason = reason }
}

/// `$ORIGIN`, `$TTL`, `$INCLUDE` and `$GENERATE`.
extension ZoneFileReader {
    func isDirective(_ top: Int) -> Bool {
        guard !frames[top].lexer.startsBlank, frames[top].directive == nil,
            let first = frames[top].lexer.fields.first
        else { return false }
        return !first.isQuoted && frames[top].lexer.bytes[first.start] == UInt8(ascii: "$")
    }

    mutating func readDirective(_ top: Int) {
        let fields = frames[top].lexer.fields
        let word = text(top, fields[0]).uppercased()
        let limits = [
            "$ORIGIN": (1...1, "one argument"), "$TTL": (1...1, "one argument"),
            "$INCLUDE": (1...2, "a file and perhaps an origin"),
            "$GENERATE": (4...6, "a range, an owner, a type and data, which are quoted when long"),
        ]
        guard let (limit, wanted) = limits[word] else {
            return note(.unknownDirective, fields[0].position, "\(word) is not known here")
        }
        guard limit.contains(fields.count - 1) else {
            return note(.badDirective, fields[0].position, "\(word) takes \(wanted)")
        }
        switch word {
        case "$ORIGIN":
            if let name = readName(top, fields[1]) { frames[top].origin = name }
        case "$TTL":
            let bytes = frames[top].lexer.bytes
            let span = bytes.span.extracting(fields[1].start..<fields[1].end)
            guard let seconds = ZoneNumbers.seconds(span) else {
                return note(.badTTL, fields[1].position, "'\(text(top, fields[1]))' is not a TTL")
            }
            defaultTTL = seconds
        case "$GENERATE": openGenerator(top, fields)
        default: openInclude(top, fields)
        }
    }

    private mutating func openInclude(_ top: Int, _ fields: [ZoneField]) {
        guard frames.count < ZoneFileReader.includeDepthLimit,
            files.count < ZoneFileReader.fileLimit
        else {
            let limit = ZoneFileReader.includeDepthLimit
            let message = "$INCLUDE nests deeper than \(limit), or there are too many files"
            return note(.includeTooDeep, fields[0].position, message)
        }
        var origin = frames[top].origin
        if fields.count == 3 {
            guard let name = readName(top, fields[2]) else { return }
            origin = name
        }
        let file = text(top, fields[1])
        guard let included = included(file, fields[1].position, top) else { return }
        files.append(included.file)
        // Origin and last owner are the outer file's again afterwards, as in BIND.
        let number = UInt32(truncatingIfNeeded: files.count - 1)
        let last = frames[top].lastOwner
        frames.append(
            Frame(
                lexer: ZoneLexer(included.bytes),
                file: number,
                origin: origin,
                lastOwner: last
            )
        )
    }

    private mutating func included(
        _ file: String,
        _ place: ZonePosition,
        _ top: Int
    ) -> (file: String, bytes: [UInt8])? {
        do throws(ZoneIncludeRefusal) {
            if let included = try include(file, files[Int(frames[top].file)]) { return included }
            note(.includeFailed, place, "cannot read '\(file)'")
        } catch {
            note(.includeFailed, place, "'\(file)' is not read: \(error.reason)")
        }
        return nil
    }

    // What it writes is read as entries of this file, all of them at the place of the directive.
    private mutating func openGenerator(_ top: Int, _ fields: [ZoneField]) {
        let bytes = frames[top].lexer.bytes
        do {
            var frame = frames[top]
            frame.lexer = ZoneLexer([])
            frame.lastOwner = []
            frame.directive = fields[0].position
            frame.generator = try ZoneGenerator(
                fields.map { Array(bytes[$0.start..<$0.end]) },
                isDataQuoted: fields[fields.count - 1].isQuoted
            )
            frames.append(frame)
        } catch {
            note(.badDirective, fields[error.field].position, "$GENERATE: \(error.message)")
        }
    }

    mutating func readName(_ top: Int, _ field: ZoneField) -> [UInt8]? {
        var name: [UInt8] = []
        let bytes = frames[top].lexer.bytes
        let span = bytes.span.extracting(field.start..<field.end)
        if span.count == 1, span[0] == UInt8(ascii: "@"), !field.isQuoted {
            return frames[top].origin
        }
        let origin = frames[top].origin
        let outcome = NameText.append(span, origin: origin.span, to: &name)
        guard outcome == .complete else {
            note(.badName, field.position, outcome.message)
            return nil
        }
        return name
    }
}
