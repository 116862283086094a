// SPDX-License-Identifier: Apache-2.0
// modules: Essentials HTTPProtocol
// dictionary: proxy.dict
import Essentials
import HTTPProtocol

/// A PROXY header gets one verdict however it is cut.
///
/// It ends inside its bytes, and says the same when it is written anew. What a forwarding field
/// lists ends, too.
func examine(_ bytes: [UInt8]) {
    let whole = ProxyHeader.read(bytes.span)
    for count in bytes.indices {
        let part = ProxyHeader.read(bytes.span.extracting(0..<count))
        if part != .needMore { promise(part == whole, "more bytes change a verdict") }
    }
    for field in [ClientAddressField.xForwardedFor, .forwarded] {
        var reader = ForwardedReader(field)
        var count = 0
        while reader.next(bytes.span) != nil { count += 1 }
        promise(count <= bytes.count, "an element is made of bytes")
    }
    if let address = IPAddress(bytes.span) {
        promise(IPAddress("\(address)") == address, "an address written anew reads the same")
    }
    guard case .complete(let header) = whole else { return }
    promise(header.length > 0 && header.length <= bytes.count, "a header ends inside its bytes")
    promise(header.length <= ProxyHeader.limit, "a header is no longer than the limit")
    promise((header.source == nil) == (header.destination == nil), "both ends or none")
    guard let source = header.source, let destination = header.destination else { return }
    for version in [ProxyVersion.v1, .v2] {
        let again = [UInt8](capacity: 256) {
            $0.writeProxyHeader(version, source: source, destination: destination)
        }
        guard case .complete(let other) = ProxyHeader.read(again.span) else {
            return promise(false, "a header written anew is acceptable")
        }
        promise(other.source == source && other.destination == destination, "it says the same")
    }
}
