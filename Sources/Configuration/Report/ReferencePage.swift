// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The reference page in Markdown, written from the table and the codes.
public enum ReferencePage {
    /// The whole page.
    public static var text: String {
        head + values + Schema.martlet.groups.map(section).joined() + codes
    }

    private static let head = """
        # Configuration reference

        Written from the schema table by `make reference`; do not edit. A start: `martlet init`, and the
        files under `Documentation/examples`. `martlet check FILE` says all that is wrong with a file,
        `martlet schema` prints this page as JSON Schema for editors, and `martlet diff FILE` says what
        a reload would change.

        The file is YAML. Unknown keys, keys given twice, tags, merge keys and second documents are
        errors; anchors and aliases may be used. A value means what its option says: `no` is never false,
        `08` is a number where a number is wanted. In paths, `*` stands for a name of yours, `[]` for the
        members of a list.

        """

    private static let values = """

        ## How values are written

        | type | written as |
        |---|---|
        | duration | a number with `us`, `ms`, `s`, `m`, `h` or `d`: `250ms`, `5s`, `1m30s`; `0` needs none |
        | TTL | a duration in whole seconds |
        | size | a number with `B`, `KiB`, `MiB`, `GiB`, `kB`, `MB` or `GB`: `16KiB`; `0` needs none |
        | decimal | a number with up to 17 decimals: `48.137`, `-11.5` |
        | percentage | whole percent: `20%` |
        | rate | a number in a second, minute or hour: `100/s`, `600/m`, `1000/h` |
        | boolean | `true` or `false`, nothing else |
        | listen address | `:8080` for every address of the machine, `127.0.0.1:8080`, `[::1]:8080` |
        | endpoint address | `192.0.2.1:80`, `[2001:db8::1]:80`, or `name:80`, which is resolved |
        | prefix | `192.0.2.0/24`, or a lone address |
        | statuses | `200` or `200-299` |
        | list of ... | one value, or several in a list |
        | domain name | absolute, with or without a final dot; a single label is relative to its zone |

        """

    // MARK: Options

    /// `` `http` or `https` ``.
    private static func words(_ keys: [String]) -> String {
        keys.map { "`\($0)`" }.joined(separator: " or ")
    }

    private static func section(_ group: OptionGroup) -> String {
        let schema = Schema.martlet
        let options = schema.options.filter { $0.group == group.path }
        let title = group.path.isEmpty ? "Top level" : "`\(group.path)`"
        var text = "\n## \(title)\n\n\(group.sentence)"
        if !group.kinds.isEmpty, group.path != "steer.*" {
            let kinds = group.kinds.map { "`\($0)`" }.joined(separator: ", ")
            text += " Each has exactly one of \(kinds)."
        }
        if !group.beside.isEmpty { text += " Only beside \(words(group.beside))." }
        text += "\n"
        guard !options.isEmpty else { return text }
        text += "\n| option | type | default | meaning |\n|---|---|---|---|\n"
        for option in options { text += row(option) }
        return text
    }

    private static func row(_ option: Option) -> String {
        let fallback =
            switch option.fallback {
            case .required: "must be given"
            case .text(let text): "`\(text)`"
            case .absent(let words): words
            }
        var notes = option.sentence
        if !option.beside.isEmpty { notes += " Only beside \(words(option.beside))." }
        if !option.isReloadable { notes += " *Takes a restart.*" }
        let cells = ["`\(option.path)`", option.type.summary, fallback, notes]
        return "| \(cells.map(escape).joined(separator: " | ")) |\n"
    }

    private static func escape(_ cell: String) -> String {
        cell.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }

    // MARK: Codes

    private static var codes: String {
        var text = """

            ## Codes

            Errors refuse a file as a whole; warnings do not. A code never changes its meaning.

            | code | | what | cause | remedy |
            |---|---|---|---|---|

            """
        for code in DiagnosticCode.allCases {
            let explanation = code.explanation
            let cells = [
                code.rawValue, code.severity.rawValue, explanation.title, explanation.cause,
                explanation.remedy,
            ]
            text += "| \(cells.map(escape).joined(separator: " | ")) |\n"
        }
        return text
    }
}

extension OptionType {
    /// What the type is and its range, in a few words.
    var summary: String {
        switch self {
        case .duration(let range): "duration, \(range.lowerBound) to \(range.upperBound)"
        case .ttl(let range):
            range.upperBound > .seconds(31_000_000)
                ? "TTL" : "TTL, \(range.lowerBound) to \(range.upperBound)"
        case .size(let range):
            "size, \(ByteCount(range.lowerBound)) to \(ByteCount(range.upperBound))"
        case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
        case .prime(let range): "prime, \(range.lowerBound) to \(range.upperBound)"
        case .decimal(let range): "decimal, \(range.lowerBound) to \(range.upperBound)"
        case .percentage(let range): "percentage, \(range.lowerBound)% to \(range.upperBound)%"
        case .rate(let range): "rate, \(range.lowerBound) to \(range.upperBound)"
        case .boolean: "boolean"
        case .words(let words): words.map { "`\($0)`" }.joined(separator: ", ")
        case .list(let element): "list of \(element.summary)"
        case .either(let word, let other): "`\(word)`, or \(other.summary)"
        case .reference(let kind): "name of a \(kind == .steer ? "policy" : kind.rawValue)"
        case .record(let kind): "data of \(kind.rawValue.uppercased())"
        case .text(let limit): "text, at most \(limit) bytes"
        default: plainSummary
        }
    }

    private var plainSummary: String {
        switch self {
        case .label: "name"
        case .listenAddress: "listen address"
        case .server(let port): "address, port \(port) unless given"
        case .endpointAddress: "endpoint address"
        case .address: "IP address"
        case .prefix: "prefix"
        case .country: "two capital letters"
        case .subdivision: "`US-CA`"
        case .moment: "`2026-12-01T22:00:00Z`"
        case .weightStep: "`WEIGHT -> WEIGHT over DURATION at MOMENT`"
        case .statuses: "statuses"
        case .retryReason:
            "`connect`, `reset`, `timeout`, statuses, or statuses of gRPC such as `grpc-unavailable`"
        case .hashKey: "`source-ip`, `uri`, `header:NAME`, `cookie:NAME`, `query:NAME`"
        case .hostPattern: "host pattern"
        case .pathPattern: "path pattern"
        case .requestTarget: "path with optional query"
        case .filePath: "path"
        case .logOutput: "log output"
        case .hostField: "host"
        case .domainName: "domain name"
        case .hostName: "host name"
        case .secret: "base64"
        case .mailbox: "mailbox"
        case .expression: "regular expression"
        case .method: "method"
        case .fieldName: "field name"
        case .valueMatch: "`NAME`, or a name with `=`, `^=`, `$=`, `*=` or `~` and a value"
        case .mediaRange: "media type, or `type/*`"
        case .template: "text with variables"
        case .content(let limit): "text of lines, at most \(limit) bytes"
        case .condition: "condition"
        case .conditions: "list of conditions"
        case .policies: "list of addresses and policies"
        case .weights: "addresses with weights, or list of policies"
        default: "text"
        }
    }
}
