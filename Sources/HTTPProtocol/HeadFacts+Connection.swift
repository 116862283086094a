// SPDX-License-Identifier: Apache-2.0

/// The options of `Connection` (RFC 9110 §7.6.1).
extension HeadFacts {
    // No honest sender needs more; the bound keeps marking linear in the number of fields.
    private static var optionLimit: UInt8 { 16 }

    /// Takes note of one `Connection` line.
    mutating func noteConnection(_ value: ByteRange, _ bytes: Span<UInt8>) -> Refusal? {
        var list = ListReader(value)
        while let option = list.next(bytes) {
            progress.optionCount &+= 1
            guard progress.optionCount <= HeadFacts.optionLimit else { return .connectionOption }
            if HeadScan.equals(bytes, option, 0x65736f6c63 /* close */) {
                progress.seen.insert(.close)
                continue
            }
            let known = KnownField.recognize(bytes, Int(option.start), Int(option.count))
            guard known.mayBeNominated else { return .connectionNomination }
            switch known {
            case .keepAlive: progress.seen.insert(.keepAlive)
            case .upgrade: progress.seen.insert(.upgradeOption)
            case .other:
                guard FieldSyntax.isToken(bytes.slice(option)) else { return .connectionOption }
                progress.seen.insert(.nomination)
            default: break
            }
        }
        return nil
    }

    /// Marks the fields that the options name as hop-by-hop.
    ///
    /// Known fields need no marking: those that may be named are hop-by-hop by themselves.
    @_lifetime(slots: copy slots)
    func markNominated(_ bytes: Span<UInt8>, in slots: inout MutableSpan<FieldSlice>) {
        let count = Swift.min(Int(progress.fieldCount), slots.count)
        for line in 0..<count where slots[line].known == .connection {
            var list = ListReader(slots[line].value)
            while let option = list.next(bytes) {
                for index in 0..<count where slots[index].known == .other {
                    let name = bytes.slice(slots[index].name)
                    if FieldSyntax.equalsIgnoringCase(name, bytes.slice(option)) {
                        slots[index].isHopByHop = true
                    }
                }
            }
        }
    }
}
