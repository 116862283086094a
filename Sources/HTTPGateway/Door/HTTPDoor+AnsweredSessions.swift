// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Sessions that the application begins itself: read out of its answers.
extension HTTPDoor {
    /// Follows what the endpoint's answer says of the application's own session.
    ///
    /// Marks its cookie for the client, behind what is `rendered` already, or learns where the
    /// session is.
    @inline(__always)
    mutating func followSession(_ c: Int, _ u: Int, after rendered: RouteText) -> RouteText {
        guard clients[c].exchange.turn != .none, clients[c].exchange.serving != 0 else {
            return rendered
        }
        let sticky = sticky(c)
        guard sticky.isOn, sticky.mode != .insert else {
            if givesSession(c) { hideTargeted(u, sticky) }
            return rendered
        }
        guard sticky.mode != .learn else {
            learnSession(c, u, sticky)
            return rendered
        }
        return markSession(c, u, sticky, after: rendered)
    }

    /// Writes the endpoint's name into the cookie that the application gives.
    @inline(never)
    private mutating func markSession(
        _ c: Int,
        _ u: Int,
        _ sticky: StickyRecord,
        after rendered: RouteText
    ) -> RouteText {
        guard rendered.isWhole, hasCookie(u, sticky) else { return rendered }
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        let session = clients[c].exchange.serving
        var text = rendered
        // What was rendered lies at the front of the tail; when there was nothing, nobody cleared it.
        if text.fields.isEmpty, text.target.isEmpty { tail.write { _ in } }
        tail.append { output in
            let start = text.fields.isEmpty ? output.count : Int(text.fields.start)
            for index in 0..<responseFields.count {
                guard text.isWhole, !responseFields[index].isForbidden else { continue }
                let line = bytes.slice(responseFields[index].value)
                let cookie = sticky.cookie(responseFields[index], line, actions)
                guard !cookie.isEmpty else { continue }
                text.isWhole = sticky.writeMarked(line, cookie, session, actions, into: &output)
            }
            text.isWhole = text.isWhole && StickyRecord.writePrivate(into: &output)
            text.fields = ByteRange(from: start, to: output.count)
        }
        hideTargeted(u, sticky)
        for index in 0..<responseFields.count {
            let line = bytes.slice(responseFields[index].value)
            guard !sticky.cookie(responseFields[index], line, actions).isEmpty else { continue }
            responseFields.hide(at: index)
        }
        return text
    }

    private mutating func hideTargeted(_ u: Int, _ sticky: StickyRecord) {
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        sticky.hideTargeted(in: &responseFields, bytes, actions)
    }

    private func hasCookie(_ u: Int, _ sticky: StickyRecord) -> Bool {
        guard responseFields.first(.setCookie) != nil else { return false }
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        for index in 0..<responseFields.count where !responseFields[index].isForbidden {
            let line = bytes.slice(responseFields[index].value)
            if !sticky.cookie(responseFields[index], line, actions).isEmpty { return true }
        }
        return false
    }

    /// Keeps in mind that the endpoint which answers has the session that its answer names.
    @inline(never)
    private mutating func learnSession(_ c: Int, _ u: Int, _ sticky: StickyRecord) {
        let pending = upstreams[u].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        let pool = Int(clients[c].exchange.poolSlot)
        for index in 0..<responseFields.count {
            let name = sticky.answeredName(responseFields[index], bytes, actions)
            guard !name.isEmpty else { continue }
            let key = sessionNames.key(name, pool: pool)
            switch sessionNames.learn(key, clients[c].exchange.serving, now: now) {
            case .known: break
            case .entered: count(.sessionsLearned)
            case .displaced:
                count(.sessionsLearned)
                count(.sessionsDisplaced)
            case .lost: count(.sessionsDisplaced)
            }
        }
    }
}
