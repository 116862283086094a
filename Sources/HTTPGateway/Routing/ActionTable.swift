// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// What routes do beside naming a pool, compiled to flat lists: reading them touches no reference
/// count.
struct ActionTable: Sendable {
    struct Part: Sendable, BitwiseCopyable {
        enum Kind: UInt8, Sendable, BitwiseCopyable {
            case text, parameter
            case scheme, host, authority, path, query, uri, rest, method, client, requestID, traceID
        }
        var kind: Kind
        var text = ByteRange.empty
    }
    struct Edit: Sendable, BitwiseCopyable {
        var kind: FieldEdit.Kind
        var name: ByteRange
        var value: Int32
        var isSecureOnly: Bool

        /// Whether it takes fields of the name out.
        var hides: Bool { kind == .set || kind == .remove }
    }
    struct ClaimField: Sendable, BitwiseCopyable {
        var claim: ByteRange
        var field: ByteRange
    }
    struct MediaType: Sendable, BitwiseCopyable {
        var text: ByteRange
        /// Everything that begins so.
        var isKind: Bool
    }
    struct Share: Sendable, BitwiseCopyable {
        var pool: Int32
        /// Draws below this, and not below that of the share before, are its.
        var end: UInt64
    }

    private(set) var text: [UInt8] = []
    private(set) var templates: [ByteRange] = []
    private(set) var parts: [Part] = []
    private(set) var edits: [Edit] = []
    private var shares: [Share] = []
    private(set) var splitKeys: [KeySource] = []
    private(set) var limits: [RateRule] = []
    private(set) var access: [AccessRule] = []
    private(set) var maintenances: [MaintenanceRule] = []
    private(set) var compressions: [CompressRule] = []
    private(set) var mediaTypes: [MediaType] = []
    private(set) var claims: [ClaimField] = []
    private(set) var mirrors: [MirrorRule] = []
    private var networks: [Prefix] = []

    /// The pool whose share a draw falls into; -1 when there is no share.
    func pool(_ range: ByteRange, draw: UInt64) -> Int32 {
        guard range.end > Int(range.start), shares[range.end - 1].end > 0 else { return -1 }
        let place = draw % shares[range.end - 1].end
        var index = Int(range.start)
        while index < range.end {
            if place < shares[index].end { return shares[index].pool }
            index &+= 1
        }
        return -1
    }

    /// True when a route serves clients of this address.
    func admits(_ client: IPAddress, _ record: RouteRecord) -> Bool {
        for place in Int(record.denied.start)..<record.denied.end
        where networks[place].contains(client) { return false }
        return record.allowed.isEmpty || holds(client, record.allowed)
    }

    /// True when one of these networks has the address.
    func holds(_ client: IPAddress, _ range: ByteRange) -> Bool {
        for place in Int(range.start)..<range.end where networks[place].contains(client) {
            return true
        }
        return false
    }

    /// Takes the fields out that edits replace or remove.
    func hide(
        _ range: ByteRange,
        in fields: inout FieldTable,
        of bytes: Span<UInt8>,
        isTLS: Bool
    ) {
        for place in Int(range.start)..<range.end where edits[place].hides {
            if edits[place].isSecureOnly, !isTLS { continue }
            fields.hide(named: text.span.slice(edits[place].name), in: bytes)
        }
    }

    /// One bit for each of the first 64 edits that only supply what is missing: set when the field
    /// is there.
    func supplied(
        _ range: ByteRange,
        in fields: borrowing FieldTable,
        of bytes: Span<UInt8>
    ) -> UInt64 {
        var present: UInt64 = 0
        for place in Int(range.start)..<range.end where edits[place].kind == .supply {
            let name = text.span.slice(edits[place].name)
            guard fields.first(named: name, in: bytes) != nil else { continue }
            present |= 1 << UInt64(place &- Int(range.start))
        }
        return present
    }

    // MARK: Building, off the loops

    mutating func add(_ plan: MirrorPlan) -> Int32 {
        mirrors.append(MirrorRule(plan))
        return Int32(mirrors.count - 1)
    }

    mutating func keep(_ bytes: [UInt8]) -> ByteRange {
        let range = ByteRange(start: UInt32(text.count), count: UInt32(bytes.count))
        text += bytes
        return range
    }

    mutating func add(_ template: TextTemplate) -> Int32 {
        let start = parts.count
        for part in template.parts {
            switch part {
            case .text(let literal):
                let range = keep(Array(literal.utf8))
                parts.append(Part(kind: .text, text: range))
            case .parameter(let name):
                let range = keep(Array(name.utf8))
                parts.append(Part(kind: .parameter, text: range))
            case .variable(let variable): parts.append(Part(kind: variable.kind))
            }
        }
        templates.append(ByteRange(from: start, to: parts.count))
        return Int32(templates.count - 1)
    }

    mutating func add(edits list: [FieldEdit]) -> ByteRange {
        let start = edits.count
        for edit in list {
            let name = keep(Array(edit.name.utf8))
            let value = add(edit.value)
            edits.append(
                Edit(kind: edit.kind, name: name, value: value, isSecureOnly: edit.isSecureOnly)
            )
        }
        return ByteRange(from: start, to: edits.count)
    }

    mutating func add(shares list: [PoolShare]) -> ByteRange {
        let start = shares.count
        var end: UInt64 = 0
        for share in list {
            end += UInt64(share.part)
            shares.append(Share(pool: Int32(share.pool), end: end))
        }
        return ByteRange(from: start, to: shares.count)
    }

    mutating func add(_ limit: RateRule) -> Int32 {
        limits.append(limit)
        return Int32(limits.count - 1)
    }

    mutating func add(_ plan: AccessPlan, route: UInt64) -> Int32 {
        let rule = plan.rule(route: route, &self)
        access.append(rule)
        return Int32(access.count - 1)
    }

    mutating func add(claims list: [TokenPlan.Claim]) -> ByteRange {
        let start = claims.count
        for entry in list {
            let claim = keep(Array(entry.claim.utf8))
            claims.append(ClaimField(claim: claim, field: keep(Array(entry.value.utf8))))
        }
        return ByteRange(from: start, to: claims.count)
    }

    mutating func add(_ plan: CompressPlan) -> Int32 {
        let rule = CompressRule(plan, &self)
        compressions.append(rule)
        return Int32(compressions.count - 1)
    }

    mutating func add(mediaTypes list: [String]) -> ByteRange {
        let start = mediaTypes.count
        for type in list {
            let isKind = type.hasSuffix("/*")
            let text = keep(Array((isKind ? String(type.dropLast()) : type).utf8))
            mediaTypes.append(MediaType(text: text, isKind: isKind))
        }
        return ByteRange(from: start, to: mediaTypes.count)
    }

    mutating func add(_ plan: MaintenancePlan) -> Int32 {
        let rule = MaintenanceRule(plan, &self)
        maintenances.append(rule)
        return Int32(maintenances.count - 1)
    }

    mutating func add(splitKey key: SplitKey) -> Int32 {
        guard case .part(let plan) = key else { return -1 }
        splitKeys.append(KeySource(plan))
        return Int32(splitKeys.count - 1)
    }

    mutating func add(networks list: [Prefix]) -> ByteRange {
        let start = networks.count
        networks += list
        return ByteRange(from: start, to: networks.count)
    }
}

extension TemplateVariable {
    fileprivate var kind: ActionTable.Part.Kind {
        switch self {
        case .scheme: .scheme
        case .host: .host
        case .authority: .authority
        case .path: .path
        case .query: .query
        case .uri: .uri
        case .rest: .rest
        case .method: .method
        case .client: .client
        case .requestID: .requestID
        case .traceID: .traceID
        }
    }
}
