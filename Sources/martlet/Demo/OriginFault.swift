// SPDX-License-Identifier: Apache-2.0
internal import Runtime

/// What can be broken at an origin of the demonstration.
enum OriginFault: String, CaseIterable {
    case database = "db"
    case cache
    case disk
    case error = "500"
    case slow
    case lie

    static var words: String { allCases.map(\.rawValue).joined(separator: "|") }

    /// What is to be seen.
    var effect: String {
        switch self {
        case .database: "its database refuses connections, so /healthz says db=fail"
        case .cache: "its cache refuses connections, so /healthz says cache=fail"
        case .disk: "its disk can no longer be written to, so /healthz says disk=fail"
        case .error: "it answers 500 to everything, probes included"
        case .slow: "it answers after 3 s, so probes and some requests time out or are slow"
        case .lie: "/healthz says ok while requests get 500; only real traffic can tell"
        }
    }
}

/// The faults in force at one origin, kept in a file that the commands write.
struct OriginFaults: Equatable {
    private(set) var all: Set<OriginFault> = []

    init() {}

    /// The faults of a file; none when there is no such file.
    init(read path: String) {
        guard let bytes = try? File.read(path, limit: 4_096) else { return }
        let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        all = Set(words.compactMap { OriginFault(rawValue: String($0)) })
    }

    var isEmpty: Bool { all.isEmpty }
    func contains(_ fault: OriginFault) -> Bool { all.contains(fault) }
    mutating func insert(_ fault: OriginFault) { all.insert(fault) }

    func write(_ path: String) throws(SystemError) {
        let text = OriginFault.allCases.filter(all.contains).map { "\($0.rawValue)\n" }.joined()
        try File.writeAtomically(path, Array(text.utf8), mode: 0o644)
    }
}
