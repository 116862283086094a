// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Parts of HTTP messages as they are written in the file.
extension OptionType {
    // tchar of RFC 9110 §5.6.2.
    private static func token(_ text: String, _ what: String) throws(ValueFault) -> String {
        guard !text.isEmpty, text.utf8.count <= 64, text.utf8.allSatisfy(isTokenByte) else {
            throw ValueFault(.badText, "`\(text)` cannot be \(what)")
        }
        return text
    }

    static func method(_ text: String) throws(ValueFault) -> String {
        let name = try token(text, "a method")
        // RFC 9110 §9.1: methods are case-sensitive, and those in use are in capitals.
        guard name == name.uppercased() else {
            throw ValueFault(
                .badText,
                "`\(text)` is no method",
                "did you mean `\(name.uppercased())`?"
            )
        }
        return name
    }

    static func fieldName(_ text: String) throws(ValueFault) -> String {
        try token(text, "the name of a field")
    }

    /// `NAME`, `NAME=VALUE`, `NAME^=PREFIX`, `NAME$=SUFFIX`, `NAME*=PART`, `NAME~EXPRESSION`.
    static func valueMatch(_ text: String) throws(ValueFault) -> ValueMatchSettings {
        let end = text.firstIndex { $0 == "=" || $0 == "~" } ?? text.endIndex
        var name = text[..<end]
        guard end < text.endIndex else {
            let name = try token(text, "a name")
            return ValueMatchSettings(name: name, test: .present, text: "")
        }
        var test = ValueMatchSettings.Test.expression
        if text[end] == "=" {
            let sign = name.last.map { "\($0)=" } ?? ""
            test = ValueMatchSettings.Test(rawValue: sign) ?? .equals
            if test != .equals { name = name.dropLast() }
        }
        let value = String(text[text.index(after: end)...])
        guard !value.isEmpty || test == .equals else {
            throw ValueFault(.badText, "nothing stands behind `\(test.rawValue)` in `\(text)`")
        }
        if !value.isEmpty { _ = try plainText(value, limit: 1024) }
        return ValueMatchSettings(
            name: try token(String(name), "a name"),
            test: test,
            text: value
        )
    }

    static func mediaRange(_ text: String) throws(ValueFault) -> String {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let isRange =
            parts.count == 2 && parts[0].utf8.allSatisfy(isTokenByte) && !parts[0].isEmpty
            && parts[1].utf8.allSatisfy(isTokenByte) && !parts[1].isEmpty
        guard isRange else {
            throw ValueFault(.badText, "`\(text)` is no media type", "such as `application/json`")
        }
        return text.lowercased()
    }

    /// Texts of several lines: bounded, and UTF-8 without control characters but line ends and tabs.
    static func content(_ text: String, limit: Int) throws(ValueFault) -> String {
        guard text.utf8.count <= limit else {
            throw ValueFault(.badText, "the text is longer than \(limit) bytes")
        }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 || $0 == 0x0a }) else {
            throw ValueFault(.badText, "the text holds a control character")
        }
        return text
    }
}
