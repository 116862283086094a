// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// An answer of this process.
public struct ServiceResponse: Sendable {
    /// What follows the head.
    public enum Body: Sendable, Equatable {
        /// All of it.
        case bytes([UInt8])
        /// The connection stays open and receives what is published to a topic from now on.
        case stream(topic: Int, opening: [UInt8])
    }

    /// The status code.
    public var status: UInt16
    /// The field lines; length, date and connection are added by the service.
    public var fields: [(name: String, value: String)]
    /// What follows the head.
    public var body: Body

    /// An answer from its parts.
    public init(status: UInt16, fields: [(name: String, value: String)] = [], body: Body) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// An answer of one media type.
    public init(status: UInt16 = 200, type: String, bytes: [UInt8]) {
        self.init(status: status, fields: [("Content-Type", type)], body: .bytes(bytes))
    }

    /// An answer of plain text.
    public static func text(_ text: String, status: UInt16 = 200) -> ServiceResponse {
        ServiceResponse(status: status, type: "text/plain; charset=utf-8", bytes: Array(text.utf8))
    }

    /// An answer of JSON that a writer holds.
    public static func json(_ writer: JSONWriter, status: UInt16 = 200) -> ServiceResponse {
        ServiceResponse(status: status, type: "application/json", bytes: writer.bytes + [0x0a])
    }

    /// An answer without content.
    public static func empty(_ status: UInt16 = 204) -> ServiceResponse {
        ServiceResponse(status: status, body: .bytes([]))
    }
}

/// When the answer comes.
public enum ServiceAnswer: Sendable {
    /// At once.
    case now(ServiceResponse)
    /// By ``ServiceListener/complete(_:with:loop:at:handler:)`` with the request's ticket.
    case later
}
