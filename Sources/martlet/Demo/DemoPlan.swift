// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// One of the demonstration's origins.
struct DemoOrigin {
    let name: String
    /// Each has an address of its own, so that the change of a DNS answer can be seen.
    let ip: IPAddress
    /// How long it thinks before it answers, in milliseconds.
    let delay: Int

    static let all = [
        DemoOrigin(name: "wren", ip: IPAddress(v4: 0x7f00_000b), delay: 2),
        DemoOrigin(name: "robin", ip: IPAddress(v4: 0x7f00_000c), delay: 8),
        DemoOrigin(name: "heron", ip: IPAddress(v4: 0x7f00_000d), delay: 35),
    ]
}

/// Where the doors of a demonstration are.
struct DemoPorts {
    let http: UInt16
    let dns: UInt16
    let admin: UInt16

    /// The ports that Martlet has without root, or others where those are taken.
    ///
    /// The sockets are closed again: whoever else looks for a port in this moment may be faster,
    /// and the start then says so.
    static func choose() throws(SystemError) -> DemoPorts {
        DemoPorts(
            http: try free(8080, datagram: false),
            dns: try free(5300, datagram: true),
            admin: try free(9180, datagram: false)
        )
    }

    private static func free(_ wanted: UInt16, datagram: Bool) throws(SystemError) -> UInt16 {
        var refusal = SystemError.addressInUse
        for candidate in [wanted] + [UInt16](repeating: 0, count: 8) {
            do throws(SystemError) {
                return try claim(candidate, datagram: datagram)
            } catch {
                refusal = error
            }
        }
        throw refusal
    }

    private static func claim(_ port: UInt16, datagram: Bool) throws(SystemError) -> UInt16 {
        let address = SocketAddress(Demo.loopback, port: port)
        let listener = try Socket.listen(address, backlog: 1, reusePort: false)
        defer { listener.close() }
        guard let bound = Socket.localAddress(listener) else { throw .addressInUse }
        if datagram { try Socket.bindDatagram(bound, reusePort: false).close() }
        return bound.port
    }
}

/// Words and numbers that all parts of the demonstration share.
enum Demo {
    static let loopback = IPAddress(v4: 0x7f00_0001)
    static let zone = "demo.test"
    static let host = "www.demo.test"
    /// Requests per second of the generator, and the connections they are spread over.
    static let trafficRate = 300
    static let trafficConnections = 8
    /// How long the gateway may take to be ready.
    static let startLimit = Interval.seconds(20)

    static func line(_ text: String) { Terminal.print("\(text)\n") }

    /// Lets time pass in a process that has nothing else to do.
    static func pause(_ milliseconds: Int) {
        guard var loop = try? EventLoop() else { return }
        _ = loop.wait(timeoutMilliseconds: milliseconds)
    }
}

/// Why a demo command did not do what was asked.
struct DemoRefusal: Error {
    let text: String
    var exitCode: Int32 = 1

    init(_ text: String, exitCode: Int32 = 1) {
        self.text = text
        self.exitCode = exitCode
    }
}
