// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol
public import Runtime

/// Why a question to a service got no answer.
public enum ServiceClientError: Error, Equatable, Sendable {
    /// The text names no address.
    case address(String)
    /// No connection came about.
    case connect(SocketAddress, SystemError)
    /// The connection broke, or took too long.
    case exchange(SocketAddress, SystemError)
    /// What came is not HTTP.
    case response(SocketAddress)
}

extension ServiceClientError: CustomStringConvertible {
    /// One sentence, with what to do about it.
    public var description: String {
        switch self {
        case .address(let text):
            return "'\(text)' is no admin address; write an IP address and a port, "
                + "such as http://127.0.0.1:9180"
        case .connect(let address, let error) where error == .connectionRefused:
            return "nothing listens at \(address). Is Martlet running? `martlet run --config FILE` "
                + "starts it; --admin URL asks at another address"
        case .connect(let address, let error):
            return "\(address) cannot be reached: \(error)"
        case .exchange(let address, let error):
            return "\(address) did not answer: \(error)"
        case .response(let address):
            return "what answers at \(address) is not Martlet's admin service"
        }
    }
}

/// Asks a service one question and waits for the answer: for commands, never for workers.
public struct ServiceClient: Sendable {
    /// Where the service listens.
    public let address: SocketAddress
    /// How long the whole exchange may take.
    public var timeout = Interval.seconds(30)
    /// More than any answer of the API is long.
    private static let limit = 256 << 20

    /// A client for an address.
    public init(_ address: SocketAddress) { self.address = address }

    /// A client for a text: `http://127.0.0.1:9180`, `127.0.0.1:9180`, `localhost:9180`, `9180`.
    public init(_ text: String) throws(ServiceClientError) {
        var rest = Substring(text)
        if rest.lowercased().hasPrefix("http://") { rest = rest.dropFirst(7) }
        while rest.hasSuffix("/") { rest = rest.dropLast() }
        var place = String(rest)
        if let port = UInt16(place) { place = "127.0.0.1:\(port)" }
        if place.hasPrefix(":") { place = "127.0.0.1\(place)" }
        if place.hasPrefix("localhost:") { place = "127.0.0.1\(place.dropFirst(9))" }
        guard let address = SocketAddress(place) else { throw .address(text) }
        self.init(address)
    }

    /// Waits longer for an exchange with so many bytes: a second for each mebibyte.
    public mutating func allowTime(for bytes: Int) {
        timeout = timeout + .seconds(Int64(max(bytes, 0) >> 20))
    }

    /// The status, the media type and the body of the answer; what is sent is JSON, or `content` of a type.
    public func ask(
        _ method: String,
        _ target: String,
        json: JSONValue? = nil,
        content other: (type: String, bytes: [UInt8])? = nil
    ) throws(ServiceClientError) -> (status: UInt16, type: String, body: [UInt8]) {
        let content = json.map { Array($0.text().utf8) } ?? other?.bytes ?? []
        var head = "\(method) \(target) HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n"
        head += "User-Agent: martlet\r\nAccept: application/json, text/plain\r\n"
        if json != nil { head += "Content-Type: application/json\r\n" }
        if json == nil, let other { head += "Content-Type: \(other.type)\r\n" }
        if json != nil || method != "GET" { head += "Content-Length: \(content.count)\r\n" }
        let bytes = try exchange(Array((head + "\r\n").utf8) + content)
        return try read(bytes)
    }

    private func exchange(_ request: [UInt8]) throws(ServiceClientError) -> [UInt8] {
        let deadline = Clock.monotonic() + timeout
        let fd: FileDescriptor
        switch Socket.connect(to: address) {
        case .connected(let socket), .inProgress(let socket): fd = socket
        case .failed(let error): throw .connect(address, error)
        }
        defer { fd.close() }
        do throws(SystemError) {
            var loop = try EventLoop()
            loop.add(fd, token: 0, interest: .write)
            try wait(&loop, deadline)
            if let error = Socket.error(fd) { throw error }
            try send(request, to: fd, &loop, deadline)
            loop.modify(fd, token: 0, interest: .read)
            return try receive(from: fd, &loop, deadline)
        } catch {
            if error == .connectionRefused { throw .connect(address, error) }
            throw .exchange(address, error)
        }
    }

    private func wait(_ loop: inout EventLoop, _ deadline: Instant) throws(SystemError) {
        while true {
            let rest = (deadline - Clock.monotonic()).milliseconds
            guard rest > 0 else { throw .timedOut }
            if loop.wait(timeoutMilliseconds: Int(rest)) > 0 { return }
        }
    }

    private func send(
        _ request: [UInt8],
        to fd: FileDescriptor,
        _ loop: inout EventLoop,
        _ deadline: Instant
    ) throws(SystemError) {
        var sent = 0
        while sent < request.count {
            switch Socket.send(fd, request.span.extracting(sent..<request.count)) {
            case .count(let count): sent += count
            case .wouldBlock: try wait(&loop, deadline)
            // A refusal may be waiting behind the broken pipe: read it.
            case .endOfStream, .failed: return
            }
        }
    }

    private func receive(
        from fd: FileDescriptor,
        _ loop: inout EventLoop,
        _ deadline: Instant
    ) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < ServiceClient.limit {
            var result = IOResult.wouldBlock
            bytes += [UInt8](capacity: 65_536) { result = Socket.receive(fd, into: &$0) }
            switch result {
            case .count: continue
            case .endOfStream: return bytes
            case .wouldBlock: try wait(&loop, deadline)
            case .failed(let error): throw error
            }
        }
        throw .tooLarge
    }

    private func read(
        _ bytes: [UInt8]
    ) throws(ServiceClientError) -> (status: UInt16, type: String, body: [UInt8]) {
        var parser = ResponseParser(limits: HeadLimits())
        var fields = FieldTable(limit: 100)
        var head = ResponseHead()
        let result = parser.parse(bytes.span, requestMethod: .get, fields: &fields, head: &head)
        guard result == .complete else { throw .response(address) }
        var type = ""
        if let index = fields.first(.contentType) {
            let value = fields[index].value
            type = String(decoding: bytes[Int(value.start)..<value.end], as: UTF8.self)
        }
        var body = Array(bytes[min(head.length, bytes.count)...])
        if case .length(let length) = head.framing {
            // Less than announced means that the service died in the middle.
            guard body.count >= length else { throw .response(address) }
            body = Array(body.prefix(Int(length)))
        }
        return (head.status, type, body)
    }
}
