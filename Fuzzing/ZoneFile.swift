// SPDX-License-Identifier: Apache-2.0
// modules: Essentials DNSProtocol
import DNSProtocol
import Essentials

/// A zone file is read to its end, and whatever record comes out has a whole name and bounded data.
func examine(_ bytes: [UInt8]) {
    guard let origin = DomainName("example.com") else { return }
    var reader = ZoneFileReader(bytes, file: "z", origin: origin, generatedLimit: 1000) { name, _ in
        // An include that includes again: depth and number of files are bounded.
        name.utf8.count % 2 == 0 ? (name, Array(bytes.prefix(64))) : nil
    }
    var records = 0
    while reader.next() {
        records += 1
        promise(reader.owner.count <= 255 && reader.owner.last == 0, "an owner is a whole name")
        promise(reader.data.count <= 65_535, "record data fits its length field")
    }
    promise(records <= 100_000, "a small file cannot make many records")
}
