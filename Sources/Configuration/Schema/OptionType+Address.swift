// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension OptionType {
    /// `:8080`, `127.0.0.1:8080`, `[::1]:8080`.
    static func listenAddress(_ text: String) throws(ValueFault) -> ListenAddress {
        if text.hasPrefix(":"), let port = port(text.dropFirst()) {
            return ListenAddress(nil, port: port)
        }
        if let address = SocketAddress(text) {
            return ListenAddress(address.ip, port: address.port)
        }
        var suggestion = "such as `:8080`, `127.0.0.1:8080` or `[::1]:8080`"
        if let port = port(text[...]) { suggestion = "did you mean `:\(port)`?" }
        if text.hasPrefix("*:"), let port = port(text.dropFirst(2)) {
            suggestion = "did you mean `:\(port)`?"
        }
        if text.hasPrefix("localhost:"), let port = port(text.dropFirst(10)) {
            suggestion = "did you mean `127.0.0.1:\(port)`?"
        }
        if let ip = IPAddress(text) {
            suggestion = "add a port: `\(SocketAddress(ip, port: 8080))`"
        }
        throw ValueFault(.notAddress, "`\(text)` is no address to listen on", suggestion)
    }

    static func server(_ text: String, port: UInt16) throws(ValueFault) -> SocketAddress {
        if let address = SocketAddress(text), address.port != 0 { return address }
        if let ip = IPAddress(text) { return SocketAddress(ip, port: port) }
        throw ValueFault(
            .notAddress,
            "`\(text)` is no address of a server",
            "such as `192.0.2.53` or `192.0.2.53:\(port)`"
        )
    }

    static func endpointAddress(_ text: String) throws(ValueFault) -> EndpointAddress {
        if let address = SocketAddress(text) {
            guard address.port != 0 else {
                throw ValueFault(.notAddress, "port 0 cannot be connected to")
            }
            guard !isForNobody(address.ip) else {
                throw ValueFault(
                    .notAddress,
                    "`\(address.ip)` is the address of no single machine",
                    "name the endpoint's own address; this machine is 127.0.0.1 or [::1]"
                )
            }
            return .address(address)
        }
        if let ip = IPAddress(text) {
            throw ValueFault(
                .notAddress,
                "`\(text)` has no port",
                "did you mean `\(SocketAddress(ip, port: 80))`?"
            )
        }
        if text.hasPrefix("["), text.hasSuffix("]"), let ip = IPAddress(text.dropFirst().dropLast())
        {
            throw ValueFault(
                .notAddress,
                "`\(text)` has no port",
                "did you mean `\(SocketAddress(ip, port: 80))`?"
            )
        }
        if text.contains("://") {
            let host = text.split(separator: "/", omittingEmptySubsequences: true).dropFirst()
            throw ValueFault(
                .notAddress,
                "an endpoint is an address, not a URL",
                host.first.map { "did you mean `\($0)`?" }
            )
        }
        guard let colon = text.lastIndex(of: ":") else {
            let isName = (try? domainName(text)) != nil
            throw ValueFault(
                .notAddress,
                "`\(text)` has no port",
                isName ? "did you mean `\(text):80`?" : nil
            )
        }
        guard let port = port(text[text.index(after: colon)...]), port != 0 else {
            throw ValueFault(
                .notAddress,
                "`\(text[text.index(after: colon)...])` is no port",
                "ports are 1 to 65535"
            )
        }
        let host = String(text[..<colon])
        // All digits and dots but no address: a slip such as 10.0.0.256, never a name.
        guard !host.utf8.allSatisfy({ ASCII.isDigit($0) || $0 == 0x2e }) else {
            throw ValueFault(.notAddress, "`\(host)` is no IPv4 address")
        }
        return .name(try domainName(host).droppingFinalDot, port: port)
    }

    /// All addresses, many or none: 0.0.0.0 and ::, multicast (RFC 5771, RFC 4291 §2.7), broadcast.
    private static func isForNobody(_ ip: IPAddress) -> Bool {
        ip.isIPv4
            ? ip.byte(0) == 0 || ip.byte(0) >= 224
            : ip.byte(0) == 0xff || (0..<16).allSatisfy { ip.byte($0) == 0 }
    }

    static func address(_ text: String) throws(ValueFault) -> IPAddress {
        if let ip = IPAddress(text) { return ip }
        let hint = SocketAddress(text).map { "leave the port out: `\($0.ip)`" }
        throw ValueFault(.notAddress, "`\(text)` is no IP address", hint)
    }

    static func prefix(_ text: String) throws(ValueFault) -> Prefix {
        guard let prefix = Prefix(text) else {
            throw ValueFault(.notPrefix, "`\(text)` is no prefix", "such as `192.0.2.0/24`")
        }
        let written = text.split(separator: "/").first.flatMap { IPAddress($0) }
        guard written == prefix.address else {
            throw ValueFault(
                .notPrefix,
                "`\(text)` has bits set behind its length",
                "did you mean `\(prefix)`?"
            )
        }
        return prefix
    }

    private static func port(_ text: Substring) -> UInt16? {
        guard !text.isEmpty, text.utf8.allSatisfy(ASCII.isDigit) else { return nil }
        return UInt16(text)
    }

    /// `200`, `200-299`.
    static func statuses(_ text: String) throws(ValueFault) -> ClosedRange<UInt16> {
        let bounds = text.split(separator: "-", omittingEmptySubsequences: false)
            .map { $0.utf8.allSatisfy(ASCII.isDigit) ? UInt16($0) : nil }
        let lower = bounds[0]
        let upper = bounds.count == 2 ? bounds[1] : bounds[0]
        guard bounds.count <= 2, let lower, let upper else {
            let digit = text.first.flatMap { $0.wholeNumberValue } ?? 0
            let isClass = text.lowercased().hasSuffix("xx") && text.count == 3
            throw ValueFault(
                .notStatus,
                "`\(text)` is no range of statuses",
                isClass && 1...5 ~= digit
                    ? "did you mean `\(digit)00-\(digit)99`?" : "such as `200` or `200-299`"
            )
        }
        guard lower <= upper, lower >= 100, upper <= 599 else {
            throw ValueFault(
                .notStatus,
                "`\(text)` is no range of statuses",
                lower > upper ? "did you mean `\(upper)-\(lower)`?" : "statuses are 100 to 599"
            )
        }
        return lower...upper
    }

    static func hashKey(_ text: String) throws(ValueFault) -> HashKey {
        switch text {
        case "source-ip": return .sourceIP
        case "uri": return .uri
        default: break
        }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let kinds = ["header", "cookie", "query"]
        guard parts.count == 2, kinds.contains(String(parts[0])) else {
            let near = Spelling.nearest(to: text, among: ["source-ip", "uri"])
            let nearKind = Spelling.nearest(to: String(parts[0]), among: kinds)
            throw ValueFault(
                .notHashKey,
                "`\(text)` names no part of a request",
                near.map { "did you mean `\($0)`?" }
                    ?? nearKind.map { "did you mean `\($0):\(parts.last ?? "")`?" }
                    ?? "source-ip, uri, header:NAME, cookie:NAME or query:NAME"
            )
        }
        let name = String(parts[1])
        guard !name.isEmpty, name.utf8.count <= 128, name.utf8.allSatisfy(isTokenByte) else {
            throw ValueFault(.notHashKey, "`\(name)` cannot be the name of a \(parts[0])")
        }
        switch parts[0] {
        case "header": return .header(name.lowercased())
        case "cookie": return .cookie(name)
        default: return .query(name)
        }
    }

    /// A byte of a token (RFC 9110 §5.6.2).
    static func isTokenByte(_ byte: UInt8) -> Bool {
        if ASCII.isLetter(byte) || ASCII.isDigit(byte) { return true }
        return "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}

extension String {
    /// The text without one final dot.
    var droppingFinalDot: String { hasSuffix(".") && count > 1 ? String(dropLast()) : self }
}
