// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
public import Essentials
internal import Synchronization

/// A thread that takes the steps of handshakes which would hold a loop up: those that sign with a
/// long RSA key take milliseconds, in which nobody else of the loop is served.
///
/// A session is lent for one step. Meanwhile its owner must neither touch nor close it; whoever
/// asks ``TLSSessions`` about it hears that there is nothing. The thread starts with the first loan.
@safe public final class TLSSigner: Sendable {
    /// A session that comes back.
    @safe public struct Return: Sendable {
        @safe nonisolated(unsafe) let raw: UnsafeMutablePointer<mt_tls>
        /// What its owner knows it by.
        public let owner: Handle
        let session: Handle
        let status: Int32
        let reason: Int32
    }

    @safe private struct Loan: Sendable {
        @safe nonisolated(unsafe) let raw: UnsafeMutablePointer<mt_tls>
        let owner: Handle
        let session: Handle
        let worker: Int
    }

    /// Sessions that wait for a signature at a time.
    ///
    /// At some milliseconds each, those behind would not be served within the time of a handshake.
    public static let limit = 1024

    private let loans: Mailbox<Loan>
    /// Where each worker finds what comes back.
    private let returns: [Mailbox<Return>]
    private let waiting = Atomic<Int>(0)
    private let isStarted = Atomic<Bool>(false)

    /// One for so many workers.
    public init(workers: Int) throws(SystemError) {
        loans = try Mailbox()
        var returns: [Mailbox<Return>] = []
        for _ in 0..<workers { returns.append(try Mailbox()) }
        self.returns = returns
    }

    /// Becomes readable when sessions of a worker come back.
    public func descriptor(worker: Int) -> FileDescriptor { returns[worker].descriptor }

    /// The sessions of a worker that have come back.
    public func takeReturns(worker: Int) -> [Return] { returns[worker].drain() }

    func lend(
        _ raw: UnsafeMutablePointer<mt_tls>,
        session: Handle,
        owner: Handle,
        worker: Int
    ) -> Bool {
        guard waiting.load(ordering: .relaxed) < TLSSigner.limit, start() else { return false }
        waiting.add(1, ordering: .relaxed)
        unsafe loans.post(Loan(raw: raw, owner: owner, session: session, worker: worker))
        return true
    }

    private func start() -> Bool {
        guard !isStarted.exchange(true, ordering: .relaxed) else { return true }
        do throws(SystemError) {
            try WorkerThread.start(name: "tls-signer") { [self] in run() }
            return true
        } catch {
            isStarted.store(false, ordering: .relaxed)
            return false
        }
    }

    private func run() {
        guard var loop = try? EventLoop() else {
            // Out of descriptors: what waits is done all the same, and the next loan tries again.
            isStarted.store(false, ordering: .relaxed)
            for loan in loans.drain() { carryOut(loan) }
            return
        }
        loop.add(loans.descriptor, token: 0, interest: .read)
        while true {
            _ = loop.wait(timeoutMilliseconds: -1)
            for loan in loans.drain() { carryOut(loan) }
        }
    }

    private func carryOut(_ loan: Loan) {
        let status = unsafe mt_tls_handshake(loan.raw)
        // OpenSSL keeps the reasons of failures by thread.
        let reason = Int32(truncatingIfNeeded: mt_error_reason())
        ERR_clear_error()
        waiting.subtract(1, ordering: .relaxed)
        unsafe returns[loan.worker].post(
            Return(
                raw: loan.raw,
                owner: loan.owner,
                session: loan.session,
                status: status,
                reason: reason
            )
        )
    }
}
