// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension OptionType {
    /// The value that a text from the file stands for.
    func parse(_ text: String) throws(ValueFault) -> OptionValue {
        switch self {
        case .duration(let range): return .interval(try Self.duration(text, range))
        case .ttl(let range): return .interval(try Self.ttl(text, range))
        case .size(let range): return .size(try Self.size(text, range))
        case .integer(let range): return .integer(try Self.integer(text, range))
        case .prime(let range): return .integer(try Self.prime(text, range))
        case .decimal(let range): return .decimal(try Self.decimal(text, range))
        case .percentage(let range): return .percentage(try Self.percentage(text, range))
        case .rate(let range): return .rate(try Self.rate(text, range))
        case .boolean: return .bool(try Self.boolean(text))
        case .words(let words): return .text(try Self.word(text, words))
        case .listenAddress: return .listen(try Self.listenAddress(text))
        case .server(let port): return .server(try Self.server(text, port: port))
        case .endpointAddress: return .endpoint(try Self.endpointAddress(text))
        case .address: return .address(try Self.address(text))
        case .prefix: return .prefix(try Self.prefix(text))
        case .country: return .text(try Self.country(text))
        case .subdivision: return .text(try Self.subdivision(text))
        case .moment: return .moment(try Self.moment(text))
        case .weightStep: return .weightStep(try Self.weightStep(text))
        case .statuses: return .statuses(try Self.statuses(text))
        case .retryReason: return try Self.retryReason(text)
        case .hashKey: return .hashKey(try Self.hashKey(text))
        case .hostPattern: return .host(try Self.hostPattern(text))
        case .pathPattern: return .path(try Self.pathPattern(text))
        case .method: return .text(try Self.method(text))
        case .fieldName: return .text(try Self.fieldName(text))
        case .valueMatch: return .match(try Self.valueMatch(text))
        case .mediaRange: return .text(try Self.mediaRange(text))
        case .template: return .text(try Self.plainText(text, limit: 4096))
        case .content(let limit): return .text(try Self.content(text, limit: limit))
        case .secret: return .secret(try SecretOctets(base64: text))
        case .logOutput: return .output(try Self.logOutput(text))
        case .record(let kind): return .record(try Self.record(text, kind))
        case .list(.retryReason): return .list(try Self.retryReasons(text))
        case .list(let element): return .list([try element.parse(text)])
        case .either(let word, let other):
            return text == word ? .word(word) : try other.parse(text)
        case .text, .label, .requestTarget, .filePath, .hostField, .domainName, .hostName,
            .mailbox,
            .expression, .reference, .policies, .weights, .condition, .conditions:
            return .text(try parseText(text))
        }
    }

    private func parseText(_ text: String) throws(ValueFault) -> String {
        switch self {
        case .text(let limit): return try Self.plainText(text, limit: limit)
        case .label, .reference: return try Self.label(text)
        case .requestTarget: return try Self.requestTarget(text)
        case .filePath: return try Self.plainText(text, limit: 4095)
        case .hostField: return try Self.hostField(text)
        case .domainName: return try Self.recordName(text)
        case .hostName: return text == "@" || text == "." ? text : try Self.domainName(text)
        case .mailbox: return try Self.mailbox(text)
        default: return try Self.plainText(text, limit: 4096)
        }
    }

    private static func range(_ lower: some Any, _ upper: some Any) -> String {
        "it must be \(lower) to \(upper)"
    }

    // MARK: Numbers with units

    private static let durationUnits: [(name: String, nanoseconds: Int64)] = [
        ("us", 1000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
        ("h", 3_600_000_000_000), ("d", 86_400_000_000_000),
    ]

    /// `250ms`, `5s`, `1m30s`, `24h`; `0` needs no unit.
    static func duration(
        _ text: String,
        _ range: ClosedRange<Interval>
    ) throws(ValueFault) -> Interval {
        let interval = try unbounded(duration: text)
        guard range.contains(interval) else {
            throw ValueFault(
                .outOfRange,
                "`\(text)` is out of range",
                Self.range(range.lowerBound, range.upperBound)
            )
        }
        return interval
    }

    private static func unbounded(duration text: String) throws(ValueFault) -> Interval {
        let parts = unitParts(text)
        if parts.count == 1, parts[0].unit.isEmpty {
            if parts[0].number == 0 { return .zero }
            throw ValueFault(.notDuration, "`\(text)` has no unit", "did you mean `\(text)s`?")
        }
        var sum = Interval.zero
        var last = Int64.max
        for part in parts {
            guard let unit = durationUnits.first(where: { $0.name == part.unit }) else {
                throw ValueFault(
                    .notDuration,
                    "`\(text)` is no length of time",
                    durationHint(text, part)
                )
            }
            // `1m30s`, but neither `1s1m` nor `1s1s`: those are slips of the keyboard.
            guard unit.nanoseconds < last else {
                throw ValueFault(
                    .notDuration,
                    "`\(text)` does not go from long units to short ones",
                    "such as `1m30s`"
                )
            }
            last = unit.nanoseconds
            sum = sum + Interval(nanoseconds: unit.nanoseconds) * part.number
        }
        guard !parts.isEmpty else {
            throw ValueFault(
                .notDuration,
                "`\(text)` is no length of time",
                "write a number with us, ms, s, m, h or d, such as `5s`"
            )
        }
        return sum
    }

    private static func durationHint(_ text: String, _ part: UnitPart) -> String {
        let long = [
            "sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m",
            "minute": "m", "minutes": "m", "hour": "h", "hours": "h", "day": "d", "days": "d",
            "msec": "ms", "usec": "us", "S": "s", "M": "m", "H": "h", "D": "d", "MS": "ms",
        ]
        if let unit = long[part.unit] { return "did you mean `\(part.number)\(unit)`?" }
        return "units are us, ms, s, m, h and d, such as `250ms` or `1m30s`"
    }

    static func ttl(_ text: String, _ range: ClosedRange<Interval>) throws(ValueFault) -> Interval {
        let interval = try duration(text, range)
        guard interval.nanoseconds % 1_000_000_000 == 0 else {
            throw ValueFault(.outOfRange, "`\(text)` is not in whole seconds", "DNS counts seconds")
        }
        return interval
    }

    private static let sizeUnits: [(name: String, bytes: Int)] = [
        ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("kB", 1000),
        ("MB", 1_000_000), ("GB", 1_000_000_000),
    ]

    /// `512B`, `16KiB`, `4MiB`; `0` needs no unit.
    static func size(_ text: String, _ range: ClosedRange<Int>) throws(ValueFault) -> ByteCount {
        let parts = unitParts(text)
        guard parts.count == 1, let part = parts.first else {
            throw ValueFault(.notSize, "`\(text)` is no number of bytes", "such as `16KiB`")
        }
        let unit: Int
        if let known = sizeUnits.first(where: { $0.name == part.unit }) {
            unit = known.bytes
        } else if part.unit.isEmpty, part.number == 0 {
            unit = 1
        } else {
            let near = sizeUnits.first { known in
                let letters = part.unit.lowercased()
                return known.name.lowercased() == letters
                    || known.name.lowercased().prefix(1) == letters
            }
            let suggestion =
                part.unit.isEmpty ? "\(text)B" : near.map { "\(part.number)\($0.name)" } ?? "16KiB"
            let what = part.unit.isEmpty ? "has no unit" : "has an unknown unit"
            throw ValueFault(.notSize, "`\(text)` \(what)", "did you mean `\(suggestion)`?")
        }
        let (bytes, overflow) = Int(part.number).multipliedReportingOverflow(by: unit)
        guard !overflow, range.contains(bytes) else {
            throw ValueFault(
                .outOfRange,
                "`\(text)` is out of range",
                Self.range(ByteCount(range.lowerBound), ByteCount(range.upperBound))
            )
        }
        return ByteCount(bytes)
    }

    static func percentage(
        _ text: String,
        _ range: ClosedRange<Int>
    ) throws(ValueFault) -> Percentage {
        let parts = unitParts(text)
        guard parts.count == 1, let part = parts.first, part.unit == "%" || part.unit.isEmpty else {
            throw ValueFault(.notPercentage, "`\(text)` is no percentage", "such as `20%`")
        }
        guard part.unit == "%" || part.number == 0 else {
            throw ValueFault(.notPercentage, "`\(text)` has no unit", "did you mean `\(text)%`?")
        }
        guard let percent = Int(exactly: part.number), range.contains(percent) else {
            throw ValueFault(
                .outOfRange,
                "`\(text)` is out of range",
                Self.range("\(range.lowerBound)%", "\(range.upperBound)%")
            )
        }
        return Percentage(percent)
    }

    static func integer(_ text: String, _ range: ClosedRange<Int>) throws(ValueFault) -> Int {
        let isNumber = !text.isEmpty && text.utf8.allSatisfy(ASCII.isDigit)
        guard isNumber || (text.hasPrefix("-") && Int(text) != nil) else {
            throw ValueFault(.notInteger, "`\(text)` is no whole number")
        }
        guard let value = Int(text), range.contains(value) else {
            throw ValueFault(
                .outOfRange,
                "`\(text)` is out of range",
                Self.range(range.lowerBound, range.upperBound)
            )
        }
        return value
    }

    static func prime(_ text: String, _ range: ClosedRange<Int>) throws(ValueFault) -> Int {
        let value = try integer(text, range)
        if isPrime(value) { return value }
        let next = (value...range.upperBound).first(where: isPrime)
        let before = (range.lowerBound...value).last(where: isPrime)
        let suggestion = (next ?? before).map { "did you mean `\($0)`?" }
        throw ValueFault(.notPrime, "\(value) is not a prime", suggestion)
    }

    static func isPrime(_ value: Int) -> Bool {
        guard value > 3 else { return value > 1 }
        var divisor = 2
        while divisor * divisor <= value {
            if value % divisor == 0 { return false }
            divisor += 1
        }
        return true
    }

    private struct UnitPart {
        var number: Int64
        var unit: String
    }

    /// `1m30s` as (1, m), (30, s); empty when a number is missing or too large.
    private static func unitParts(_ text: String) -> [UnitPart] {
        var parts: [UnitPart] = []
        var rest = text[...]
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard let number = Int64(digits), digits.count <= 18 else { return [] }
            rest = rest[digits.endIndex...]
            let unit = rest.prefix { !($0.isASCII && $0.isNumber) }
            rest = rest[unit.endIndex...]
            parts.append(UnitPart(number: number, unit: String(unit)))
            guard parts.count <= 6 else { return [] }
        }
        return parts
    }

    // MARK: Words

    static func boolean(_ text: String) throws(ValueFault) -> Bool {
        switch text {
        case "true": return true
        case "false": return false
        default: break
        }
        let meaning = [
            "yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false",
        ]
        let near =
            meaning[text.lowercased()] ?? Spelling.nearest(to: text, among: ["true", "false"])
        throw ValueFault(
            .notBoolean,
            "`\(text)` is neither `true` nor `false`",
            near.map { "did you mean `\($0)`?" }
        )
    }

    static func word(_ text: String, _ words: [String]) throws(ValueFault) -> String {
        if words.contains(text) { return text }
        let suggestion =
            Spelling.nearest(to: text, among: words).map { "did you mean `\($0)`?" }
            ?? "one of " + words.joined(separator: ", ")
        throw ValueFault(.notWord, "`\(text)` is not known here", suggestion)
    }

    static func logOutput(_ text: String) throws(ValueFault) -> LogOutput {
        switch text {
        case "off": return .off
        case "stderr": return .stderr
        case "stdout": return .stdout
        default:
            // A word without a slash is more often a misspelt `stderr` than a file.
            guard text.contains("/") else {
                throw ValueFault(
                    .notWord,
                    "`\(text)` is no output",
                    Spelling.nearest(to: text, among: ["off", "stderr", "stdout"])
                        .map { "did you mean `\($0)`?" }
                        ?? "`stderr`, `stdout`, `off` or a path such as `./\(text)`"
                )
            }
            return .file(try plainText(text, limit: 4095))
        }
    }

    /// Texts of a person: not empty, bounded, free of control characters.
    static func plainText(_ text: String, limit: Int) throws(ValueFault) -> String {
        guard !text.isEmpty else { throw ValueFault(.badText, "the text is empty") }
        guard text.utf8.count <= limit else {
            throw ValueFault(.badText, "the text is longer than \(limit) bytes")
        }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else {
            throw ValueFault(.badText, "the text holds a control character")
        }
        return text
    }

    static func label(_ text: String) throws(ValueFault) -> String {
        let first = text.utf8.first ?? 0
        let isName =
            text.utf8.count <= 63 && (ASCII.isLetter(first) || ASCII.isDigit(first))
            && text.utf8.allSatisfy {
                ASCII.isLetter($0) || ASCII.isDigit($0) || [0x2d, 0x2e, 0x5f].contains($0)
            }
        guard isName else {
            throw ValueFault(
                .badName,
                "`\(text)` cannot be a name",
                "use 1 to 63 letters, digits, `-`, `_` and `.`, a letter or digit first"
            )
        }
        return text
    }
}
