// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
public import Essentials
public import Runtime

/// Where workers hand in dynamic updates: who decides them sits elsewhere, and answers later.
public final class UpdateDesk: Sendable {
    /// Updates that may wait for their answers; what comes beyond is answered SERVFAIL.
    public static let queueLimit = 1000

    /// A message that is to be decided.
    public struct Request: Sendable {
        /// The message as it came.
        public var message: [UInt8]
        /// Who sent it.
        public var client: IPAddress
        /// The worker that has the way back.
        public var worker: Int
        /// The way back.
        public var way: Way
        /// True when the answer stands in the account of the client's network already.
        public var isCharged = false
    }

    /// How an answer gets to its asker.
    public enum Way: Sendable {
        /// By the socket of a listener.
        case datagram(listener: Int, DatagramReturn)
        /// By a connection, while that is open.
        case stream(Handle)
    }

    /// An answer.
    public struct Reply: Sendable {
        /// The way that the request came.
        public var way: Way
        /// The message.
        public var bytes: [UInt8]
        /// Who is refused by it, if that is not in an account yet.
        public var refused: IPAddress?

        /// The answer to a request, with the code that it has.
        public init(_ request: Request, _ code: ResponseCode, bytes: [UInt8]) {
            way = request.way
            self.bytes = bytes
            let isRefusal = [.refused, .notAuthorized, .formatError, .badVersion].contains(code)
            refused = isRefusal && !request.isCharged ? request.client : nil
        }
    }

    /// What becomes of answers to datagrams that are too many for a network.
    public enum Limited: Int, Sendable, CaseIterable {
        /// Nothing is done, and nothing sent.
        case dropped
        /// REFUSED is sent, and nothing done.
        case putOff
        /// Handled all the same, since nothing is withheld yet.
        case exceeded

        /// The word in metrics.
        public var word: String {
            switch self {
            case .dropped: "dropped"
            case .putOff: "put-off"
            case .exceeded: "log-only"
            }
        }
    }
    private let limited = SharedWords(count: Limited.allCases.count)

    func note(_ limited: Limited) { self.limited.add(limited.rawValue, 1) }
    /// How often answers were too many.
    public func count(_ limited: Limited) -> UInt64 { self.limited.load(limited.rawValue) }

    /// What has been handed in.
    public let requests: Mailbox<Request>
    private let waiting = SharedWords(count: 1)

    /// An empty desk.
    public init() throws(SystemError) { requests = try Mailbox() }

    /// Hands in a request; false when too many wait.
    ///
    /// Half of the places are for those that have a good signature: whoever can send, but has no
    /// key, must not keep them out.
    func take(_ request: Request, isSigned: Bool) -> Bool {
        let limit = isSigned ? UpdateDesk.queueLimit : UpdateDesk.queueLimit / 2
        guard waiting.add(0, 1) <= UInt64(limit) else {
            waiting.add(0, ~0)
            return false
        }
        requests.post(request)
        return true
    }

    /// The codes that answers have.
    public static let codes: [ResponseCode] = [
        .noError, .formatError, .serverFailure, .nameError, .refused, .nameExists, .setExists,
        .setMissing, .notAuthorized, .notZone,
    ]
    private let answered = SharedWords(count: 16)
    private let forwarded = SharedWords(count: 2)

    /// Requests have been answered with these codes.
    public func noteAnswered(_ codes: [ResponseCode]) {
        waiting.add(0, 0 &- UInt64(codes.count))
        // Those that need an OPT to be told have no place of their own.
        for code in codes where code.rawValue < 16 { answered.add(Int(code.rawValue), 1) }
    }

    /// A request has been answered with what a primary has said, or with SERVFAIL where none has.
    public func noteForwarded(_ code: ResponseCode) {
        noteAnswered([code])
        forwarded.add(code == .serverFailure ? 1 : 0, 1)
    }

    /// How many requests primaries have answered, or none has.
    public func forwardedCount(isLost: Bool) -> UInt64 { forwarded.load(isLost ? 1 : 0) }

    /// How many requests were answered with a code.
    public func count(_ code: ResponseCode) -> UInt64 { answered.load(Int(code.rawValue & 15)) }
    /// Requests that wait.
    public var waitingCount: UInt64 { waiting.load(0) }
}
