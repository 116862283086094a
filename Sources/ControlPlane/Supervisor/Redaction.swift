// SPDX-License-Identifier: Apache-2.0

/// Makes the beginning of a request fit to be kept: what it asked stays, secrets go.
enum Redaction {
    private static let secretFields: Set<String> = [
        "authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key",
        "x-auth-token",
    ]
    private static let mark = "[redacted]"

    /// The head as printable text, one line per line of the head.
    static func text(_ head: [UInt8]) -> String {
        var lines: [String] = []
        for (number, line) in head.split(separator: 0x0a, omittingEmptySubsequences: false)
            .enumerated()
        {
            let text = printable(line.last == 0x0d ? line.dropLast() : line)
            lines.append(number == 0 ? requestLine(text) : fieldLine(text))
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines.joined(separator: "\n")
    }

    /// `GET /a?token=1&x HTTP/1.1` -> `GET /a?token=[redacted]&x HTTP/1.1`.
    static func requestLine(_ line: String) -> String {
        var parts = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        for index in parts.indices.dropFirst() { parts[index] = target(parts[index]) }
        return parts.joined(separator: " ")
    }

    private static func target(_ target: String) -> String {
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = halves.first else { return target }
        var result = withoutUserInformation(String(path))
        guard halves.count > 1 else { return result }
        let pairs = halves[1].split(separator: "&", omittingEmptySubsequences: false).map { pair in
            guard let equals = pair.firstIndex(of: "=") else { return String(pair) }
            return pair[...equals] + mark
        }
        result += "?" + pairs.joined(separator: "&")
        return result
    }

    /// `http://user:password@host/` -> `http://[redacted]@host/`.
    private static func withoutUserInformation(_ target: String) -> String {
        let slashes = target.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard slashes.count > 2, slashes[0].hasSuffix(":"), slashes[1].isEmpty,
            let at = slashes[2].lastIndex(of: "@")
        else { return target }
        let rest = slashes.count > 3 ? "/" + slashes[3] : ""
        return "\(slashes[0])//\(mark)\(slashes[2][at...])\(rest)"
    }

    private static func fieldLine(_ line: String) -> String {
        guard let colon = line.firstIndex(of: ":") else { return line }
        let name = line[..<colon].lowercased()
        if secretFields.contains(name.filter { $0 != " " }) { return line[...colon] + " " + mark }
        // A referring page's address carries queries too.
        guard name == "referer" else { return line }
        let value = line[line.index(after: colon)...].drop { $0 == " " }
        return "\(line[...colon]) \(target(String(value)))"
    }

    private static func printable(_ bytes: ArraySlice<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            if byte >= 0x20, byte < 0x7f {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16)
                text += byte < 16 ? "\\x0\(digits)" : "\\x\(digits)"
            }
        }
        return text
    }
}
