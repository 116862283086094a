// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Rate limits of routes.
extension HTTPDoor {
    /// Takes a token for the request; false when there is none and the route wants one.
    mutating func passesLimit(_ c: Int, _ record: RouteRecord) -> Bool {
        guard record.limit >= 0 else { return true }
        let place = Int(record.limit)
        let rule = actions.limits[place]
        let key = rule.key(
            head: requestHead,
            fields: fields,
            bytes: requestBytes(c),
            client: client(of: c),
            seed: rates.keySeed
        )
        let decision = rates.take(key, rule.machine, now: now)
        let word = GatewayMetrics.rate(rateCounters[place]) + (decision.isAllowed ? 0 : 1)
        words.addOwned(word, 1)
        if decision.isEstimated { count(.rateEstimated) }
        if decision.hasDisplaced { count(.rateDisplaced) }
        latestLimit = decision
        return decision.isAllowed || rule.isDryRun
    }

    /// As ``renderResponse(_:)``, and what the client has to know of a refusal.
    mutating func renderRefusal(_ c: Int, _ reason: Reason) -> RouteText {
        let record = routeRecord(c)
        let fault: Fault
        switch reason {
        case .fault(.rateLimited) where record.limit >= 0: fault = .rateLimited
        case .fault(let access) where access.isOfAccess && record.access >= 0: fault = access
        default: return renderResponse(c)
        }
        // What the route writes lies at the front; its location is not for this answer.
        if !record.changesResponse { tail.write { _ in } }
        let rendered = renderResponse(c)
        let decision = latestLimit
        let token = latestTokenFault
        var text = RouteText()
        text.isWhole = rendered.isWhole
        tail.append { output in
            let start = rendered.fields.isEmpty ? output.count : Int(rendered.fields.start)
            let isWritten =
                fault == .rateLimited
                ? actions.limits[Int(record.limit)].write(decision, into: &output)
                : actions.writeChallenge(record, fault, decision, token, into: &output)
            text.isWhole = isWritten && text.isWhole
            text.fields = ByteRange(from: start, to: output.count)
        }
        return text
    }

    /// Finds the places of the limits' numbers; off the path of requests.
    static func rateCounters(_ actions: ActionTable, _ rates: RateTables) -> [Int] {
        actions.limits.map { rates.counter(of: $0.identity) }
    }
}
