// SPDX-License-Identifier: Apache-2.0

/// Bounds on a configuration file: it comes from outside like everything else.
enum YAMLLimits {
    /// The longest file that is read; larger zones belong into zone files.
    static let bytes = 4 << 20
    /// Lists and mappings inside each other; the reader recurses once per level.
    static let depth = 64
    /// Values after aliases are put in: ten lines of aliases can stand for billions.
    static let values = 500_000
}

/// Why a text is no tree of values.
struct YAMLFault: Error {
    var code: DiagnosticCode
    var range: SourceRange
    var message: String
    var suggestion: String?
}

/// Turns libyaml's events into one tree.
struct YAMLReader: ~Copyable {
    private var parser: YAMLParser
    private let bytes: [UInt8]
    private var anchors: [String: (node: YAMLNode, size: Int)] = [:]
    private var openAnchors: Set<String> = []
    private var size = 0

    /// The one document of the text; nil when it holds nothing but comments.
    static func read(_ bytes: [UInt8]) throws(YAMLFault) -> YAMLNode? {
        guard bytes.count <= YAMLLimits.bytes else {
            let start = SourcePosition(line: 1, column: 1)
            throw YAMLFault(
                code: .fileTooLarge,
                range: SourceRange(start: start, end: start),
                message: "the file has \(ByteCount(bytes.count)), at most 4MiB are read",
                suggestion: "move large zones into zone files (`zones.*.file`)"
            )
        }
        try refuseOddBreaks(bytes)
        var reader = YAMLReader(bytes)
        return try reader.document()
    }

    /// Line breaks of YAML 1.1 that are letters to YAML 1.2, and to editors: what stands behind
    /// one would be an option that nobody sees.
    private static func refuseOddBreaks(_ bytes: [UInt8]) throws(YAMLFault) {
        var line = 1
        var lineStart = 0
        for place in bytes.indices {
            if bytes[place] == 0x0a {
                (line, lineStart) = (line + 1, place + 1)
                continue
            }
            guard bytes[place] == 0xc2 || bytes[place] == 0xe2 else { continue }
            let name =
                switch bytes[place..<min(place + 3, bytes.count)] {
                case let rest where rest.starts(with: [0xc2, 0x85]): "U+0085"
                case [0xe2, 0x80, 0xa8]: "U+2028"
                case [0xe2, 0x80, 0xa9]: "U+2029"
                default: ""
                }
            guard !name.isEmpty else { continue }
            let before = String(decoding: bytes[lineStart..<place], as: UTF8.self)
            let start = SourcePosition(line: line, column: before.unicodeScalars.count + 1)
            throw YAMLFault(
                code: .notYAML,
                range: SourceRange(start: start, end: start),
                message: "\(name) ends a line for some readers of YAML and not for others",
                suggestion: "remove it, or write it as an escape in double quotes"
            )
        }
    }

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
        parser = YAMLParser(bytes)
    }

    private mutating func document() throws(YAMLFault) -> YAMLNode? {
        var root: YAMLNode?
        while true {
            let event = try next()
            switch event.kind {
            case .streamEnd: return root
            case .documentStart where root != nil:
                throw YAMLFault(
                    code: .unusedYAML,
                    range: event.range,
                    message: "a second document begins here",
                    suggestion: "keep one document in the file: remove `---`"
                )
            case .documentStart: root = try node(try next(), depth: 0)
            default: continue
            }
        }
    }

    private mutating func node(_ event: YAMLEvent, depth: Int) throws(YAMLFault) -> YAMLNode {
        guard depth < YAMLLimits.depth else {
            throw YAMLFault(
                code: .tooManyValues,
                range: event.range,
                message: "values are nested more than \(YAMLLimits.depth) deep"
            )
        }
        try count(1, at: event.range)
        try refuseTag(event)
        if case .alias(let name) = event.kind { return try alias(name, event.range) }
        let sizeBefore = size - 1
        if let anchor = event.anchor { openAnchors.insert(anchor) }
        let content: YAMLNode.Content
        switch event.kind {
        case .scalar(let text, let isPlain): content = .scalar(text, isPlain: isPlain)
        case .sequenceStart: content = .sequence(try elements(depth: depth + 1))
        case .mappingStart: content = .mapping(try entries(depth: depth + 1))
        default: content = .scalar("", isPlain: true)
        }
        let result = YAMLNode(content: content, range: event.range)
        if let anchor = event.anchor {
            openAnchors.remove(anchor)
            anchors[anchor] = (result, size - sizeBefore)
        }
        return result
    }

    private mutating func elements(depth: Int) throws(YAMLFault) -> [YAMLNode] {
        var elements: [YAMLNode] = []
        while true {
            let event = try next()
            if case .sequenceEnd = event.kind { return elements }
            elements.append(try node(event, depth: depth))
        }
    }

    private mutating func entries(depth: Int) throws(YAMLFault) -> [YAMLEntry] {
        var entries: [YAMLEntry] = []
        while true {
            let event = try next()
            if case .mappingEnd = event.kind { return entries }
            let key = try node(event, depth: depth)
            guard case .scalar(let text, _) = key.content else {
                throw YAMLFault(
                    code: .wrongKind,
                    range: key.range,
                    message: "a key must be a single word, not \(key.kind)"
                )
            }
            if text == "<<" {
                throw YAMLFault(
                    code: .unusedYAML,
                    range: key.range,
                    message: "merge keys (`<<`) are not part of YAML 1.2",
                    suggestion: "write the options out, or use a plain alias for a whole value"
                )
            }
            let value = try node(try next(), depth: depth)
            entries.append(YAMLEntry(key: text, keyRange: key.range, value: value))
        }
    }

    private mutating func alias(
        _ name: String,
        _ range: SourceRange
    ) throws(YAMLFault) -> YAMLNode {
        guard let known = anchors[name] else {
            let isOpen = openAnchors.contains(name)
            throw YAMLFault(
                code: .badAlias,
                range: range,
                message: isOpen
                    ? "the alias `*\(name)` stands inside the value it names"
                    : "the alias `*\(name)` names nothing above it",
                suggestion: isOpen
                    ? nil
                    : Spelling.nearest(to: name, among: anchors.keys.sorted())
                        .map { "did you mean `*\($0)`?" }
            )
        }
        try count(known.size - 1, at: range)
        return known.node
    }

    private mutating func count(_ more: Int, at range: SourceRange) throws(YAMLFault) {
        size += more
        guard size > YAMLLimits.values else { return }
        throw YAMLFault(
            code: .tooManyValues,
            range: range,
            message: "more than \(YAMLLimits.values) values, aliases counted each time"
        )
    }

    private func refuseTag(_ event: YAMLEvent) throws(YAMLFault) {
        guard let tag = event.tag, tag != "!", tag != "tag:yaml.org,2002:str" else { return }
        throw YAMLFault(
            code: .unusedYAML,
            range: event.range,
            message: "the tag `\(tag)` has no meaning here: the option decides the type",
            suggestion: "remove the tag"
        )
    }

    private mutating func next() throws(YAMLFault) -> YAMLEvent {
        do throws(YAMLSyntaxError) {
            return try parser.next()
        } catch {
            throw fault(error)
        }
    }

    private func fault(_ error: YAMLSyntaxError) -> YAMLFault {
        let position = error.position ?? position(ofByte: error.offset)
        let context = error.context.map { "\($0): " } ?? ""
        var suggestion: String?
        if error.problem.contains("cannot start any token") {
            suggestion = "indent by blanks, not tabs; put texts that begin with %, @ or ` in quotes"
        } else if error.problem.contains("mapping values are not allowed") {
            suggestion = "check the indentation, and put texts that hold `: ` in quotes"
        }
        return YAMLFault(
            code: .notYAML,
            range: SourceRange(start: position, end: position),
            message: context + error.problem,
            suggestion: suggestion
        )
    }

    private func position(ofByte offset: Int) -> SourcePosition {
        var position = SourcePosition(line: 1, column: 1)
        for byte in bytes.prefix(Swift.max(offset, 0)) {
            if byte == 0x0a {
                position = SourcePosition(line: position.line + 1, column: 1)
            } else if byte & 0xc0 != 0x80 {
                position.column += 1
            }
        }
        return position
    }
}
