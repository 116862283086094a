// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Numbers with a fraction, and codes of places.
extension OptionType {
    /// `48.1`, `-11.5`, `7`: decimals beyond the seventh are below a centimetre in degrees, and allowed.
    static func decimal(_ text: String, _ range: ClosedRange<Int>) throws(ValueFault) -> Double {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let whole = parts[0].hasPrefix("-") ? parts[0].dropFirst() : parts[0]
        let isNumber =
            parts.count <= 2 && (1...9).contains(whole.utf8.count)
            && whole.utf8.allSatisfy(ASCII.isDigit)
            && (parts.count == 1
                || (1...17).contains(parts[1].utf8.count)
                    && parts[1].utf8.allSatisfy(ASCII.isDigit))
        guard isNumber, let value = Double(text) else {
            throw ValueFault(
                .notDecimal,
                "`\(text)` is no decimal number",
                "such as `48.137`, with up to 17 decimals"
            )
        }
        guard value >= Double(range.lowerBound), value <= Double(range.upperBound) else {
            throw ValueFault(
                .outOfRange,
                "`\(text)` is out of range",
                "it must be \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }

    /// Two capital letters.
    static func country(_ text: String) throws(ValueFault) -> String {
        let isCode = text.utf8.count == 2 && text.utf8.allSatisfy { $0 >= 0x41 && $0 <= 0x5a }
        guard isCode else {
            let upper = text.uppercased()
            let isNear = upper != text && upper.utf8.count == 2
            throw ValueFault(
                .badPlace,
                "`\(text)` is no code of a country",
                isNear ? "did you mean `\(upper)`?" : "two capital letters, such as `DE`"
            )
        }
        return text
    }

    /// A country's code, `-`, and one to three capital letters or digits.
    static func subdivision(_ text: String) throws(ValueFault) -> String {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        let isCode =
            parts.count == 2 && (1...3).contains(parts[1].utf8.count)
            && parts[1].utf8.allSatisfy { $0 >= 0x41 && $0 <= 0x5a || ASCII.isDigit($0) }
        guard isCode, (try? country(String(parts[0]))) != nil else {
            throw ValueFault(
                .badPlace,
                "`\(text)` is no code of a subdivision",
                "such as `US-CA` or `DE-BY`"
            )
        }
        return text
    }
}
