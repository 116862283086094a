// SPDX-License-Identifier: Apache-2.0
// modules: Essentials DNSProtocol
// dictionary: svcb.dict
import DNSProtocol
import Essentials

/// Service records in both of their forms: what is taken is written, and read again as what it was.
///
/// The first octet chooses: the data of a record as they go over the wire, or the text of parameters.
func examine(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let type = first & 2 == 0 ? RecordType.SVCB : .HTTPS
    if first & 1 == 0 {
        examineWire(Array(bytes.dropFirst()), type)
    } else {
        examineText(String(decoding: bytes.dropFirst(), as: UTF8.self), type)
    }
}

private func examineWire(_ data: [UInt8], _ type: RecordType) {
    let shown = RecordText.data(type, data.span)
    let known = read("\(type) \(shown)")
    guard !shown.hasPrefix("\\#") else {
        // What has no text of its own is malformed: its octets are refused as well.
        promise(known == nil, "what is malformed is refused")
        return
    }
    promise(known == data, "what is shown is read as what it was")
    let digits = data.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    promise(read("TYPE\(type.rawValue) \\# \(data.count) \(digits)") == data, "octets are taken")
    promise(CanonicalData.bytes(type, data.span) == data, "names of services keep their case")
}

private func examineText(_ text: String, _ type: RecordType) {
    guard let taken = try? ServiceParameters(text) else { return }
    promise(ServiceParameters(wire: taken.wire) == taken, "what is taken is well formed")
    let data = [0, 1, 0] + taken.wire
    promise(read("\(type) 1 . \(text)") == data, "a zone file says the same")
    let shown = RecordText.data(type, data.span)
    promise(shown.hasPrefix("1 ."), "there is a text for it")
    promise((try? ServiceParameters(String(shown.dropFirst(3)))) == taken, "it is read again")
}

// The data of the one record of a zone file; nil where there is none, or not one alone.
private func read(_ entry: String) -> [UInt8]? {
    guard let origin = DomainName("example.com") else { return nil }
    var reader = ZoneFileReader(Array("@ 60 \(entry)".utf8), file: "z", origin: origin)
    guard reader.next() else { return nil }
    let data = reader.data
    return !reader.next() && reader.diagnostics.isEmpty ? data : nil
}
