// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import EdgeCache
internal import Essentials
internal import HTTPProtocol

/// An object that is to be put into a cache.
public struct PushOrder: Sendable, Equatable {
    let url: String
    let sketch: PushedObject.Sketch
    let isPinned: Bool
    let content: [UInt8]

    /// The greatest content that is taken at all, however great objects of a cache may be.
    static let contentLimit = 1 << 30
    private static let lifetimes = Interval.seconds(1)...(.seconds(365 * 86_400))

    /// Reads a PUT: `url`, and at will `header` and `for` several times, `tag` likewise, `lifetime`,
    /// `status` and `pin`; the body is the content.
    init(_ parameters: Parameters, _ request: ServiceRequest) throws(Problem) {
        try parameters.check(
            known: ["url", "header", "for", "tag", "lifetime", "status", "pin"],
            repeated: ["header", "for", "tag"]
        )
        url = try parameters.required("url")
        content = request.body
        switch parameters.value("pin") ?? "false" {
        case "true": isPinned = true
        case "false": isPinned = false
        default: throw Problem(.invalidValue, "'pin' must be true or false.")
        }
        var sketch = PushedObject.Sketch()
        for line in parameters.all where line.name == "header" {
            sketch.fields.append(try PushOrder.field(line.value))
        }
        for line in parameters.all where line.name == "for" {
            sketch.asked.append(try PushOrder.field(line.value))
        }
        if let status = try parameters.number("status") {
            guard let status = UInt16(exactly: status), PushedObject.statuses.contains(status)
            else {
                throw PushOrder.badStatus
            }
            sketch.status = status
        }
        if let text = parameters.value("lifetime") {
            do throws(DurationText.Fault) {
                sketch.lifetime = try DurationText.read(text, in: PushOrder.lifetimes)
            } catch {
                throw Problem(.invalidValue, "The parameter 'lifetime': \(error.text).")
            }
        }
        try PushOrder.addTags(parameters, to: &sketch)
        if let type = request.field("content-type"), !sketch.has("content-type") {
            sketch.fields.append(("Content-Type", type))
        }
        if !sketch.has("etag"), sketch.status == 200 {
            sketch.fields.append(("ETag", PushOrder.tag(of: content)))
        }
        self.sketch = sketch
    }

    private static func field(_ line: String) throws(Problem) -> (name: String, value: String) {
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, FieldSyntax.isToken(Array(parts[0].utf8).span) else {
            throw Problem(.invalidValue, "'\(line)' is no header; write 'Name: value'.")
        }
        return (String(parts[0]), String(parts[1].drop { $0 == " " }))
    }

    private static func addTags(
        _ parameters: Parameters,
        to sketch: inout PushedObject.Sketch
    ) throws(Problem) {
        let tags = parameters.all.filter { $0.name == "tag" }.map(\.value)
        for tag in tags {
            let isPlain = tag.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != 0x2c }
            guard isPlain, !tag.isEmpty else {
                throw Problem(.invalidValue, "A tag has no blank and no comma: '\(tag)'.")
            }
        }
        if !tags.isEmpty {
            sketch.fields.append(("Surrogate-Key", tags.joined(separator: " ")))
        }
    }

    /// What tells one content from another: the same for the same octets, on every node.
    private static func tag(of content: [UInt8]) -> String {
        let digest = SipHash.digest(content.span, key: SipKey(0x6d61_7274_6c65_7400, 1))
        func hex(_ number: UInt64) -> String {
            let text = String(number, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return "\"\(hex(digest.high))\(hex(digest.low))\""
    }

    private static var badStatus: Problem {
        let known = PushedObject.statuses.map { "\($0)" }.joined(separator: ", ")
        return Problem(.invalidValue, "'status' must be one of \(known).")
    }

    // MARK: Refusals

    /// What is said of an object that there cannot be.
    static func problem(_ fault: PushedObject.Fault) -> Problem {
        switch fault {
        case .badField(let name):
            Problem(
                .invalidValue,
                "The header '\(name)' has no name or value that HTTP allows: line ends and other control "
                    + "characters are none (RFC 9110 §5.5)."
            )
        case .ownField(let name):
            Problem(
                .invalidValue,
                "The header '\(name)' is for one hop or message, or written by the cache: leave it out."
            )
        case .wrongLength:
            Problem(.invalidValue, "'Content-Length' is not the length of the content.")
        case .badStatus: badStatus
        case .badHead(let reason):
            Problem(.invalidValue, "The headers make no head that is read here: \(reason).")
        case .notStorable(let reason):
            Problem(.notPushable, "A cache may not keep it: \(reason.word).")
        }
    }

    /// What is said of an object that was not taken; nil for one that was.
    static func problem(_ answer: PushAnswer, of cache: String, limit: Int) -> Problem? {
        switch answer {
        case .kept: return nil
        case .tooLarge:
            return Problem(
                .bodyTooLarge,
                "It is larger than 'object-limit' of the cache '\(cache)'."
            )
        case .noRoom:
            return Problem(.pushNoRoom, "The cache '\(cache)' finds no room for it.")
        case .partFull:
            let text =
                "The part of the cache '\(cache)' that this URL falls on is full of pinned objects."
            return Problem(.pinnedLimit, text)
        case .overLimit(let inUse, let needed):
            var problem = Problem(
                .pinnedLimit,
                "It takes \(ByteCount(needed)), and pinned objects of the cache '\(cache)' take "
                    + "\(ByteCount(inUse)) of \(ByteCount(limit))."
            )
            problem.members = [
                JSONMember("neededBytes", .integer(Int64(needed))),
                JSONMember("pinnedBytes", .integer(Int64(inUse))),
                JSONMember("pinnedLimitBytes", .integer(Int64(limit))),
            ]
            return problem
        }
    }
}

extension PushedObject.Sketch {
    fileprivate func has(_ name: String) -> Bool {
        fields.contains { $0.name.lowercased() == name }
    }
}
