// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import DNSProtocol
internal import Essentials

/// Well-known forms of LUA records, read without running anything.
///
///     script     = expression / ";" *chain "return" expression
///     chain      = "if" condition "then" "return" expression
///                  *("elseif" condition "then" "return" expression)
///                  ["else" "return" expression] "end"
///     condition  = (place / "(" condition ")") *("or" condition)
///     place      = ("continent" / "country" / "netmask") "(" texts ")"
///     expression = "pickrandom" / "pickhashed" of texts, "pickwrandom" / "pickwhashed" of pairs of
///                  weight and text, or one text
///
/// All else is refused by its name: half of a script understood is none.
struct DynamicScript {
    private enum Token: Equatable {
        case word(String)
        case number(Int)
        case text(String)
        case mark(Character)

        var shown: String {
            switch self {
            case .word(let text), .text(let text): text
            case .number(let value): "\(value)"
            case .mark(let mark): "\(mark)"
            }
        }
    }

    /// Parentheses inside each other: the reader recurses once for each.
    private static let depthLimit = 16
    private static let pickers: Set<String> = [
        "pickrandom", "pickhashed", "pickwrandom", "pickwhashed",
    ]

    /// Functions of PowerDNS that octoDNS never writes, and what does the same here.
    private static let others: [String: String] = {
        let check =
            "it brings a check of its own: write pickrandom, and name the check as `zone-api.probe`"
        return [
            "ifportup": check, "ifurlup": check, "ifurlextup": check,
            "pickclosest": "steer the name by a policy of the configuration: `proximity`",
            "pickselfweighted": "steer the name by a policy of the configuration: `weighted`",
        ]
    }()

    private var tokens: [Token]
    private var place = 0
    private let answers: RecordType

    /// What a script says.
    static func rules(
        _ script: String,
        answers: RecordType
    ) throws(DynamicFault) -> DynamicRules {
        var reader = DynamicScript(tokens: try tokens(script), answers: answers)
        return DynamicRules(rules: try reader.script())
    }

    private init(tokens: [Token], answers: RecordType) {
        self.tokens = tokens
        self.answers = answers
    }

    // MARK: Words

    private static func tokens(_ script: String) throws(DynamicFault) -> [Token] {
        // As in a zone file, quotes inside the text may have a backslash.
        var rest = Substring(script.replacing("\\\"", with: "\""))
        var found: [Token] = []
        while let first = rest.first {
            if first.isWhitespace {
                rest.removeFirst()
            } else if rest.hasPrefix("--") {
                rest = rest.drop { !$0.isNewline }
            } else if first == "'" || first == "\"" {
                let text = rest.dropFirst().prefix { $0 != first }
                guard text.endIndex < rest.endIndex else {
                    throw DynamicFault("a quote in the script does not end")
                }
                found.append(.text(String(text)))
                rest = rest[text.endIndex...].dropFirst()
            } else if first.isASCII, first.isLetter || first == "_" {
                let word = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
                found.append(.word(String(word)))
                rest = rest[word.endIndex...]
            } else if first.isASCII, first.isNumber {
                let digits = rest.prefix { $0.isASCII && $0.isNumber }
                guard let value = Int(digits), value <= 1_000_000 else {
                    throw DynamicFault("the number \(digits) is too large")
                }
                found.append(.number(value))
                rest = rest[digits.endIndex...]
            } else {
                found.append(.mark(first))
                rest.removeFirst()
            }
        }
        return found
    }

    private var next: Token? { place < tokens.count ? tokens[place] : nil }

    private func unexpected(_ wanted: String) -> DynamicFault {
        DynamicFault(
            "the script has '\(next?.shown ?? "its end")' where \(wanted) is understood; "
                + "Martlet runs no Lua"
        )
    }

    private mutating func take(_ token: Token) -> Bool {
        guard next == token else { return false }
        place += 1
        return true
    }

    private mutating func expect(_ token: Token) throws(DynamicFault) {
        guard take(token) else { throw unexpected("'\(token.shown)'") }
    }

    // MARK: Statements

    private mutating func script() throws(DynamicFault) -> [DynamicRules.Rule] {
        var rules: [DynamicRules.Rule] = []
        if take(.mark(";")) {
            while next == .word("if"), rules.last?.regions.isEmpty != true { try chain(&rules) }
            if rules.last?.regions.isEmpty != true {
                rules.append(try answer([]))
            }
        } else {
            rules.append(DynamicRules.Rule(regions: [], pools: [try expression()]))
        }
        _ = take(.mark(";"))
        guard place == tokens.count else { throw unexpected("the end") }
        return rules
    }

    private mutating func chain(_ rules: inout [DynamicRules.Rule]) throws(DynamicFault) {
        try expect(.word("if"))
        repeat {
            let regions = try condition(0)
            try expect(.word("then"))
            rules.append(try answer(regions))
        } while take(.word("elseif"))
        if take(.word("else")) { rules.append(try answer([])) }
        try expect(.word("end"))
    }

    private mutating func answer(
        _ regions: [RegionSettings]
    ) throws(DynamicFault) -> DynamicRules.Rule {
        try expect(.word("return"))
        return DynamicRules.Rule(regions: regions, pools: [try expression()])
    }

    private mutating func condition(_ depth: Int) throws(DynamicFault) -> [RegionSettings] {
        guard depth < DynamicScript.depthLimit else {
            throw DynamicFault("conditions stand inside each other too deep")
        }
        var regions: [RegionSettings] = []
        repeat {
            if take(.mark("(")) {
                regions += try condition(depth + 1)
                try expect(.mark(")"))
            } else {
                regions += try region()
            }
        } while take(.word("or"))
        return regions
    }

    private mutating func region() throws(DynamicFault) -> [RegionSettings] {
        guard case .word(let word)? = next, ["continent", "country", "netmask"].contains(word)
        else { throw unexpected("continent, country or netmask") }
        place += 1
        try expect(.mark("("))
        let texts = try self.texts()
        try expect(.mark(")"))
        var regions: [RegionSettings] = []
        for text in texts {
            switch word {
            case "continent": regions.append(try DynamicRules.continent(text))
            case "country": regions.append(try DynamicRules.country(text))
            default: regions.append(try DynamicRules.network(text))
            }
        }
        guard word == "country", texts.count == 1, take(.word("and")) else { return regions }
        try expect(.word("region"))
        try expect(.mark("("))
        let parts = try self.texts()
        try expect(.mark(")"))
        return parts.map { .subdivision("\(texts[0])-\($0)") }
    }

    // MARK: Expressions

    private mutating func expression() throws(DynamicFault) -> DynamicRules.Pool {
        if case .text(let text)? = next {
            place += 1
            let target = try DynamicRules.target(text, answers)
            let value = DynamicRules.Value(target: target, weight: 1)
            return DynamicRules.Pool(name: text, values: [value], isSticky: false)
        }
        guard case .word(let word)? = next, DynamicScript.pickers.contains(word) else {
            if case .word(let word)? = next, let remedy = DynamicScript.others[word] {
                throw DynamicFault("'\(word)' is not understood here", remedy)
            }
            throw unexpected("pickrandom, pickwrandom, pickhashed or pickwhashed")
        }
        place += 1
        try expect(.mark("("))
        var values: [DynamicRules.Value] = []
        if word == "pickwrandom" || word == "pickwhashed" {
            try expect(.mark("{"))
            repeat {
                try expect(.mark("{"))
                guard case .number(let weight)? = next else { throw unexpected("a weight") }
                place += 1
                try expect(.mark(","))
                values.append(try value(weight))
                try expect(.mark("}"))
            } while take(.mark(",")) && next == .mark("{")
            try expect(.mark("}"))
        } else {
            for text in try texts() {
                let target = try DynamicRules.target(text, answers)
                values.append(DynamicRules.Value(target: target, weight: 1))
            }
        }
        try expect(.mark(")"))
        return DynamicRules.Pool(name: word, values: values, isSticky: word.hasSuffix("hashed"))
    }

    private mutating func value(_ weight: Int) throws(DynamicFault) -> DynamicRules.Value {
        guard case .text(let text)? = next else { throw unexpected("a text") }
        place += 1
        return DynamicRules.Value(
            target: try DynamicRules.target(text, answers),
            weight: weight
        )
    }

    /// One text, or a table of them.
    private mutating func texts() throws(DynamicFault) -> [String] {
        let isTable = take(.mark("{"))
        var found: [String] = []
        repeat {
            guard case .text(let text)? = next else { throw unexpected("a text") }
            place += 1
            found.append(text)
        } while isTable && take(.mark(",")) && next != .mark("}")
        if isTable { try expect(.mark("}")) }
        return found
    }
}
