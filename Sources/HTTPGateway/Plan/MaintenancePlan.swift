// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol

/// The answer of a route that is being worked on.
public struct MaintenancePlan: Sendable, Equatable {
    /// Its status.
    public var status: UInt16 = 503
    /// Its media type.
    public var contentType = "text/html; charset=utf-8"
    /// Its text; empty for none.
    public var body: [UInt8] = []
    /// When clients may come again; nil when that is not known.
    public var retryAfter: Interval?
    /// Networks whose clients are served all the same.
    public var allowed: [Prefix] = []

    /// 503 without a text.
    public init() {}
}

/// What the loops need of it.
struct MaintenanceRule: Sendable, BitwiseCopyable {
    var status: UInt16
    var contentType: ByteRange
    var body: ByteRange
    /// Whole seconds; -1 when that is not known.
    var retryAfter: Int64
    var allowed: ByteRange

    init(_ plan: MaintenancePlan, _ actions: inout ActionTable) {
        status = plan.status
        contentType = plan.body.isEmpty ? .empty : actions.keep(Array(plan.contentType.utf8))
        body = actions.keep(plan.body)
        retryAfter = plan.retryAfter.map { Int64($0.seconds) } ?? -1
        allowed = actions.add(networks: plan.allowed)
    }

    /// The route's record as if it answered with this.
    func page(of record: RouteRecord) -> RouteRecord {
        var page = record
        page.status = status
        page.contentType = contentType
        page.body = body
        return page
    }

    /// Field lines beside those of the route; false without room.
    func write(into output: inout OutputSpan<UInt8>) -> Bool {
        // A page for an hour must not be kept for a day.
        guard output.write("Cache-Control: no-store\r\n") else { return false }
        guard retryAfter >= 0 else { return true }
        return output.write("Retry-After: ") && output.write(decimal: UInt64(clamping: retryAfter))
            && output.writeLineEnd()
    }
}
