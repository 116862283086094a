// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol
import Essentials
import HTTPProtocol

/// A verdict on a client hello stands however the bytes come, and a name is one that may be logged.
func examine(_ bytes: [UInt8]) {
    let whole = ClientHello.read(bytes.span)
    for count in stride(from: 0, to: bytes.count, by: max(bytes.count / 64, 1)) {
        let part = ClientHello.read(bytes.span.extracting(0..<count))
        promise(part == .needMore || part == whole, "more bytes change a verdict")
    }
    guard case .name(let name) = whole else { return }
    for octet in "\(name)".utf8 {
        let isPlain =
            octet >= 0x61 && octet <= 0x7a || octet >= 0x30 && octet <= 0x39
            || octet == 0x2d || octet == 0x2e || octet == 0x5f
        promise(isPlain, "a name holds what a host may hold, in lower case")
    }
    promise(ClientHello.read(recut(bytes).span) == whole, "records cut elsewhere change the name")
}

/// The same hello in records of at most 7 octets.
private func recut(_ bytes: [UInt8]) -> [UInt8] {
    var message: [UInt8] = []
    var start = 0
    while start + 5 <= bytes.count, message.count < 4 || message.count < length(message) {
        let size = Int(bytes[start + 3]) << 8 | Int(bytes[start + 4])
        message += bytes[(start + 5)..<min(start + 5 + size, bytes.count)]
        start += 5 + size
    }
    var records: [UInt8] = []
    for begin in stride(from: 0, to: message.count, by: 7) {
        let piece = message[begin..<min(begin + 7, message.count)]
        records += [22, 3, 1, 0, UInt8(piece.count)] + piece
    }
    return records
}

private func length(_ message: [UInt8]) -> Int {
    4 + (Int(message[1]) << 16 | Int(message[2]) << 8 | Int(message[3]))
}
