// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Steering

/// Who may come in.
extension HTTPDoor {
    /// The longest that a request waits for its password to be compared.
    static let passwordPatience = Interval.seconds(5)

    /// True when the request may come in; else it has been answered, or waits for a verdict.
    mutating func isAdmitted(
        _ c: Int,
        _ record: RouteRecord,
        _ loop: inout EventLoop
    ) -> Bool {
        guard record.access >= 0 else { return true }
        let rule = actions.access[Int(record.access)]
        guard rule.isUsable else {
            refuse(c, .fault(.authUnavailable), &loop)
            return false
        }
        latestTokenFault = nil
        let range = Credentials.find(rule.kind, in: fields, requestBytes(c))
        guard !range.isEmpty else {
            refuse(c, .fault(.unauthorized), &loop)
            return false
        }
        let digest = SipHash.digest(
            requestBytes(c).slice(range),
            after: rule.identity,
            key: verifiedKey
        )
        // Compared a moment ago, and perhaps not to be kept in mind.
        if digest == latestVerified { return true }
        if verified.holds(digest, now: now) {
            count(.accessKnown)
            return true
        }
        count(.accessVerified)
        if rule.kind == .token { return judgeToken(c, rule, range, digest, &loop) }
        askForPassword(c, rule, range, digest, &loop)
        return false
    }

    // MARK: Tokens

    /// Verifies a token here and now: that takes less than a TLS handshake.
    private mutating func judgeToken(
        _ c: Int,
        _ rule: AccessRule,
        _ range: ByteRange,
        _ digest: Digest128,
        _ loop: inout EventLoop
    ) -> Bool {
        let route = Int(clients[c].exchange.route)
        guard case .token(let plan)? = snapshot.plan.routes[route].access, let keys = plan.keys
        else {
            refuse(c, .fault(.authUnavailable), &loop)
            return false
        }
        let second = dates.second
        let machine = TokenMachine(plan: plan, keys: keys)
        switch machine.judge(requestBytes(c).slice(range), now: second) {
        case .valid(let until):
            // Never beyond its own end.
            let left = until.map { Interval.seconds(max($0 &- second, 0)) } ?? rule.cache
            verified.insert(digest, until: now + min(rule.cache, left), now: now)
            return true
        case .invalid(let fault):
            latestTokenFault = fault
            refuse(c, .fault(.unauthorized), &loop)
        case .lacking: refuse(c, .fault(.insufficientScope), &loop)
        }
        return false
    }

    /// Puts the claims of the request's verified token into the scratch, when endpoints are told
    /// some of them; the head that goes to the endpoint is written there only later.
    mutating func readClaims(_ c: Int, _ record: RouteRecord) -> Bool {
        guard record.access >= 0, !actions.access[Int(record.access)].claims.isEmpty else {
            return false
        }
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        let token = bytes.slice(Credentials.find(.token, in: fields, bytes))
        guard let parts = TokenParts(token) else { return false }
        var isWhole = false
        scratch.write { isWhole = Base64.decode(token.slice(parts.claims), .url, into: &$0) }
        return isWhole
    }

    // MARK: Passwords

    /// Has the password compared; until then the exchange waits.
    private mutating func askForPassword(
        _ c: Int,
        _ rule: AccessRule,
        _ range: ByteRange,
        _ digest: Digest128,
        _ loop: inout EventLoop
    ) {
        let attemptKey = rule.attemptKey(client(of: c))
        let decision = rates.attempts.peek(attemptKey, rule.attempts, now: now)
        guard decision.isAllowed else {
            latestLimit = decision
            return refuse(c, .fault(.authLimited), &loop)
        }
        let route = Int(clients[c].exchange.route)
        guard case .password(let plan)? = snapshot.plan.routes[route].access,
            let users = plan.users
        else { return refuse(c, .fault(.authUnavailable), &loop) }
        guard let pair = Base64.bytes(requestBytes(c).slice(range), .standard),
            let colon = pair.firstIndex(of: UInt8(ascii: ":"))
        else { return refuse(c, .fault(.unauthorized), &loop) }
        let known = users.hash(of: pair[..<colon])
        questionCount &+= 1
        let question = CredentialDesk.Question(
            worker: worker,
            client: clients.handle(at: c),
            number: questionCount,
            password: Array(pair[(colon + 1)...]),
            hash: known.hash,
            isKnown: known.isKnown,
            digest: digest,
            cache: rule.cache,
            attemptKey: attemptKey,
            attempts: rule.attempts,
            asked: now,
            deadline: now + HTTPDoor.passwordPatience
        )
        if !hearsVerdicts {
            hearsVerdicts = true
            let token = EventToken(kind: EventKind.password, index: 0)
            let mailbox = credentials.verdicts[worker]
            loop.add(mailbox.descriptor, token: token.raw, interest: .read)
        }
        guard credentials.ask(question) else { return refuse(c, .fault(.authBusy), &loop) }
        clients[c].phase = .authenticating
        // Until the route is carried out this tells which question the exchange waits for.
        clients[c].exchange.key = questionCount
        register(c, &loop)
        arm(c, HTTPDoor.passwordPatience)
    }

    /// Carries out what has been found out about passwords.
    mutating func takeVerdicts(_ loop: inout EventLoop) {
        for verdict in credentials.verdicts[worker].drain() {
            if verdict.outcome == .right {
                verified.insert(verdict.digest, until: now + verdict.cache, now: now)
            }
            let c = Int(verdict.client.index)
            guard clients.contains(verdict.client), clients[c].phase == .authenticating,
                clients[c].exchange.key == verdict.number
            else { continue }
            clients[c].exchange.key = 0
            guard verdict.outcome == .right else {
                let isLimited = verdict.outcome == .limited
                if isLimited {
                    latestLimit = rates.attempts.peek(
                        verdict.attemptKey,
                        verdict.attempts,
                        now: now
                    )
                }
                refuse(c, .fault(isLimited ? .authLimited : .unauthorized), &loop)
                continue
            }
            latestVerified = verdict.digest
            admit(c, &loop)
            latestVerified = nil
        }
    }

    /// Goes on with a request whose password was right, by the route as it is now.
    private mutating func admit(_ c: Int, _ loop: inout EventLoop) {
        guard recallHead(c) else { return refuse(c, .fault(.internalError), &loop) }
        let route = Int(clients[c].exchange.route)
        guard routeRecords.indices.contains(route) else {
            return refuse(c, .fault(.noRoute), &loop)
        }
        // Asked again: a reload may have changed who may come in.
        guard isAdmitted(c, routeRecords[route], &loop) else { return }
        carryOut(c, routeRecords[route], &loop)
    }
}
