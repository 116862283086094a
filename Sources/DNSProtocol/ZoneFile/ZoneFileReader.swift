// SPDX-License-Identifier: Apache-2.0

/// Reads a zone file (RFC 1035 §5, RFC 2308 §4, RFC 3597) record by record.
///
/// After each `true` of ``next()`` the record is in ``owner``, ``type``, ``ttl`` and ``data``;
/// these buffers are reused. A faulty entry is noted in ``diagnostics`` and skipped, so one reading finds
/// all errors. Nothing here opens a file: `include` hands over the bytes of included ones.
public struct ZoneFileReader: ~Copyable {
    /// How deep `$INCLUDE` may nest.
    public static let includeDepthLimit = 8
    /// Files that one zone may consist of: without it, includes two by two would take for ever.
    public static let fileLimit = 1000
    /// Errors that are listed before the reading is given up.
    public static let diagnosticLimit = 100

    private struct Frame {
        var lexer: ZoneLexer
        var file: UInt32
        var origin: [UInt8]
        var lastOwner: [UInt8]
    }

    /// The owner in uncompressed wire form, case as written.
    public private(set) var owner: [UInt8] = []
    /// The record type.
    public private(set) var type = RecordType(0)
    /// The TTL in seconds.
    public private(set) var ttl: UInt32 = 0
    /// Where the record begins.
    public private(set) var position = ZonePosition.none
    /// What was wrong so far.
    public private(set) var diagnostics: [ZoneDiagnostic] = []
    /// The names of the files read, by ``ZonePosition/file``.
    public private(set) var files: [String]

    private var frames: [Frame]
    private var record = ZoneRecordReader()
    private var defaultTTL: UInt32?
    private var lastTTL: UInt32?
    private var typePosition = ZonePosition.none
    private var isGivenUp = false
    private let include: (_ file: String, _ from: String) -> (file: String, bytes: [UInt8])?

    /// Reads `bytes`, relative names completed by `origin`.
    ///
    /// `include` is asked for an included file by its name as written and the name of the file
    /// that names it. It answers with the bytes and the name that the file goes by from then on,
    /// for findings and for what is included from there; nil means that it cannot be read.
    public init(
        _ bytes: [UInt8],
        file: String,
        origin: DomainName,
        defaultTTL: UInt32? = nil,
        include: @escaping (_ file: String, _ from: String) -> (file: String, bytes: [UInt8])? = {
            _,
            _ in nil
        }
    ) {
        files = [file]
        self.defaultTTL = defaultTTL
        self.include = include
        let lexer = ZoneLexer(bytes)
        frames = [Frame(lexer: lexer, file: 0, origin: origin.wire, lastOwner: [])]
    }

    /// The data in uncompressed wire form.
    public var data: [UInt8] { record.data }

    /// Goes to the next good record; false at the end.
    public mutating func next() -> Bool {
        while let top = frames.indices.last, !isGivenUp {
            guard frames[top].lexer.nextEntry() else {
                frames.removeLast()
                continue
            }
            if let problem = frames[top].lexer.problem {
                note(problem.code, problem.position, problem.message)
            } else if isDirective(top) {
                readDirective(top)
            } else if readRecord(top) {
                return true
            }
        }
        return false
    }

    private mutating func note(_ code: ZoneCode, _ place: ZonePosition, _ message: String) {
        guard let frame = frames.last else { return }
        var position = place
        position.file = frame.file
        let file = files[Int(frame.file)]
        diagnostics.append(ZoneDiagnostic(code, file: file, at: position, message))
        guard diagnostics.count >= ZoneFileReader.diagnosticLimit else { return }
        isGivenUp = true
        let text = "\(ZoneFileReader.diagnosticLimit) errors: the rest is not read"
        diagnostics.append(ZoneDiagnostic(.tooManyErrors, file: file, at: position, text))
    }

    private func text(_ top: Int, _ field: ZoneField) -> String {
        let end = min(field.end, field.start + 255)
        return String(decoding: frames[top].lexer.bytes[field.start..<end], as: UTF8.self)
    }

    // MARK: Directives

    private func isDirective(_ top: Int) -> Bool {
        guard !frames[top].lexer.startsBlank, let first = frames[top].lexer.fields.first else {
            return false
        }
        return !first.isQuoted && frames[top].lexer.bytes[first.start] == UInt8(ascii: "$")
    }

    private mutating func readDirective(_ top: Int) {
        let fields = frames[top].lexer.fields
        let word = text(top, fields[0]).uppercased()
        let limits = ["$ORIGIN": 1...1, "$TTL": 1...1, "$INCLUDE": 1...2]
        guard let limit = limits[word] else {
            return note(.unknownDirective, fields[0].position, "\(word) is not known here")
        }
        guard limit.contains(fields.count - 1) else {
            let wanted = limit.upperBound == 1 ? "one argument" : "a file and perhaps an origin"
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
        guard let included = include(file, files[Int(frames[top].file)]) else {
            return note(.includeFailed, fields[1].position, "cannot read '\(file)'")
        }
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

    private mutating func readName(_ top: Int, _ field: ZoneField) -> [UInt8]? {
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

    // MARK: Records

    private mutating func readRecord(_ top: Int) -> Bool {
        let first = frames[top].lexer.fields[0]
        if !frames[top].lexer.startsBlank, !readOwner(top, first) { return false }
        position = first.position
        position.file = frames[top].file
        guard !frames[top].lastOwner.isEmpty else {
            let message = "the entry begins with a blank, but no owner stands before it"
            note(.missingOwner, position, message)
            return false
        }
        var stated: UInt32?
        let index = frames[top].lexer.startsBlank ? 0 : 1
        guard let typeIndex = readHead(top, from: index, ttl: &stated),
            readData(top, from: typeIndex + 1)
        else { return false }
        guard let seconds = timeToLive(stated) else {
            note(.missingTTL, position, "no TTL: state one, or set $TTL")
            return false
        }
        ttl = seconds
        lastTTL = seconds
        owner.removeAll(keepingCapacity: true)
        owner += frames[top].lastOwner
        return true
    }

    private mutating func readOwner(_ top: Int, _ field: ZoneField) -> Bool {
        let bytes = frames[top].lexer.bytes
        let span = bytes.span.extracting(field.start..<field.end)
        if span.count == 1, span[0] == UInt8(ascii: "@"), !field.isQuoted {
            frames[top].lastOwner = frames[top].origin
            return true
        }
        owner.removeAll(keepingCapacity: true)
        let origin = frames[top].origin
        let outcome = NameText.append(span, origin: origin.span, to: &owner)
        frames[top].lastOwner.removeAll(keepingCapacity: true)
        guard outcome == .complete else {
            // The last owner stays empty: entries that follow with a blank must not go further up.
            note(.badName, field.position, outcome.message)
            return false
        }
        frames[top].lastOwner += owner
        return true
    }

    // TTL and class in either order, each at most once; then the type, whose index is returned.
    private mutating func readHead(
        _ top: Int,
        from first: Int,
        ttl: inout UInt32?
    ) -> Int? {
        var hasClass = false
        let bytes = frames[top].lexer.bytes
        for index in first..<max(frames[top].lexer.fields.count, first) {
            let field = frames[top].lexer.fields[index]
            let span = bytes.span.extracting(field.start..<field.end)
            let word = field.isQuoted ? ZoneWord.other : ZoneWord(span)
            typePosition = field.position
            switch word {
            case .internet where !hasClass: hasClass = true
            case .otherClass where !hasClass:
                let message = "class '\(text(top, field))': only IN is served"
                note(.badClass, field.position, message)
                return nil
            case .number where ttl == nil:
                guard let seconds = ZoneNumbers.seconds(span) else {
                    note(.badTTL, field.position, "'\(text(top, field))' is not a TTL")
                    return nil
                }
                ttl = seconds
            case .type(let known):
                type = known
                return index
            default:
                guard !field.isQuoted, let known = RecordType(text(top, field)) else {
                    note(.badType, field.position, "'\(text(top, field))' is not a record type")
                    return nil
                }
                type = known
                return index
            }
        }
        note(.badType, position, "the record has no type")
        return nil
    }

    private mutating func readData(_ top: Int, from first: Int) -> Bool {
        if type.isMeta || type == .DNAME {
            note(.unservedType, typePosition, "records of type \(type) cannot be served")
            return false
        }
        do {
            let frame = frames[top]
            let entry = ZoneDataFields(
                frame.lexer.bytes.span,
                frame.lexer.fields.span,
                from: first,
                origin: frame.origin.span
            )
            try record.read(type, entry)
            return true
        } catch {
            let index = first + error.field
            let fields = frames[top].lexer.fields
            let isKnown = error.field >= 0 && index < fields.count
            note(error.code, isKnown ? fields[index].position : typePosition, error.message)
            return false
        }
    }

    // RFC 2308 §4: $TTL; else the last stated one (RFC 1035 §5.1), and for an SOA its minimum.
    private func timeToLive(_ stated: UInt32?) -> UInt32? {
        if let known = stated ?? defaultTTL ?? lastTTL { return known }
        guard type == .SOA, data.count >= 4 else { return nil }
        return data.suffix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }
}
