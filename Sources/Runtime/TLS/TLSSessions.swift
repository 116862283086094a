// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
public import Essentials
internal import Glibc

/// How far a handshake is.
public enum TLSProgress: Equatable, Sendable, BitwiseCopyable {
    /// Bytes can be read and written.
    case established
    /// The peer has to say something first.
    case wantsRead
    /// The socket takes no more at present.
    case wantsWrite
    /// It resumes nothing, so it costs a signature: go on by ``TLSSessions/allowSignature(_:)``, and
    /// where that is slow by ``TLSSessions/lend(_:to:owner:worker:)``.
    case wantsSignature(isSlow: Bool)
    /// It is over.
    case failed(TLSFailure)
}

/// What both sides agreed on.
public struct TLSFacts: Sendable, BitwiseCopyable {
    /// The version as on the wire: 0x0304 is TLS 1.3.
    public let version: UInt16
    /// The protocol chosen by ALPN.
    public let chosen: TLSProtocol
    /// True when a ticket spared the certificate.
    public let isResumed: Bool

    /// `TLSv1.3`.
    public var versionWord: StaticString {
        switch version {
        case 0x0304: "TLSv1.3"
        case 0x0303: "TLSv1.2"
        default: "TLS"
        }
    }
}

/// The TLS sessions of one thread, named by handles, each on a non-blocking socket of its owner.
///
/// Reading and writing look like those of a plain socket: a write that was accepted is accepted,
/// and what the socket did not take waits here (``hasBacklog(_:)``) for the next write or
/// ``flush(_:)``. A session never takes its socket with it: whoever opened it closes it.
@safe public struct TLSSessions: ~Copyable {
    @safe struct Session: BitwiseCopyable {
        let raw: UnsafeMutablePointer<mt_tls>
    }

    /// Most bytes of one record (RFC 8446 §5.1).
    static let recordSize = 16_384

    var slab: Slab<Session>
    // A head and the beginning of its body leave in one record, put together here.
    let record: UnsafeMutablePointer<UInt8>

    /// No sessions; at most `limit` at a time.
    public init(limit: Int) {
        slab = Slab(limit: limit)
        unsafe record = .allocate(capacity: TLSSessions.recordSize)
    }

    deinit {
        for index in 0..<slab.highWater where !slab.handle(at: index).isNone {
            // Another thread may be at work on it: it ends with the process.
            guard unsafe slab[index].raw.pointee.is_away == 0 else { continue }
            unsafe mt_tls_free(slab[index].raw)
        }
        unsafe record.deallocate()
    }

    /// Sessions that are open.
    public var count: Int { slab.count }

    /// Begins a session as the server; nil without memory.
    public mutating func accept(_ fd: FileDescriptor, _ context: TLSServerContext) -> Handle? {
        guard let raw = unsafe mt_tls_new(context.raw, OpenSSL.method, fd.raw, 1) else {
            ERR_clear_error()
            return nil
        }
        return unsafe insert(raw)
    }

    /// Begins a session as a client of a server that must have this name or address.
    ///
    /// With `resuming` it spares what an earlier one has done, if the server still agrees.
    public mutating func connect(
        _ fd: FileDescriptor,
        _ context: TLSClientContext,
        name: String,
        resuming resumption: TLSResumption? = nil
    ) -> Handle? {
        guard let raw = unsafe mt_tls_new(context.raw, OpenSSL.method, fd.raw, 0) else {
            ERR_clear_error()
            return nil
        }
        let isAddress: Int32 = IPAddress(name) == nil ? 0 : 1
        let isVerified: Int32 = context.settings.isVerified ? 1 : 0
        guard unsafe mt_tls_expect(raw, name, isAddress, isVerified) == 1 else {
            unsafe mt_tls_free(raw)
            ERR_clear_error()
            return nil
        }
        if let resumption { unsafe mt_tls_resume(raw, resumption.raw) }
        return unsafe insert(raw)
    }

    private mutating func insert(_ raw: UnsafeMutablePointer<mt_tls>) -> Handle? {
        if let handle = unsafe slab.insert(Session(raw: raw)) { return handle }
        unsafe mt_tls_free(raw)
        return nil
    }

    func session(_ handle: Handle) -> UnsafeMutablePointer<mt_tls>? {
        guard slab.contains(handle) else { return nil }
        let raw = unsafe slab[Int(handle.index)].raw
        return unsafe raw.pointee.is_away == 0 ? raw : nil
    }

    /// Frees a session; `saying` tells the peer that nothing is missing, if it still can be told.
    ///
    /// What waits and cannot be sent at once is lost: flush first.
    public mutating func close(_ handle: Handle, saying: Bool) {
        guard let raw = unsafe session(handle) else { return }
        if saying { unsafe _ = mt_tls_finish(raw) }
        unsafe mt_tls_free(raw)
        ERR_clear_error()
        slab.remove(handle)
    }

    /// Says that nothing more will be sent; reading goes on.
    public func finishWriting(_ handle: Handle) {
        guard let raw = unsafe session(handle) else { return }
        unsafe _ = mt_tls_finish(raw)
    }

    // MARK: Handshake

    /// Carries the handshake on; call again after the event that it wants.
    ///
    /// The server's context chooses the certificate; a client passes nil. At the end of a TLS 1.3
    /// handshake the server's tickets wait, to leave together with the first response.
    public mutating func handshake(_ handle: Handle, _ context: TLSServerContext?) -> TLSProgress {
        guard let raw = unsafe session(handle) else { return .failed(.other) }
        if unsafe mt_tls_flush(raw) == 0 { return .wantsWrite }
        var status = unsafe mt_tls_handshake(raw)
        if status == SSL_ERROR_WANT_CLIENT_HELLO_CB, let context {
            guard unsafe choose(raw, context) else {
                unsafe _ = mt_tls_flush(raw)
                return .failed(.noCertificate)
            }
            status = unsafe mt_tls_handshake(raw)
        }
        return unsafe conclude(raw, status, Int32(truncatingIfNeeded: mt_error_reason()))
    }

    /// From what OpenSSL says of a step to what its owner has to do.
    private func conclude(
        _ raw: UnsafeMutablePointer<mt_tls>,
        _ status: Int32,
        _ reason: Int32
    ) -> TLSProgress {
        if status == SSL_ERROR_WANT_X509_LOOKUP {
            return unsafe .wantsSignature(isSlow: raw.pointee.is_slow == 1)
        }
        if status == SSL_ERROR_NONE {
            if unsafe raw.pointee.is_server == 1, unsafe mt_tls_is_stale(raw) == 1 {
                unsafe raw.pointee.is_broken = 1
                return .failed(.certificateExpired)
            }
            unsafe raw.pointee.is_established = 1
            // A client that has sent early data waits for our part of the handshake.
            let isDeferred =
                unsafe raw.pointee.is_server == 1 && raw.pointee.had_early == 0
                && SSL_version(raw.pointee.ssl) == TLS1_3_VERSION
            if isDeferred {
                unsafe raw.pointee.is_deferred = 1
            } else {
                unsafe _ = mt_tls_flush(raw)
            }
            return .established
        }
        let failure = unsafe TLSSessions.failure(raw, status, reason)
        let flushed = unsafe mt_tls_flush(raw)
        if let failure {
            unsafe raw.pointee.is_broken = 1
            ERR_clear_error()
            return .failed(failure)
        }
        return flushed == 0 ? .wantsWrite : .wantsRead
    }

    // MARK: Signatures

    /// Lets a handshake go on that ``TLSProgress/wantsSignature(isSlow:)``.
    public func allowSignature(_ handle: Handle) {
        guard let raw = unsafe session(handle) else { return }
        unsafe raw.pointee.may_sign = 1
    }

    /// True when ``allowSignature(_:)`` has been called.
    public func isSignatureAllowed(_ handle: Handle) -> Bool {
        guard let raw = unsafe session(handle) else { return false }
        return unsafe raw.pointee.may_sign == 1
    }

    /// Lends a session for its next step; false when too many wait.
    ///
    /// Until it comes back to ``takeBack(_:)`` it must not be closed, nor its socket.
    public func lend(
        _ handle: Handle,
        to signer: TLSSigner,
        owner: Handle,
        worker: Int
    ) -> Bool {
        guard let raw = unsafe session(handle) else { return false }
        unsafe raw.pointee.is_away = 1
        if unsafe signer.lend(raw, session: handle, owner: owner, worker: worker) { return true }
        unsafe raw.pointee.is_away = 0
        return false
    }

    /// True while a session is lent.
    public func isAway(_ handle: Handle) -> Bool {
        unsafe slab.contains(handle) && slab[Int(handle.index)].raw.pointee.is_away == 1
    }

    /// Has a session again, and says what came of its step.
    public func takeBack(_ lent: TLSSigner.Return) -> TLSProgress {
        guard isAway(lent.session) else { return .failed(.other) }
        unsafe lent.raw.pointee.is_away = 0
        return unsafe conclude(lent.raw, lent.status, lent.reason)
    }

    private func choose(
        _ raw: UnsafeMutablePointer<mt_tls>,
        _ context: TLSServerContext
    ) -> Bool {
        unsafe raw.pointee.is_chosen = 1
        switch unsafe context.choose(TLSSessions.name(raw)) {
        case .keep:
            unsafe prepareSignature(raw, context, context.table.defaultPlaces)
            return !context.table.certificates.isEmpty
        case .refuse:
            unsafe raw.pointee.is_refused = 1
            return true
        case .use(let places):
            unsafe prepareSignature(raw, context, places)
            unsafe SSL_certs_clear(raw.pointee.ssl)
            for place in places {
                let pair = context.table.certificates[place]
                let isUsed = unsafe mt_tls_use(raw, pair.leaf, pair.key, pair.chain)
                guard isUsed == 1 else { return false }
            }
            return true
        }
    }

    private func prepareSignature(
        _ raw: UnsafeMutablePointer<mt_tls>,
        _ context: TLSServerContext,
        _ places: [Int]
    ) {
        let isSlow = places.contains { context.table.certificates[$0].isSlow }
        unsafe raw.pointee.is_slow = isSlow ? 1 : 0
        unsafe raw.pointee.may_sign = 0
    }

    static func name(_ raw: UnsafeMutablePointer<mt_tls>) -> String {
        guard let start = unsafe raw.pointee.name else { return "" }
        let length = unsafe Int(raw.pointee.name_length)
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: length)
        return unsafe String(decoding: bytes, as: UTF8.self)
    }

    /// Nil when the handshake only waits.
    private static func failure(
        _ raw: UnsafeMutablePointer<mt_tls>,
        _ status: Int32,
        _ reason: Int32
    ) -> TLSFailure? {
        if status == SSL_ERROR_WANT_READ || status == SSL_ERROR_WANT_WRITE { return nil }
        if unsafe raw.pointee.is_refused == 1 { return .unknownName }
        if unsafe raw.pointee.is_full == 1 { return .backlog }
        if reason == SSL_R_CERTIFICATE_VERIFY_FAILED {
            return TLSFailure(verdict: unsafe SSL_get_verify_result(raw.pointee.ssl))
        }
        if reason != 0, reason != SSL_R_UNEXPECTED_EOF_WHILE_READING {
            return TLSFailure(reason: reason)
        }
        if unsafe raw.pointee.is_ended == 1 || status == SSL_ERROR_ZERO_RETURN {
            return .peerClosed
        }
        return unsafe raw.pointee.error != 0 ? .peerReset : .other
    }
}
