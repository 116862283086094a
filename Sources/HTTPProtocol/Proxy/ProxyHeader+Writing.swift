// SPDX-License-Identifier: Apache-2.0
public import Essentials

extension OutputSpan where Element == UInt8 {
    /// Appends the PROXY header of a connection that is carried for somebody.
    ///
    /// When one address is of IPv4 and the other is not, both are written as IPv6.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeProxyHeader(
        _ version: ProxyVersion,
        source: SocketAddress,
        destination: SocketAddress
    ) -> Bool {
        let before = count
        let isWhole =
            switch version {
            case .v1: writeProxyLine(source, destination)
            case .v2: writeProxyBlock(source, destination)
            }
        if !isWhole { removeLast(count &- before) }
        return isWhole
    }

    /// Appends the PROXY header of a connection that is the proxy's own, such as a probe's.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeProxyHeader(ofOwn version: ProxyVersion) -> Bool {
        let before = count
        let isWhole =
            switch version {
            case .v1: write("PROXY UNKNOWN\r\n" as StaticString)
            case .v2: writeProxyPrefix(command: 0x20, family: 0, length: 0)
            }
        if !isWhole { removeLast(count &- before) }
        return isWhole
    }

    @_lifetime(self: copy self)
    private mutating func writeProxyLine(
        _ source: SocketAddress,
        _ destination: SocketAddress
    ) -> Bool {
        let isIPv4 = source.ip.isIPv4 && destination.ip.isIPv4
        guard write(isIPv4 ? "PROXY TCP4 " : "PROXY TCP6 " as StaticString),
            write(address: isIPv4 ? source.ip : source.ip.mapped), write(0x20),
            write(address: isIPv4 ? destination.ip : destination.ip.mapped), write(0x20),
            write(decimal: UInt64(source.port)), write(0x20),
            write(decimal: UInt64(destination.port))
        else { return false }
        return write("\r\n" as StaticString)
    }

    @_lifetime(self: copy self)
    private mutating func writeProxyBlock(
        _ source: SocketAddress,
        _ destination: SocketAddress
    ) -> Bool {
        let isIPv4 = source.ip.isIPv4 && destination.ip.isIPv4
        let length: UInt16 = isIPv4 ? 12 : 36
        guard writeProxyPrefix(command: 0x21, family: isIPv4 ? 0x11 : 0x21, length: length) else {
            return false
        }
        return write(octets: isIPv4 ? source.ip : source.ip.mapped)
            && write(octets: isIPv4 ? destination.ip : destination.ip.mapped)
            && write(uint16: source.port) && write(uint16: destination.port)
    }

    @_lifetime(self: copy self)
    private mutating func write(octets address: IPAddress) -> Bool {
        for index in 0..<address.byteCount {
            guard write(address.byte(index)) else { return false }
        }
        return true
    }

    @_lifetime(self: copy self)
    private mutating func writeProxyPrefix(command: UInt8, family: UInt8, length: UInt16) -> Bool {
        let signature = ProxyHeader.signature
        return write(signature.span) && write(command) && write(family) && write(uint16: length)
    }
}

extension IPAddress {
    /// An IPv4 address in the IPv6 form that ``unmapped`` takes apart; others as they are.
    fileprivate var mapped: IPAddress { isIPv4 ? IPAddress(v6: 0xffff << 32 | bits) : self }
}
