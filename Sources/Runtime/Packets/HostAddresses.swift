// SPDX-License-Identifier: Apache-2.0
internal import CLinux
public import Essentials
internal import Glibc

/// The addresses of this machine.
public enum HostAddresses {
    /// An address of an interface.
    struct Entry {
        var interface: String
        var ip: IPAddress
    }

    /// All of them, of every interface, but those that no packet on a wire is for.
    public static func all() -> [IPAddress] { entries().map(\.ip) }

    static func entries() -> [Entry] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&first) == 0 else { return [] }
        defer { unsafe freeifaddrs(first) }
        var found: [Entry] = []
        var next = unsafe first
        while let entry = unsafe next {
            unsafe next = entry.pointee.ifa_next
            guard let address = unsafe entry.pointee.ifa_addr,
                let name = unsafe entry.pointee.ifa_name
            else { continue }
            var storage = sockaddr_storage()
            let isIPv4 = unsafe Int32(address.pointee.sa_family) == AF_INET
            let size = isIPv4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
            guard unsafe isIPv4 || Int32(address.pointee.sa_family) == AF_INET6 else { continue }
            unsafe memcpy(&storage, address, size)
            guard let ip = unsafe SocketAddress(kernelForm: &storage)?.ip, !isLoopback(ip) else {
                continue
            }
            // The loopback interface has others as well: those of services that move (anycast).
            found.append(Entry(interface: unsafe String(cString: name), ip: ip))
        }
        return found
    }

    private static func isLoopback(_ ip: IPAddress) -> Bool {
        ip.isIPv4 ? ip.byte(0) == 127 : ip.bits == 1
    }

    /// Interfaces that stand upon another: VLANs, bridges, bonds, and what stands upon those.
    static func above(_ interface: String, among names: Set<String>) -> Set<String> {
        var found: Set<String> = []
        var open = [interface]
        while let lower = open.popLast() {
            for name in names where !found.contains(name) {
                guard unsafe access("/sys/class/net/\(lower)/upper_\(name)", F_OK) == 0 else {
                    continue
                }
                found.insert(name)
                open.append(name)
            }
        }
        return found
    }

    /// Addresses and ports that may be taken at an interface, with all of this machine's in place of
    /// an unspecified one; that of IPv6 stands for both families, as a socket bound to it does.
    ///
    /// Those of interfaces above are left out: a card takes the tag of a VLAN off before a program
    /// sees the frame, and an answer without it would reach nobody.
    static func expand(
        _ places: [SocketAddress],
        at interface: String,
        _ entries: [Entry],
        above: Set<String>
    ) -> [SocketAddress] {
        let hidden = Set(entries.filter { above.contains($0.interface) }.map(\.ip))
        var expanded: [SocketAddress] = []
        for place in places {
            let ips =
                place.ip.bits == 0
                ? entries.map(\.ip).filter { !place.ip.isIPv4 || $0.isIPv4 } : [place.ip]
            for ip in ips where !hidden.contains(ip.unmapped) && !isLoopback(ip.unmapped) {
                let one = SocketAddress(ip, port: place.port)
                if !expanded.contains(one) { expanded.append(one) }
            }
        }
        return expanded
    }

    static func expand(_ places: [SocketAddress], at interface: String) -> [SocketAddress] {
        let entries = entries()
        let above = above(interface, among: Set(entries.map(\.interface)))
        return expand(places, at: interface, entries, above: above)
    }
}
