// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Writes small files of MaxMind's database format (version 2.0 of its public description).
public struct DatabaseWriter {
    /// A value of the data section.
    public indirect enum Value {
        case text(String)
        case double(Double)
        case float(Float)
        case int32(Int32)
        case uint16(UInt16)
        case uint32(UInt32)
        case uint64(UInt64)
        case uint128(UInt128)
        case array([Value])
        case map([(String, Value)])
    }

    private enum Branch {
        case empty
        case node(Int)
        case record(Int)
        /// A node or record outside what there is.
        case raw(Int)
    }

    /// Bits of one record of the tree: 24, 28 or 32.
    public var recordBits = 28
    /// What the metadata say, after the fields that are always there.
    public var metadata: [(String, Value)] = []
    private let isIPv6: Bool
    private let kind: String
    private var nodes: [(left: Branch, right: Branch)] = [(.empty, .empty)]
    private var data: [UInt8] = []

    /// A database without networks.
    public init(kind: String, isIPv6: Bool = true) {
        self.kind = kind
        self.isIPv6 = isIPv6
    }

    /// Adds a network; in an IPv6 database IPv4 stands under `::/96`.
    public mutating func add(_ prefix: Prefix, _ value: Value) {
        let offset = data.count
        encode(value, to: &data)
        set(prefix, .record(offset))
    }

    /// Makes a network lead to where the IPv4 addresses are, as the makers of databases do.
    public mutating func alias(_ prefix: Prefix) {
        guard let node = node(at: Prefix(IPAddress(v6: 0), length: 96)) else { return }
        set(prefix, .node(node))
    }

    /// Makes a network lead back to a node, or to a number outside the tree.
    public mutating func corrupt(_ prefix: Prefix, to number: Int) {
        set(prefix, .raw(number))
    }

    private func bit(_ prefix: Prefix, _ depth: Int) -> Bool {
        let bits = prefix.address.bits
        let width = isIPv6 ? 128 : 32
        return bits >> UInt128(width - 1 - depth) & 1 == 1
    }

    private func length(_ prefix: Prefix) -> Int {
        prefix.address.isIPv4 && isIPv6 ? prefix.length + 96 : prefix.length
    }

    private mutating func set(_ prefix: Prefix, _ branch: Branch) {
        var node = 0
        for depth in 0..<length(prefix) - 1 {
            let isRight = bit(prefix, depth)
            let next = isRight ? nodes[node].right : nodes[node].left
            if case .node(let known) = next {
                node = known
                continue
            }
            // What was a record of a larger network goes on at both sides.
            nodes.append((next, next))
            if isRight {
                nodes[node].right = .node(nodes.count - 1)
            } else {
                nodes[node].left = .node(nodes.count - 1)
            }
            node = nodes.count - 1
        }
        if bit(prefix, length(prefix) - 1) {
            nodes[node].right = branch
        } else {
            nodes[node].left = branch
        }
    }

    private func node(at prefix: Prefix?) -> Int? {
        guard let prefix else { return nil }
        var node = 0
        for depth in 0..<prefix.length {
            guard case .node(let next) = bit(prefix, depth) ? nodes[node].right : nodes[node].left
            else { return nil }
            node = next
        }
        return node
    }

    /// The whole file.
    public func finish() -> [UInt8] {
        var bytes: [UInt8] = []
        for node in nodes { write(number(node.left), number(node.right), to: &bytes) }
        bytes += [UInt8](repeating: 0, count: 16) + data
        bytes += [0xab, 0xcd, 0xef] + Array("MaxMind.com".utf8)
        let given = Set(metadata.map(\.0))
        let usual: [(String, Value)] = [
            ("node_count", .uint32(UInt32(nodes.count))),
            ("record_size", .uint16(UInt16(recordBits))), ("ip_version", .uint16(isIPv6 ? 6 : 4)),
            ("database_type", .text(kind)), ("languages", .array([.text("en")])),
            ("binary_format_major_version", .uint16(2)),
            ("binary_format_minor_version", .uint16(0)), ("build_epoch", .uint64(1_790_000_000)),
            ("description", .map([("en", .text("made by a test"))])),
        ]
        encode(.map(usual.filter { !given.contains($0.0) } + metadata), to: &bytes)
        return bytes
    }

    private func number(_ branch: Branch) -> Int {
        switch branch {
        case .empty: nodes.count
        case .node(let number), .raw(let number): number
        case .record(let offset): nodes.count + 16 + offset
        }
    }

    private func write(_ left: Int, _ right: Int, to bytes: inout [UInt8]) {
        func low(_ value: Int) -> [UInt8] {
            [16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
        }
        switch recordBits {
        case 28:
            let middle = UInt8(truncatingIfNeeded: (left >> 24) << 4 | right >> 24 & 0xf)
            bytes += low(left) + [middle] + low(right)
        case 32:
            bytes += [UInt8(truncatingIfNeeded: left >> 24)] + low(left)
            bytes += [UInt8(truncatingIfNeeded: right >> 24)] + low(right)
        default: bytes += low(left) + low(right)
        }
    }

    private func encode(_ value: Value, to bytes: inout [UInt8]) {
        func number(_ type: Int, _ value: UInt128) {
            let all = (0..<16).map { UInt8(truncatingIfNeeded: value >> UInt128(120 - $0 * 8)) }
            let short = Array(all.drop { $0 == 0 })
            control(type, short.count, to: &bytes)
            bytes += short
        }
        switch value {
        case .text(let text):
            control(2, text.utf8.count, to: &bytes)
            bytes += Array(text.utf8)
        case .double(let double):
            control(3, 8, to: &bytes)
            let bits = double.bitPattern
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: bits >> UInt64(56 - $0 * 8)) }
        case .float(let float):
            control(15, 4, to: &bytes)
            let bits = float.bitPattern
            bytes += (0..<4).map { UInt8(truncatingIfNeeded: bits >> UInt32(24 - $0 * 8)) }
        case .int32(let value): number(8, UInt128(UInt32(bitPattern: value)))
        case .uint16(let value): number(5, UInt128(value))
        case .uint32(let value): number(6, UInt128(value))
        case .uint64(let value): number(9, UInt128(value))
        case .uint128(let value): number(10, value)
        case .array(let values):
            control(11, values.count, to: &bytes)
            for value in values { encode(value, to: &bytes) }
        case .map(let pairs):
            control(7, pairs.count, to: &bytes)
            for (key, value) in pairs {
                encode(.text(key), to: &bytes)
                encode(value, to: &bytes)
            }
        }
    }

    /// A type above 7 stands in a byte of its own; sizes up to 284.
    private func control(_ type: Int, _ size: Int, to bytes: inout [UInt8]) {
        let short = min(size, 29)
        bytes.append(UInt8(truncatingIfNeeded: (type > 7 ? 0 : type) << 5 | short))
        if type > 7 { bytes.append(UInt8(type - 7)) }
        if short == 29 { bytes.append(UInt8(truncatingIfNeeded: size - 29)) }
    }
}
