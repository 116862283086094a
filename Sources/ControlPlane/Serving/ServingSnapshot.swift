// SPDX-License-Identifier: Apache-2.0
public import DNSServer
public import HTTPGateway

/// What the doors of all workers share, made once per process.
public struct DoorsShared: Sendable {
    /// The HTTP door's part.
    public let http: GatewayShared
    /// The DNS door's part.
    public let dns: DNSShared

    /// Joins the parts.
    public init(http: GatewayShared, dns: DNSShared) {
        self.http = http
        self.dns = dns
    }
}

/// What all doors answer from: immutable, handed to each worker by one message.
public final class ServingSnapshot: Sendable {
    /// Grows with every snapshot.
    public let number: UInt64
    /// Routes, pools and listeners of the HTTP door.
    public let gateway: GatewaySnapshot
    /// Zones and policies of the DNS door.
    public let dns: DNSSnapshot

    /// Joins the parts.
    public init(number: UInt64, gateway: GatewaySnapshot, dns: DNSSnapshot) {
        self.number = number
        self.gateway = gateway
        self.dns = dns
    }
}
