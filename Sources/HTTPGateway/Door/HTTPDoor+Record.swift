// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Counting and logging an exchange when it is over.
extension HTTPDoor {
    /// Counts the exchange and writes its access log line; `slot` is the endpoint that answered.
    mutating func record(_ c: Int, slot: Int) {
        guard !clients[c].exchange.isRecorded else { return }
        clients[c].exchange.isRecorded = true
        let status = clients[c].exchange.status
        switch status / 100 {
        case 2: count(.status2xx)
        case 3: count(.status3xx)
        case 4: count(.status4xx)
        case 5: count(.status5xx)
        default: break
        }
        if case .fault(let fault) = clients[c].exchange.reason {
            words.addOwned(GatewayMetrics.fault(fault), 1)
        }
        if slot >= 0 {
            let place = GatewayMetrics.endpoint(slot)
            let family = Int(status / 100)
            if (1...5).contains(family) { words.addOwned(place + family - 1, 1) }
            words.addOwned(place + 6, clients[c].exchange.bytesIn)
            words.addOwned(place + 7, clients[c].exchange.bytesOut)
            countSession(c)
        }
        recordRoute(c, status)
        recordCache(c)
        let pool = Int(clients[c].exchange.poolSlot)
        let isRequest = clients[c].phase != .tunnel && clients[c].kind != .passage
        if pool >= 0, pool < GatewayMetrics.poolLimit, isRequest {
            let taken = (now - clients[c].exchange.began).microseconds
            let place = GatewayMetrics.pool(pool)
            words.addOwned(place + GatewayMetrics.bucket(microseconds: taken), 1)
            words.addOwned(place + GatewayMetrics.durationSum, UInt64(clamping: taken))
        }
        keepRecord(c, hasEndpoint: slot >= 0 && clients[c].exchange.firstByte != .start)
        if logFormat != .off { writeAccessLine(c) }
    }

    @inline(__always)
    private mutating func recordRoute(_ c: Int, _ status: UInt16) {
        let route = Int(clients[c].exchange.route)
        guard routePlaces.indices.contains(route) else { return }
        let start = GatewayMetrics.route(Int(routePlaces[route]))
        let family = Int(status / 100)
        if (1...5).contains(family) { words.addOwned(start + family - 1, 1) }
        // How long a tunnel lives says nothing about how long requests take.
        guard clients[c].phase != .tunnel else { return }
        let taken = (now - clients[c].exchange.began).microseconds
        let bucket = GatewayMetrics.routeBuckets + GatewayMetrics.bucket(microseconds: taken)
        words.addOwned(start + bucket, 1)
        words.addOwned(start + GatewayMetrics.routeSum, UInt64(clamping: taken))
    }

    private mutating func writeAccessLine(_ c: Int) {
        let realtime = Clock.realtime()
        if realtime / 1_000_000_000 != dates.second { dates = DateText(realtime: realtime) }
        var isParsed = true
        if case .refused = clients[c].exchange.reason { isParsed = false }
        if clients[c].phase == .tunnel || clients[c].exchange.head.length == 0 { isParsed = false }
        // The head of a tunnel is gone: what is in the input now are bytes of the other protocol.
        if isParsed { isParsed = recallHead(c) }
        if !isParsed {
            fields.removeAll()
            fieldsOwner = .none
        }
        let isPassage = clients[c].kind == .passage
        let passed = isPassage ? passageName(c) : plainPath.bytes.extracting(0..<0)
        let pending = isParsed ? clients[c].input : Pending()
        let exchange = clients[c].exchange
        // What was fetched for it names who has answered that.
        let pool = exchange.pool < 0 ? Int(exchange.fetchPool) : Int(exchange.pool)
        let names = AccessNames(
            route: Int(exchange.route),
            pool: pool,
            endpoint: Int(exchange.endpoint)
        )
        AccessLine.write(
            into: &tail,  // the scratch may hold bytes on their way to the client
            facts: AccessFacts(
                format: logFormat,
                exchange: exchange,
                session: clients[c].tls,
                isPassage: isPassage,
                client: client(of: c),
                traceID: trace(of: c)?.traceID ?? 0,
                names: names,
                date: dates,
                realtime: realtime,
                now: now
            ),
            fields: fields,
            bytes: isPassage
                ? passed
                : buffers.bytes(pending.block, from: Int(pending.start), count: pending.count),
            labels: labels,
            sessions: tls
        )
        if !log.write(tail.bytes) { count(.logDropped) }
    }
}
