// SPDX-License-Identifier: Apache-2.0
internal import CNGHTTP2

/// A field list in memory of its own: text, and where names and values lie in it.
@safe struct FieldMemory {
    let text: UnsafeMutablePointer<UInt8>
    let fields: UnsafeMutablePointer<HTTP2Field>
    let textLimit: Int
    let fieldLimit: Int
    var textCount = 0
    var fieldCount = 0
    /// Octets of the list as RFC 9113 §10.5.1 counts them: 32 more for each field.
    var listSize = 0
    var isOversized = false
    /// The library would have dropped a field of the list.
    var isInvalid = false

    init(textLimit: Int, fieldLimit: Int) {
        self.textLimit = textLimit
        self.fieldLimit = fieldLimit
        unsafe text = .allocate(capacity: textLimit)
        unsafe fields = .allocate(capacity: fieldLimit)
    }

    /// Far above the limit: not worth an answer.
    var isBomb: Bool { listSize > textLimit &* 4 }

    mutating func removeAll() {
        textCount = 0
        fieldCount = 0
        listSize = 0
        isOversized = false
        isInvalid = false
    }

    /// Keeps a copy of a field, or notes that the list is too long.
    mutating func append(
        _ name: UnsafePointer<UInt8>?,
        _ nameCount: Int,
        _ value: UnsafePointer<UInt8>?,
        _ valueCount: Int
    ) {
        listSize = listSize &+ nameCount &+ valueCount &+ 32
        let fits =
            listSize <= textLimit && fieldCount < fieldLimit
            && textCount &+ nameCount &+ valueCount <= textLimit
        guard fits, !isOversized else {
            isOversized = true
            return
        }
        let start = textCount
        if let name = unsafe name { unsafe (text + start).update(from: name, count: nameCount) }
        let middle = start &+ nameCount
        if let value = unsafe value {
            unsafe (text + middle).update(from: value, count: valueCount)
        }
        textCount = middle &+ valueCount
        let field = HTTP2Field(
            name: ByteRange(from: start, to: middle),
            value: ByteRange(from: middle, to: textCount)
        )
        unsafe (fields + fieldCount).initialize(to: field)
        fieldCount &+= 1
    }

    func deallocate() {
        unsafe text.deallocate()
        unsafe fields.deallocate()
    }
}

/// Bytes of a stream that went into the output: whose, and how many.
struct TakenBytes: BitwiseCopyable {
    var owner: UInt64
    var count: Int32
}

/// What all sessions of one thread share: it means something only inside one call.
@safe struct WorkspaceMemory {
    static let eventLimit = 512
    static let takenLimit = 256

    var incoming: FieldMemory
    var outgoing: FieldMemory
    let events: UnsafeMutablePointer<HTTP2Event>
    var eventCount = 0
    let taken: UnsafeMutablePointer<TakenBytes>
    var takenCount = 0
    let names: UnsafeMutablePointer<nghttp2_nv>
    let callbacks: OpaquePointer?
    let options: OpaquePointer?
    /// The bytes that are being received.
    var input: UnsafePointer<UInt8>?
    /// Where the bytes to send go.
    var output: UnsafeMutablePointer<UInt8>?
    var outputRoom = 0
    var outputCount = 0

    mutating func note(_ event: HTTP2Event) -> Bool {
        guard eventCount < WorkspaceMemory.eventLimit else { return false }
        unsafe (events + eventCount).initialize(to: event)
        eventCount &+= 1
        return true
    }
}

/// Memory that all HTTP/2 sessions of one thread use in turn: the field lists that came last and that
/// go next, and the events of the last call.
///
/// Sessions must end before it does.
@safe public struct HTTP2Workspace: ~Copyable {
    let memory: UnsafeMutablePointer<WorkspaceMemory>

    /// Room for lists within these limits.
    public init(limits: HeadLimits) {
        var callbacks: OpaquePointer?
        var options: OpaquePointer?
        // Without memory for them no session can be made; that is told there.
        unsafe nghttp2_session_callbacks_new(&callbacks)
        unsafe nghttp2_option_new(&options)
        if let callbacks = unsafe callbacks { unsafe HTTP2Callbacks.install(callbacks) }
        if let options = unsafe options { unsafe HTTP2Workspace.configure(options) }
        let fieldLimit = Int(limits.fields) &+ 8  // pseudo-fields come on top
        let textLimit = Int(limits.headBytes)
        unsafe memory = .allocate(capacity: 1)
        unsafe memory.initialize(
            to: WorkspaceMemory(
                incoming: FieldMemory(textLimit: textLimit, fieldLimit: fieldLimit &+ 64),
                // What comes from an origin is bounded by the same limits, and a little is added.
                outgoing: FieldMemory(
                    textLimit: textLimit &+ fieldLimit &* 32 &+ 8_192,
                    fieldLimit: fieldLimit &+ 32
                ),
                events: .allocate(capacity: WorkspaceMemory.eventLimit),
                taken: .allocate(capacity: WorkspaceMemory.takenLimit),
                names: .allocate(capacity: fieldLimit &+ 32),
                callbacks: callbacks,
                options: options
            )
        )
    }

    deinit {
        unsafe nghttp2_session_callbacks_del(memory.pointee.callbacks)
        unsafe nghttp2_option_del(memory.pointee.options)
        unsafe memory.pointee.incoming.deallocate()
        unsafe memory.pointee.outgoing.deallocate()
        unsafe memory.pointee.events.deallocate()
        unsafe memory.pointee.taken.deallocate()
        unsafe memory.pointee.names.deallocate()
        unsafe memory.deallocate()
    }

    private static func configure(_ options: OpaquePointer) {
        // Windows open only as far as bytes have been passed on.
        unsafe nghttp2_option_set_no_auto_window_update(options, 1)
        unsafe nghttp2_option_set_no_closed_streams(options, 1)
        // Behind the budgets of the meter at their largest, should a way round them be found.
        unsafe nghttp2_option_set_max_outbound_ack(options, 1024)
        unsafe nghttp2_option_set_max_settings(options, 32)
        unsafe nghttp2_option_set_builtin_recv_extension_type(options, 0x10)  // PRIORITY_UPDATE
    }

    // MARK: What came

    /// Events of the last call.
    public var eventCount: Int { unsafe memory.pointee.eventCount }

    /// An event of the last call; one of an unknown owner past the end.
    public func event(_ index: Int) -> HTTP2Event {
        guard index >= 0, index < eventCount else {
            return .closed(stream: 0, owner: 0, .noError)
        }
        return unsafe memory.pointee.events[index]
    }

    /// How often bytes of a stream went into the output in the last call.
    public var takenCount: Int { unsafe memory.pointee.takenCount }

    /// Whose bytes went into the output, and how many.
    public func taken(_ index: Int) -> (owner: UInt64, count: Int) {
        guard index >= 0, index < takenCount else { return (0, 0) }
        let taken = unsafe memory.pointee.taken[index]
        return (taken.owner, Int(taken.count))
    }

    /// The fields that came last, in their order.
    public var fields: Span<HTTP2Field> {
        @_lifetime(immortal)
        get {
            let list = unsafe memory.pointee.incoming
            let span = unsafe Span(_unsafeStart: list.fields, count: list.fieldCount)
            return unsafe _overrideLifetime(span, borrowing: ())
        }
    }

    /// The text of the fields that came last.
    public var text: Span<UInt8> {
        @_lifetime(immortal)
        get {
            let list = unsafe memory.pointee.incoming
            let span = unsafe Span(_unsafeStart: list.text, count: list.textCount)
            return unsafe _overrideLifetime(span, borrowing: ())
        }
    }

    /// True when the list that came last was above the limits, so that it is not whole.
    public var isOversized: Bool { unsafe memory.pointee.incoming.isOversized }
    /// Octets of the list that came last, 32 for each field included (RFC 9113 §10.5.1).
    public var listSize: Int { unsafe memory.pointee.incoming.listSize }
    /// True when the list that came last was so far above the limits that the session gave up.
    public var isBomb: Bool { unsafe memory.pointee.incoming.isBomb }
    /// True when the library found a field of the list that came last invalid.
    public var isInvalid: Bool { unsafe memory.pointee.incoming.isInvalid }

    // MARK: What goes

    /// Begins a list to send.
    public mutating func beginFields() { unsafe memory.pointee.outgoing.removeAll() }

    /// True when all fields added found room.
    public var isWhole: Bool { unsafe !memory.pointee.outgoing.isOversized }

    /// Adds a field; its name is sent in lower case.
    public mutating func add(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        unsafe name.withUnsafeBufferPointer { name in
            unsafe value.withUnsafeBufferPointer { value in
                unsafe memory.pointee.outgoing.append(
                    name.baseAddress,
                    name.count,
                    value.baseAddress,
                    value.count
                )
            }
        }
    }

    /// Adds a field with a name of ours.
    public mutating func add(_ name: StaticString, _ value: Span<UInt8>) {
        unsafe value.withUnsafeBufferPointer { value in
            unsafe memory.pointee.outgoing.append(
                name.utf8Start,
                name.utf8CodeUnitCount,
                value.baseAddress,
                value.count
            )
        }
    }

    /// Adds a field of ours.
    public mutating func add(_ name: StaticString, _ value: StaticString) {
        unsafe memory.pointee.outgoing.append(
            name.utf8Start,
            name.utf8CodeUnitCount,
            value.utf8Start,
            value.utf8CodeUnitCount
        )
    }

    /// Adds a field with a number.
    public mutating func add(_ name: StaticString, decimal: UInt64) {
        var digits = InlineArray<20, UInt8>(repeating: 0x30)
        var index = 20
        var rest = decimal
        repeat {
            index &-= 1
            digits[index] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0 && index > 0
        add(name, digits.span.extracting(index..<20))
    }
}

extension WorkspaceMemory {
    /// The outgoing list in the library's form; valid until the list changes.
    func nameValues() -> (UnsafeMutablePointer<nghttp2_nv>, Int) {
        let list = outgoing
        for index in 0..<list.fieldCount {
            let field = unsafe list.fields[index]
            unsafe (names + index).initialize(
                to: nghttp2_nv(
                    name: list.text + Int(field.name.start),
                    value: list.text + Int(field.value.start),
                    namelen: Int(field.name.count),
                    valuelen: Int(field.value.count),
                    flags: 0
                )
            )
        }
        return unsafe (names, list.fieldCount)
    }
}
