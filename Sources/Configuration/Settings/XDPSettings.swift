// SPDX-License-Identifier: Apache-2.0

/// How queries are taken at an interface, past the kernel's network stack (AF_XDP).
public struct XDPSettings: Sendable, Equatable {
    /// The interface.
    public var interface: String
    /// Where the program runs that picks queries out.
    public var mode: XDPMode
    /// How many queues of the interface are taken; nil for all.
    public var queues: Int?
}

/// Where a program of an interface runs.
public enum XDPMode: String, Sendable, Equatable, CaseIterable {
    /// In the driver if it can, else in the kernel.
    case auto
    /// In the driver.
    case native
    /// In the kernel, with any driver.
    case generic
}

extension Settings {
    /// The listeners of DNS that take queries at an interface.
    public var packetListeners: [DNSListenerSettings] {
        listeners.compactMap { listener in
            guard case .dns(let dns) = listener, dns.xdp != nil, dns.tls == nil else { return nil }
            return dns
        }
    }
}
