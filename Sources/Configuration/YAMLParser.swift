// SPDX-License-Identifier: Apache-2.0
internal import CYAML

/// One step of a YAML document, with where it stands.
struct YAMLEvent {
    enum Kind {
        case streamEnd, documentStart, documentEnd, sequenceEnd, mappingEnd, other
        case alias(String)
        case scalar(String, isPlain: Bool)
        case sequenceStart, mappingStart
    }

    var kind: Kind
    var anchor: String?
    var tag: String?
    var range: SourceRange
}

/// Why libyaml refuses a text, and where.
struct YAMLSyntaxError: Error {
    var problem: String
    var context: String?
    /// Unset when libyaml knows only ``offset``.
    var position: SourcePosition?
    var offset: Int
}

/// libyaml's event parser: the only place where its pointers are touched.
@safe struct YAMLParser: ~Copyable {
    // libyaml keeps a pointer to its own state and to the input, so both need a fixed address.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>
    private let isReady: Bool

    init(_ bytes: [UInt8]) {
        unsafe parser = .allocate(capacity: 1)
        unsafe parser.initialize(to: yaml_parser_t())
        unsafe input = .allocate(capacity: bytes.count)
        unsafe _ = input.initialize(from: bytes)
        unsafe isReady = yaml_parser_initialize(parser) == 1
        guard isReady else { return }
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, input.baseAddress, input.count)
    }

    deinit {
        if isReady { unsafe yaml_parser_delete(parser) }
        unsafe parser.deallocate()
        unsafe input.deallocate()
    }

    mutating func next() throws(YAMLSyntaxError) -> YAMLEvent {
        guard isReady else { throw YAMLSyntaxError(problem: "no memory", offset: 0) }
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw syntaxError() }
        defer { unsafe yaml_event_delete(&event) }
        let start = unsafe SourcePosition(event.start_mark)
        let end = unsafe SourcePosition(event.end_mark)
        var result = YAMLEvent(kind: .other, range: SourceRange(start: start, end: end))
        switch unsafe event.type {
        case YAML_STREAM_END_EVENT: result.kind = .streamEnd
        case YAML_DOCUMENT_START_EVENT: result.kind = .documentStart
        case YAML_DOCUMENT_END_EVENT: result.kind = .documentEnd
        case YAML_ALIAS_EVENT:
            result.kind = .alias(unsafe text(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
            result.kind = .scalar(unsafe String(decoding: bytes, as: UTF8.self), isPlain: isPlain)
            result.anchor = unsafe text(scalar.anchor)
            result.tag = unsafe text(scalar.tag)
        case YAML_SEQUENCE_START_EVENT:
            result.kind = .sequenceStart
            result.anchor = unsafe text(event.data.sequence_start.anchor)
            result.tag = unsafe text(event.data.sequence_start.tag)
        case YAML_SEQUENCE_END_EVENT: result.kind = .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            result.kind = .mappingStart
            result.anchor = unsafe text(event.data.mapping_start.anchor)
            result.tag = unsafe text(event.data.mapping_start.tag)
        case YAML_MAPPING_END_EVENT: result.kind = .mappingEnd
        default: break
        }
        return result
    }

    private func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
        guard let pointer = unsafe pointer else { return nil }
        return unsafe String(cString: pointer)
    }

    private func syntaxError() -> YAMLSyntaxError {
        let problem = unsafe parser.pointee.problem.map { unsafe String(cString: $0) }
        let context = unsafe parser.pointee.context.map { unsafe String(cString: $0) }
        // The reader (encoding, control characters) knows only an offset.
        let isReaderError = unsafe parser.pointee.error == YAML_READER_ERROR
        return unsafe YAMLSyntaxError(
            problem: problem ?? "not readable",
            context: context,
            position: isReaderError ? nil : SourcePosition(parser.pointee.problem_mark),
            offset: Int(clamping: parser.pointee.problem_offset)
        )
    }
}

extension SourcePosition {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: Int(clamping: mark.line) &+ 1, column: Int(clamping: mark.column) &+ 1)
    }
}
