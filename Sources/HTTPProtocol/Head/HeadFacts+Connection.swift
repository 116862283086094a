// SPDX-License-Identifier: Apache-2.0

/// The options of `Connection` (RFC 9110 §7.6.1).
extension HeadFacts {
    // No honest sender needs more; the bound keeps marking linear in the number of fields.
    private static var optionLimit: UInt8 { 16 }

    /// Takes note of one `Connection` line.
    mutating func noteConnection(_ value: ByteRange, _ bytes: Span<UInt8>) -> Refusal? {
        // Nearly every message has one option of one of three kinds: no list to walk over.
        let only = KnownField.recognize(bytes, value)
        if only == .keepAlive || only == .upgrade || isClose(value, bytes) {
            return noteOption(only, value, bytes)
        }
        var list = ListReader(value)
        while let option = list.next(bytes) {
            let known = KnownField.recognize(bytes, option)
            if let refusal = noteOption(known, option, bytes) { return refusal }
        }
        return nil
    }

    private func isClose(_ option: ByteRange, _ bytes: Span<UInt8>) -> Bool {
        HeadScan.equals(bytes, option, 0x65_736f_6c63 /* close */)
    }

    private mutating func noteOption(
        _ known: KnownField,
        _ option: ByteRange,
        _ bytes: Span<UInt8>
    ) -> Refusal? {
        progress.optionCount &+= 1
        guard progress.optionCount <= HeadFacts.optionLimit else { return .connectionOption }
        guard known.mayBeNominated else { return .connectionNomination }
        switch known {
        case .keepAlive: progress.seen.insert(.keepAlive)
        case .upgrade: progress.seen.insert(.upgradeOption)
        case .other:
            if isClose(option, bytes) {
                progress.seen.insert(.close)
                return nil
            }
            guard FieldSyntax.isToken(bytes.slice(option)) else { return .connectionOption }
            progress.seen.insert(.nomination)
        default: break
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
