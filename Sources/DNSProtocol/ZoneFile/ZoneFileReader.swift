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

    struct Frame {
        var lexer: ZoneLexer
        var file: UInt32
        var origin: [UInt8]
        var lastOwner: [UInt8]
        /// Writes entry after entry in place of a file.
        var generator: ZoneGenerator?
        /// Where it was asked to, which is where all of them stand.
        var directive: ZonePosition?
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
    public internal(set) var files: [String]

    var frames: [Frame]
    private var record = ZoneRecordReader()
    var defaultTTL: UInt32?
    /// Records that `$GENERATE` may still make.
    private var generatedLeft: Int
    private var lastTTL: UInt32?
    private var typePosition = ZonePosition.none
    private var isGivenUp = false
    let include: Include

    /// Answers with an included file and the name it goes by; nil when it cannot be read.
    public typealias Include =
        (_ file: String, _ from: String) throws(ZoneIncludeRefusal) -> (
            file: String, bytes: [UInt8]
        )?

    /// Reads `bytes`, relative names completed by `origin`.
    ///
    /// `include` is asked for an included file by its name as written and the name of the file
    /// that names it. It answers with the bytes and the name that the file goes by from then on,
    /// for findings and for what is included from there; nil means that it cannot be read.
    /// `generatedLimit` is how many records all `$GENERATE` together may make: without it, a line of
    /// text could fill the memory.
    public init(
        _ bytes: [UInt8],
        file: String,
        origin: DomainName,
        defaultTTL: UInt32? = nil,
        generatedLimit: Int = 1_000_000,
        include: @escaping Include = { _, _ in nil }
    ) {
        files = [file]
        generatedLeft = generatedLimit
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
                if !generate(top) { frames.removeLast() }
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

    // The next entry of a `$GENERATE`; false behind the last one.
    private mutating func generate(_ top: Int) -> Bool {
        guard frames[top].generator != nil, let directive = frames[top].directive else {
            return false
        }
        guard generatedLeft > 0 else {
            note(.tooManyGenerated, directive, "$GENERATE makes more records than are read")
            return false
        }
        do {
            guard let text = try frames[top].generator?.next() else { return false }
            frames[top].lexer = ZoneLexer(text)
            generatedLeft -= 1
            return true
        } catch {
            note(.badDirective, directive, "$GENERATE: \(error.message)")
            return false
        }
    }

    mutating func note(_ code: ZoneCode, _ place: ZonePosition, _ message: String) {
        guard let frame = frames.last else { return }
        var position = frame.directive ?? place
        position.file = frame.file
        let file = files[Int(frame.file)]
        // One wrong record of a range is one finding: the others are as wrong.
        frames[frames.count - 1].generator = nil
        diagnostics.append(ZoneDiagnostic(code, file: file, at: position, message))
        guard diagnostics.count >= ZoneFileReader.diagnosticLimit else { return }
        isGivenUp = true
        let text = "\(ZoneFileReader.diagnosticLimit) errors: the rest is not read"
        diagnostics.append(ZoneDiagnostic(.tooManyErrors, file: file, at: position, text))
    }

    func text(_ top: Int, _ field: ZoneField) -> String {
        let end = min(field.end, field.start + 255)
        return String(decoding: frames[top].lexer.bytes[field.start..<end], as: UTF8.self)
    }

    // MARK: Records

    private mutating func readRecord(_ top: Int) -> Bool {
        let first = frames[top].lexer.fields[0]
        if !frames[top].lexer.startsBlank, !readOwner(top, first) { return false }
        position = frames[top].directive ?? first.position
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
        if type.isMeta {
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
