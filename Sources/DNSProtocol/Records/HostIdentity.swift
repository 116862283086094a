// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The data of a HIP record (RFC 8005): the lengths of identity tag and key stand before both.
enum HostIdentity {
    /// The parts of well-formed data.
    struct Parts {
        var tag: Range<Int>
        var key: Range<Int>
        /// Where each rendezvous server begins.
        var servers: [Int]
    }

    /// The offset after the data at `start`; nil when they are malformed.
    static func end(in data: Span<UInt8>, at start: Int) -> Int? {
        parts(of: data, at: start) == nil ? nil : data.count
    }

    /// Nil when the data are malformed.
    static func parts(of data: Span<UInt8>, at start: Int) -> Parts? {
        guard start >= 0, data.count - start >= 4 else { return nil }
        let tagEnd = start + 4 + Int(data[start])
        let keyEnd = tagEnd + DNSQuery.word(data, start + 2)
        guard tagEnd > start + 4, keyEnd > tagEnd, keyEnd <= data.count else { return nil }
        var parts = Parts(tag: start + 4..<tagEnd, key: tagEnd..<keyEnd, servers: [])
        var position = keyEnd
        while position < data.count {
            guard let length = WireName.length(in: data, at: position) else { return nil }
            parts.servers.append(position)
            position += length
        }
        return parts
    }

    /// `2 200100107B1A74DF365639CC39F1D578 AwEAAb… rvs.example.com.`; empty when malformed.
    static func text(_ data: Span<UInt8>) -> String {
        guard let parts = parts(of: data, at: 0) else { return "" }
        let head = [
            "\(data[1])", RecordText.hex(data.extracting(parts.tag)),
            RecordText.base64(data.extracting(parts.key)),
        ]
        return (head + parts.servers.map { NameText.text(of: data, at: $0) }).joined(separator: " ")
    }
}
