// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
public import Essentials
internal import Glibc

/// Bytes through a session, and what is known of it.
extension TLSSessions {
    /// Reads into the free part of `output`, as ``Socket/receive(_:into:)`` does.
    public func receive(_ handle: Handle, into output: inout OutputSpan<UInt8>) -> IOResult {
        unsafe output.withUnsafeMutableBufferPointer { buffer, initialized in
            guard let base = buffer.baseAddress, buffer.count > initialized else {
                return .count(0)
            }
            let result = unsafe read(handle, base + initialized, buffer.count - initialized)
            if case .count(let count) = result { initialized += count }
            return result
        }
    }

    /// False when a read would find nothing before the socket's next event.
    public func mayHaveMore(_ handle: Handle) -> Bool {
        guard let raw = unsafe session(handle) else { return false }
        return unsafe mt_tls_may_have_more(raw) != 0
    }

    func read(
        _ handle: Handle,
        _ bytes: UnsafeMutablePointer<UInt8>,
        _ room: Int
    ) -> IOResult {
        guard let raw = unsafe session(handle) else { return .failed(.brokenPipe) }
        var total = 0
        // Record by record, until the room is filled or the socket is empty.
        while total < room {
            var count = 0
            let status = unsafe mt_tls_read(raw, bytes + total, room - total, &count)
            guard status == SSL_ERROR_NONE else {
                if total > 0 { return .count(total) }
                return unsafe TLSSessions.result(raw, status)
            }
            total += count
            guard unsafe mt_tls_may_have_more(raw) != 0 else { break }
        }
        return .count(total)
    }

    private static func result(
        _ raw: UnsafeMutablePointer<mt_tls>,
        _ status: Int32
    ) -> IOResult {
        if status == SSL_ERROR_WANT_READ || status == SSL_ERROR_WANT_WRITE { return .wouldBlock }
        if status == SSL_ERROR_ZERO_RETURN { return .endOfStream }
        unsafe raw.pointee.is_broken = 1
        ERR_clear_error()
        if unsafe raw.pointee.error != 0 {
            return unsafe .failed(SystemError(code: raw.pointee.error))
        }
        // An end without close_notify. A client may leave like that; of a server's answer it could
        // be anybody who cut it (RFC 8446 §6.1).
        let isEnd = unsafe raw.pointee.is_ended == 1 && raw.pointee.is_server == 1
        return isEnd ? .endOfStream : .failed(SystemError(code: EPROTO))
    }

    /// Writes what can be taken, as ``Socket/send(_:_:)`` does.
    public func send(_ handle: Handle, _ bytes: Span<UInt8>) -> IOResult {
        guard let raw = unsafe session(handle) else { return .failed(.brokenPipe) }
        guard unsafe isFree(raw) else { return unsafe TLSSessions.blocked(raw) }
        // Several records leave in one call.
        unsafe raw.pointee.is_corked = bytes.count > TLSSessions.recordSize ? 1 : 0
        let result = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe write(raw, buffer.baseAddress, buffer.count)
        }
        return unsafe settle(raw, result)
    }

    /// Writes two pieces, the first of them and the beginning of the second in one record.
    public func send(_ handle: Handle, _ first: Span<UInt8>, _ second: Span<UInt8>) -> IOResult {
        guard let raw = unsafe session(handle) else { return .failed(.brokenPipe) }
        guard unsafe isFree(raw) else { return unsafe TLSSessions.blocked(raw) }
        let size = TLSSessions.recordSize
        guard first.count < size else { return send(handle, first) }
        let joined = min(second.count, size - first.count)
        unsafe raw.pointee.is_corked = first.count + second.count > size ? 1 : 0
        let result = unsafe first.withUnsafeBufferPointer { a in
            unsafe second.withUnsafeBufferPointer { b in
                if let start = a.baseAddress { unsafe memcpy(record, start, a.count) }
                if let start = b.baseAddress { unsafe memcpy(record + a.count, start, joined) }
                let head = unsafe write(raw, record, a.count + joined)
                guard case .count(a.count + joined) = head, joined < b.count else { return head }
                let rest = unsafe write(
                    raw,
                    b.baseAddress.map { unsafe $0 + joined },
                    b.count - joined
                )
                guard case .count(let more) = rest else { return rest }
                return .count(a.count + joined + more)
            }
        }
        return unsafe settle(raw, result)
    }

    /// True when nothing waits, but for tickets that are to leave with the coming bytes.
    private func isFree(_ raw: UnsafeMutablePointer<mt_tls>) -> Bool {
        guard unsafe mt_tls_backlog(raw) > 0 else { return true }
        if unsafe raw.pointee.is_deferred == 1 {
            unsafe raw.pointee.is_deferred = 0
            return true
        }
        return unsafe mt_tls_flush(raw) == 1
    }

    private static func blocked(_ raw: UnsafeMutablePointer<mt_tls>) -> IOResult {
        unsafe raw.pointee.is_broken == 1
            ? unsafe .failed(SystemError(code: raw.pointee.error)) : .wouldBlock
    }

    private func write(
        _ raw: UnsafeMutablePointer<mt_tls>,
        _ bytes: UnsafePointer<UInt8>?,
        _ count: Int
    ) -> IOResult {
        guard let bytes = unsafe bytes, count > 0 else { return .count(0) }
        var total = 0
        while total < count {
            var taken = 0
            let wish = min(count - total, TLSSessions.recordSize)
            let status = unsafe mt_tls_write(raw, bytes + total, wish, &taken)
            guard status == SSL_ERROR_NONE else {
                if status == SSL_ERROR_WANT_READ { return total > 0 ? .count(total) : .wouldBlock }
                unsafe raw.pointee.is_broken = 1
                ERR_clear_error()
                let code = unsafe raw.pointee.error
                return .failed(SystemError(code: code == 0 ? EPROTO : code))
            }
            total += taken
            // What is corked has not met the socket; else one record is enough to wait behind.
            if unsafe raw.pointee.is_corked == 0, unsafe mt_tls_backlog(raw) > 0 { break }
        }
        return .count(total)
    }

    private func settle(_ raw: UnsafeMutablePointer<mt_tls>, _ result: IOResult) -> IOResult {
        unsafe raw.pointee.is_corked = 0
        guard unsafe mt_tls_backlog(raw) > 0 else { return result }
        guard unsafe mt_tls_flush(raw) >= 0 else {
            return unsafe .failed(SystemError(code: raw.pointee.error))
        }
        return result
    }

    /// True when bytes that were accepted wait for the socket.
    public func hasBacklog(_ handle: Handle) -> Bool {
        guard let raw = unsafe session(handle) else { return false }
        return unsafe mt_tls_backlog(raw) > 0
    }

    /// The same, but for tickets that may wait for the first answer.
    public func isBlocked(_ handle: Handle) -> Bool {
        guard let raw = unsafe session(handle) else { return false }
        return unsafe mt_tls_backlog(raw) > 0 && raw.pointee.is_deferred == 0
    }

    /// Sends what waits: `.count(0)` when nothing is left.
    public func flush(_ handle: Handle) -> IOResult {
        guard let raw = unsafe session(handle) else { return .failed(.brokenPipe) }
        unsafe raw.pointee.is_deferred = 0
        switch unsafe mt_tls_flush(raw) {
        case 1: return .count(0)
        case 0: return .wouldBlock
        default: return unsafe .failed(SystemError(code: raw.pointee.error))
        }
    }

    // MARK: Facts

    /// What both sides agreed on; meaningful once the session is established.
    public func facts(_ handle: Handle) -> TLSFacts {
        guard let raw = unsafe session(handle), let ssl = unsafe raw.pointee.ssl else {
            return TLSFacts(version: 0, chosen: .http1, isResumed: false)
        }
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &length)
        // Two letters: `h2`; three: `dot`. No other name of such a length is ever offered.
        return TLSFacts(
            version: UInt16(truncatingIfNeeded: unsafe SSL_version(ssl)),
            chosen: length == 2 ? .http2 : length == 3 ? .dot : .http1,
            isResumed: unsafe SSL_session_reused(ssl) == 1
        )
    }

    /// When the certificate ends that the peer has shown, also one that was refused, in seconds since
    /// 1970; 0 without one.
    public func peerCertificateEnds(_ handle: Handle) -> Int64 {
        guard let raw = unsafe session(handle) else { return 0 }
        return unsafe mt_tls_peer_ends(raw)
    }

    /// True while the client's part of the handshake is still to come: what it has said until now may
    /// be somebody's copy of what it said before (RFC 8446 §8).
    public func isEarly(_ handle: Handle) -> Bool {
        guard let raw = unsafe session(handle) else { return false }
        return unsafe mt_tls_is_early(raw) != 0
    }

    /// Appends the cipher's name as IANA has it.
    @discardableResult
    public func writeCipher(_ handle: Handle, into output: inout OutputSpan<UInt8>) -> Bool {
        guard let raw = unsafe session(handle), let name = unsafe mt_tls_cipher(raw) else {
            return false
        }
        let bytes = unsafe UnsafeRawBufferPointer(start: name, count: strlen(name))
        return output.write(unsafe bytes.bindMemory(to: UInt8.self).span)
    }

    /// Appends the name that the client asked for, in lower case and without a trailing dot.
    @discardableResult
    public func writeName(_ handle: Handle, into output: inout OutputSpan<UInt8>) -> Bool {
        guard let raw = unsafe session(handle), let name = unsafe raw.pointee.name else {
            return false
        }
        let bytes = unsafe UnsafeRawBufferPointer(start: name, count: Int(raw.pointee.name_length))
        return output.write(unsafe bytes.bindMemory(to: UInt8.self).span)
    }

    /// Appends the field `Client-Cert` (RFC 9440) with the verified certificate of the client.
    ///
    /// False when there is no room; nothing is written for a client that showed none.
    public func writeIdentity(_ handle: Handle, into output: inout OutputSpan<UInt8>) -> Bool {
        var length = 0
        guard let raw = unsafe session(handle), let text = unsafe mt_tls_identity(raw, &length)
        else { return true }
        defer { unsafe free(text) }
        let bytes = unsafe UnsafeBufferPointer(start: text, count: length)
        // RFC 8941 §3.3.5: a byte sequence stands between colons.
        return output.write("Client-Cert: :") && output.write(unsafe bytes.span)
            && output.write(":\r\n")
    }

    /// True when requests for a host may come by this session: it asked for that name or for none,
    /// or the certificate that it was shown has the name (RFC 9110 §7.4).
    public func covers(_ handle: Handle, host: Span<UInt8>) -> Bool {
        guard let raw = unsafe session(handle) else { return false }
        guard let name = unsafe raw.pointee.name else { return true }
        let length = unsafe Int(raw.pointee.name_length)
        return unsafe host.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return true }
            if buffer.count == length {
                var index = 0
                while index < length,
                    unsafe ASCII.lowercased(buffer[index]) == UInt8(bitPattern: name[index])
                {
                    index += 1
                }
                if index == length { return true }
            }
            return unsafe start.withMemoryRebound(to: CChar.self, capacity: buffer.count) {
                unsafe mt_tls_covers(raw, $0, buffer.count) == 1
            }
        }
    }
}

extension BufferPool {
    /// Reads from a session into the block between `start` and `end`.
    public mutating func receive(
        _ sessions: borrowing TLSSessions,
        _ handle: Handle,
        into block: Block,
        at start: Int,
        upTo end: Int = BufferPool.blockSize
    ) -> IOResult {
        let from = min(max(start, 0), BufferPool.blockSize)
        let to = min(max(end, from), BufferPool.blockSize)
        guard !block.isNone, from < to else { return .count(0) }
        return unsafe sessions.read(handle, base(block) + from, to - from)
    }
}
