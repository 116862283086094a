// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Names of 254 and 255 octets, below which there is no room for others.
public enum LongestName {
    /// Appends a name that comes behind the given one, and none that exists in between; false
    /// without room.
    ///
    /// The first label gets a zero octet if it can have one. Otherwise its last octet, or one of
    /// a label above, becomes the next in canonical order, which knows no capital letters (RFC
    /// 4034 §6.1). The name is in lower case; what follows the last name is the root.
    @_lifetime(output: copy output)
    public static func writeSuccessor(
        _ name: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let first = Int(name[0])
        if name.count < WireName.maximumLength, first < WireName.maximumLabel {
            return output.write(UInt8(truncatingIfNeeded: first &+ 1))
                && output.write(name.extracting(1..<1 &+ first)) && output.write(0)
                && output.write(name.extracting(1 &+ first..<name.count))
        }
        var start = 0
        while start < name.count, name[start] != 0 {
            let end = start &+ 1 &+ Int(name[start])
            var last = end &- 1
            while last > start, name[last] == 0xff { last &-= 1 }
            guard last > start else {
                start = end
                continue
            }
            let next = name[last] == 0x40 ? 0x5b : name[last] &+ 1
            return output.write(UInt8(truncatingIfNeeded: last &- start))
                && output.write(name.extracting(start &+ 1..<last)) && output.write(next)
                && output.write(name.extracting(end..<name.count))
        }
        return output.write(0)
    }
}
