// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A number of bytes.
public struct ByteCount: Sendable, Hashable {
    /// The number.
    public var bytes: Int

    /// A number of bytes.
    public init(_ bytes: Int) { self.bytes = bytes }
}

extension ByteCount: CustomStringConvertible {
    /// The shortest exact text: `512B`, `16KiB`, `4MiB`.
    public var description: String {
        let units: [(Int, String)] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
        for (size, name) in units where bytes > 0 && bytes % size == 0 {
            return "\(bytes / size)\(name)"
        }
        return "\(bytes)B"
    }
}

/// A share in whole percent; may exceed 100 where an option allows it.
public struct Percentage: Sendable, Hashable {
    /// The whole percent.
    public var percent: Int

    /// A share of `percent`.
    public init(_ percent: Int) { self.percent = percent }
}

extension Percentage: CustomStringConvertible {
    /// `20%`.
    public var description: String { "\(percent)%" }
}

/// So many in a time.
public struct Rate: Sendable, Hashable {
    /// How many.
    public var count: Int
    /// In which time.
    public var period: Interval

    /// `count` in a period.
    public init(_ count: Int, per period: Interval) {
        self.count = count
        self.period = period
    }
}

extension Rate: CustomStringConvertible {
    /// `100/s`.
    public var description: String {
        switch period {
        case .seconds(60): "\(count)/m"
        case .seconds(3600): "\(count)/h"
        default: "\(count)/s"
        }
    }
}

/// Sets of HTTP statuses as ranges.
public struct StatusRanges: Sendable, Hashable {
    /// The ranges in file order, each within 100 to 599.
    public var ranges: [ClosedRange<UInt16>]

    /// The union of the ranges.
    public init(_ ranges: [ClosedRange<UInt16>]) { self.ranges = ranges }

    /// True when a range holds the status.
    public func contains(_ status: UInt16) -> Bool { ranges.contains { $0.contains(status) } }
}

extension StatusRanges: CustomStringConvertible {
    /// `200-299, 304`.
    public var description: String {
        let parts = ranges.map { range in
            range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
        }
        return parts.joined(separator: ", ")
    }
}

/// Where a listener is bound.
public struct ListenAddress: Sendable, Hashable {
    /// The local address; nil means every IPv4 and IPv6 address of the machine.
    public var ip: IPAddress?
    /// The port; zero lets the system choose.
    public var port: UInt16

    /// An address, or all of them, with a port.
    public init(_ ip: IPAddress?, port: UInt16) {
        self.ip = ip
        self.port = port
    }
}

extension ListenAddress: CustomStringConvertible {
    /// `:8080`, `127.0.0.1:8080` or `[::1]:8080`.
    public var description: String {
        guard let ip else { return ":\(port)" }
        return SocketAddress(ip, port: port).description
    }
}

/// Where an endpoint is, as the file says it.
public enum EndpointAddress: Sendable, Hashable {
    /// A fixed address.
    case address(SocketAddress)
    /// A host name that is resolved, in lower case without a final dot.
    case name(String, port: UInt16)
}

extension EndpointAddress: CustomStringConvertible {
    /// `192.0.2.1:80` or `app.internal:80`.
    public var description: String {
        switch self {
        case .address(let address): address.description
        case .name(let host, let port): "\(host):\(port)"
        }
    }
}
