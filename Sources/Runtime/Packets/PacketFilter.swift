// SPDX-License-Identifier: Apache-2.0
internal import CLinux
public import Essentials

/// The program that the kernel runs for every frame of an interface, before anything else sees it.
///
/// It takes what is plainly a UDP datagram for an address and port of the listener and hands it to
/// the socket of its queue; everything else goes the way it always goes: other protocols and ports,
/// other hosts, fragments, IPv4 with options, IPv6 with extension headers, VLAN, a queue without a
/// socket.
///
/// Written as instructions: the few there are need neither a compiler at build time nor a library
/// at run time (Documentation/decisions/0009).
public struct PacketFilter {
    /// The answer of the program for frames that are not taken.
    public static let pass: Int32 = 2

    /// The instructions, as the kernel takes them.
    public let code: [UInt64]

    /// The program for an interface with this address.
    ///
    /// - Parameters:
    ///   - hardware: Six octets: frames for other hosts are passed on.
    ///   - places: A map whose keys are those of ``key(_:)``.
    ///   - sockets: A map from queues to sockets.
    ///   - missing: What to answer for a frame whose queue has no socket.
    public init(
        hardware: [UInt8],
        places: FileDescriptor,
        sockets: FileDescriptor,
        missing: Int32 = PacketFilter.pass
    ) {
        var assembler = PacketAssembler()
        assembler.head(hardware)
        assembler.ipv6()
        assembler.ipv4()
        assembler.lookup(places: places.raw, sockets: sockets.raw, missing: missing)
        code = assembler.finished()
    }

    /// An address and port as the program looks them up: the address as one of IPv6 (RFC 4291
    /// §2.5.5.2), the port, two octets of zero.
    public static func key(_ place: SocketAddress) -> [UInt8] {
        let ip = place.ip.unmapped
        let address =
            ip.isIPv4
            ? [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + (0..<4).map { ip.byte($0) }
            : (0..<16).map { ip.byte($0) }
        let port = [UInt8(place.port >> 8), UInt8(truncatingIfNeeded: place.port)]
        return address + port + [0, 0]
    }
}

/// Puts instructions of eBPF (RFC 9669) together.
///
/// Registers: 1 is the context at first, 6 keeps it; 2 and 3 are the begin and end of the frame, 4
/// and 5 hold what is looked at; 10 is the end of the stack, whose last 20 octets become the key.
private struct PacketAssembler {
    private var code: [UInt64] = []
    private var labels: [Label: Int] = [:]
    private var jumps: [(place: Int, to: Label)] = []

    private enum Label { case ipv4, lookup, pass }
    private enum Width: UInt64 {
        case word = 0x61
        case half = 0x69
        case byte = 0x71
    }

    private mutating func emit(
        _ operation: UInt64,
        _ target: UInt64 = 0,
        from source: UInt64 = 0,
        offset: Int16 = 0,
        constant: UInt32 = 0
    ) {
        #if _endian(little)
        code.append(
            operation | target << 8 | source << 12
                | UInt64(UInt16(bitPattern: offset)) << 16 | UInt64(constant) << 32
        )
        #else
        code.append(
            operation << 56 | target << 52 | source << 48
                | UInt64(UInt16(bitPattern: offset)) << 32 | UInt64(constant)
        )
        #endif
    }

    /// `5 = frame[place]`, in the order of this machine.
    private mutating func load(_ width: Width, _ place: Int16) {
        emit(width.rawValue, 5, from: 2, offset: place)
    }
    /// The last octets of the stack, counted from the key's begin, become 5.
    private mutating func store(_ width: Width, _ place: Int16) {
        // LDX and STX of one width differ in their class alone.
        emit(width.rawValue &+ 2, 10, from: 5, offset: place &- 20)
    }
    private mutating func store(constant: UInt32, _ place: Int16) {
        emit(0x62, 10, offset: place &- 20, constant: constant)
    }
    private mutating func jump(_ operation: UInt64, _ constant: UInt32, to label: Label) {
        jumps.append((code.count, label))
        emit(operation, 5, constant: constant)
    }
    private mutating func passUnless(equal constant: UInt32) {
        jump(0x56, constant, to: .pass)  // JMP32 JNE
    }
    /// Passes frames with fewer octets.
    private mutating func need(_ count: UInt32) {
        emit(0xbf, 4, from: 2)
        emit(0x07, 4, constant: count)
        jumps.append((code.count, .pass))
        emit(0x2d, 4, from: 3)  // JGT
    }
    mutating func head(_ hardware: [UInt8]) {
        emit(0xbf, 6, from: 1)
        emit(0x61, 2, from: 6, offset: 0)
        emit(0x61, 3, from: 6, offset: 4)
        need(UInt32(Frame.headCount(isIPv4: true)))
        load(.word, 0)
        passUnless(equal: PacketAssembler.native(hardware.prefix(4)))
        load(.half, 4)
        passUnless(equal: PacketAssembler.native(hardware.dropFirst(4).prefix(2)))
        load(.half, 12)
        jump(0x16, PacketAssembler.native([0x08, 0x00]), to: .ipv4)  // JMP32 JEQ
        passUnless(equal: PacketAssembler.native([0x86, 0xdd]))
    }

    mutating func ipv6() {
        need(UInt32(Frame.headLimit))
        load(.byte, 14)
        emit(0x57, 5, constant: 0xf0)
        passUnless(equal: 0x60)
        load(.byte, 20)
        passUnless(equal: 17)
        for place in [0, 4, 8, 12] as [Int16] {
            load(.word, 38 &+ place)
            store(.word, place)
        }
        load(.half, 56)
        store(.half, 16)
        jumps.append((code.count, .lookup))
        emit(0x05)
    }

    mutating func ipv4() {
        labels[.ipv4] = code.count
        load(.byte, 14)
        passUnless(equal: 0x45)
        load(.half, 20)
        // Neither "more fragments" nor an offset.
        jump(0x46, PacketAssembler.native([0xbf, 0xff]), to: .pass)  // JMP32 JSET
        load(.byte, 23)
        passUnless(equal: 17)
        store(constant: 0, 0)
        store(constant: 0, 4)
        store(constant: PacketAssembler.native([0, 0, 0xff, 0xff]), 8)
        load(.word, 30)
        store(.word, 12)
        load(.half, 36)
        store(.half, 16)
    }

    mutating func lookup(places: Int32, sockets: Int32, missing: Int32) {
        labels[.lookup] = code.count
        emit(0x6a, 10, offset: -2)
        map(places)
        emit(0xbf, 2, from: 10)
        emit(0x07, 2, constant: UInt32(bitPattern: -20))
        emit(0x85, constant: UInt32(BPF_FUNC_map_lookup_elem.rawValue))
        jumps.append((code.count, .pass))
        emit(0x15)  // JEQ: no such place
        emit(0x61, 2, from: 6, offset: 16)
        map(sockets)
        emit(0xb7, 3, constant: UInt32(bitPattern: missing))
        emit(0x85, constant: UInt32(BPF_FUNC_redirect_map.rawValue))
        emit(0x95)
        labels[.pass] = code.count
        emit(0xb7, 0, constant: UInt32(bitPattern: PacketFilter.pass))
        emit(0x95)
    }

    /// `1 = map`, by its descriptor: two instructions.
    private mutating func map(_ descriptor: Int32) {
        emit(0x18, 1, from: 1, constant: UInt32(bitPattern: descriptor))
        emit(0)
    }

    /// Octets as a number of this machine.
    private static func native(_ octets: some Collection<UInt8>) -> UInt32 {
        var value: UInt32 = 0
        #if _endian(little)
        for octet in octets.reversed() { value = value << 8 | UInt32(octet) }
        #else
        for octet in octets { value = value << 8 | UInt32(octet) }
        #endif
        return value
    }

    /// The instructions, with every jump leading to its label.
    func finished() -> [UInt64] {
        var finished = code
        for (place, label) in jumps {
            let distance = Int16(truncatingIfNeeded: (labels[label] ?? place &+ 1) &- place &- 1)
            #if _endian(little)
            finished[place] |= UInt64(UInt16(bitPattern: distance)) << 16
            #else
            finished[place] |= UInt64(UInt16(bitPattern: distance)) << 32
            #endif
        }
        return finished
    }
}
