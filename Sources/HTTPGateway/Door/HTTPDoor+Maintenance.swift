// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Routes that are being worked on.
extension HTTPDoor {
    /// True when the route serves this client; else it has been answered.
    mutating func isServed(_ c: Int, _ record: RouteRecord, _ loop: inout EventLoop) -> Bool {
        guard record.maintenance >= 0 else { return true }
        let rule = actions.maintenances[Int(record.maintenance)]
        guard !actions.holds(client(of: c), rule.allowed) else { return true }
        // Only a request without a body leaves the connection at a known place.
        if !clients[c].exchange.head.framing.isEmpty { clients[c].exchange.keepsClient = false }
        if !record.changesResponse { tail.write { _ in } }
        var text = renderResponse(c)
        text.target = .empty
        tail.append { output in
            let start = text.fields.isEmpty ? output.count : Int(text.fields.start)
            text.isWhole = rule.write(into: &output) && text.isWhole
            text.fields = ByteRange(from: start, to: output.count)
        }
        guard text.isWhole else {
            refuse(c, .fault(.internalError), &loop)
            return false
        }
        beginOwn(c, rule.status, .route(.maintenance))
        let isWhole = ResponseHeadWriter.writeOwn(
            into: &scratch,
            record: rule.page(of: record),
            actions: actions,
            changes: RouteChanges(text, tail.bytes),
            style: ownStyle(c)
        )
        if !isWhole { writeFault(c, .fault(.internalError)) }
        sendOwn(c, &loop)
        return false
    }
}
